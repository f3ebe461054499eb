#!/bin/sh
# OSV: osv-scalibr v0.5.3 (enricher/vulnmatch/osvlocal, the offline matching under osv-scanner)
# ignores a range of versions that comes after a range of commits.
#
# A record has a GIT range and an ECOSYSTEM range, as many of PyPA's have; the OSV schema
# gives the order of ranges no meaning: a version in any of them is affected. Seen:
#
#   GIT first:        false
#   ECOSYSTEM first:  true
#
# Most such records list each version too, which hides it, but not for 2.7.0 where 2.7 is listed.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"fmt"
	"slices"

	"github.com/google/osv-scalibr/enricher/vulnmatch/osvlocal"
	"github.com/google/osv-scalibr/extractor"
	"github.com/ossf/osv-schema/bindings/go/osvschema"
	"google.golang.org/protobuf/encoding/protojson"
)

const record = `{"schema_version": "1.7.0", "id": "EXAMPLE-1", "modified": "2024-07-11T00:00:00Z", "affected": [{
	"package": {"ecosystem": "PyPI", "name": "idna"},
	"ranges": [
		{"type": "GIT", "repo": "https://example.com/idna", "events": [{"introduced": "0"}, {"fixed": "1d365e17e10d72d0b7876316fc7b9ca0eebdd38d"}]},
		{"type": "ECOSYSTEM", "events": [{"introduced": "0.1"}, {"fixed": "3.7"}]}]}]}`

func main() {
	v := new(osvschema.Vulnerability)
	if err := protojson.Unmarshal([]byte(record), v); err != nil {
		panic(err)
	}
	p := &extractor.Package{Name: "idna", Version: "2.7.0", PURLType: "pypi"}
	affected := func() bool { return len(osvlocal.VulnerabilitiesAffectingPackage([]*osvschema.Vulnerability{v}, p)) > 0 }
	fmt.Println("GIT first:", affected())
	slices.Reverse(v.Affected[0].Ranges)
	fmt.Println("ECOSYSTEM first:", affected())
}
GO
go mod init example >/dev/null 2>&1
go get github.com/google/osv-scalibr@v0.5.3 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run . >out.txt
cat out.txt
printf 'GIT first: false\nECOSYSTEM first: true\n' | diff - out.txt && echo 'as described'
