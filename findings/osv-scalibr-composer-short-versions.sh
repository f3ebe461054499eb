#!/usr/bin/env bash
# Software:  github.com/google/osv-scalibr v0.5.3 (package semantic, the order behind osv-scanner), from the Go module proxy
# Expected:  Packagist's versions in Composer's order: 1.0 is 1.0.0 is v1.0.0.0, build metadata makes no difference,
#            and the branch 8.x-dev comes after every 8.something (composer/semver 3.3.2 says so).
# Behaviour: The order is PHP's version_compare without the normalisation that Composer does first. A package at 2.3
#            is before its fix in 2.3.0, so it is reported although it is fixed; one at 8.x-dev is before 8.9.3.
# Seen:      2.3 < 2.3.0
#            1.0.0 > 1.0.0+build
#            8.x-dev < 8.9.3
# Ends with 0 while it is so, with 1 when it has changed. The module is 155 MB to fetch.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/google/osv-scalibr/semantic"
)

func main() {
	for _, p := range [][2]string{{"2.3", "2.3.0"}, {"1.0.0", "1.0.0+build"}, {"8.x-dev", "8.9.3"}} {
		c, err := semantic.MustParse(p[0], "Packagist").CompareStr(p[1])
		if err != nil {
			panic(err)
		}
		fmt.Println(p[0], string("<=>"[c+1]), p[1])
	}
}
GO
go mod init order >/dev/null 2>&1
go get github.com/google/osv-scalibr@v0.5.3 >/dev/null 2>&1
got=$(go run .)
printf '%s\n' "$got"
[ "$got" = "2.3 < 2.3.0
1.0.0 > 1.0.0+build
8.x-dev < 8.9.3" ] || { echo "changed" >&2; exit 1; }
