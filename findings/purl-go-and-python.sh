#!/bin/sh
# purl: packageurl-go v0.1.7 and packageurl-python 0.17.6 write different canonical forms.
#
# Both are libraries of the purl project itself, and the canonical form is what purls are
# compared by. Behaviour:
#
#   purl                                    Go                                    Python
#   pkg:golang/github.com/Masterminds/a@v1  pkg:golang/github.com/masterminds/a@v1  as it was
#   pkg:npm/JSONStream@1.3.5                as it was                             pkg:npm/jsonstream@1.3.5
#   pkg:oci/app@sha256:AB                   as it was                             pkg:oci/app@sha256:ab
#   pkg:pub/A@1                             as it was                             pkg:pub/a@1
#
# github.com/Masterminds and JSONStream are names of real packages, and in both ecosystems
# the case is part of the name. A purl that went through one library is not found by the other.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
purls='pkg:golang/github.com/Masterminds/a@v1 pkg:npm/JSONStream@1.3.5 pkg:oci/app@sha256:AB pkg:pub/A@1'

cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/package-url/packageurl-go"
)

func main() {
	for _, s := range os.Args[1:] {
		p, err := packageurl.FromString(s)
		if err != nil {
			panic(err)
		}
		fmt.Println(p.ToString())
	}
}
GO
go mod init example >/dev/null 2>&1
go get github.com/package-url/packageurl-go@v0.1.7 >/dev/null 2>&1
# shellcheck disable=SC2086
go run . $purls >go.txt

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check packageurl-python==0.17.6
# shellcheck disable=SC2086
venv/bin/python - $purls >python.txt <<'PY'
import sys
from packageurl import PackageURL

for s in sys.argv[1:]:
    print(PackageURL.from_string(s).to_string())
PY

cat >want-go.txt <<'END'
pkg:golang/github.com/masterminds/a@v1
pkg:npm/JSONStream@1.3.5
pkg:oci/app@sha256:AB
pkg:pub/A@1
END
cat >want-python.txt <<'END'
pkg:golang/github.com/Masterminds/a@v1
pkg:npm/jsonstream@1.3.5
pkg:oci/app@sha256:ab
pkg:pub/a@1
END
diff want-go.txt go.txt && diff want-python.txt python.txt && echo "as described: the two disagree on every one of: $purls"
