#!/bin/sh
# CycloneDX: cyclonedx-go v0.12.0 empties signatures.
#
# A valid BOM of CycloneDX 1.6 with a JSF signature is decoded and encoded again, as a tool
# does that adds a component. No error; written is
#
#   "signature":{}
#
# for the BOM and for the component: algorithm, value and key are gone. An empty object is
# neither a signature nor valid by the schema, which asks for algorithm and value. The
# properties of a model card go the same way ("modelCard":{}).
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >bom.json <<'JSON'
{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
 "components":[{"type":"machine-learning-model","name":"m","bom-ref":"m",
   "modelCard":{"properties":[{"name":"a","value":"b"}]},
   "signature":{"algorithm":"ES256","value":"c2ln"}}],
 "signature":{"algorithm":"ES256","value":"c2ln",
   "publicKey":{"kty":"EC","crv":"P-256","x":"eA","y":"eQ"}}}
JSON
cat >main.go <<'GO'
package main

import (
	"os"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	f, err := os.Open("bom.json")
	if err != nil {
		panic(err)
	}
	bom := new(cdx.BOM)
	if err := cdx.NewBOMDecoder(f, cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		panic(err)
	}
	if err := cdx.NewBOMEncoder(os.Stdout, cdx.BOMFileFormatJSON).Encode(bom); err != nil {
		panic(err)
	}
}
GO
go mod init example >/dev/null 2>&1
go get github.com/CycloneDX/cyclonedx-go@v0.12.0 >/dev/null 2>&1
go run . >out.json
cat out.json
want='{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"bom-ref":"m","type":"machine-learning-model","name":"m","modelCard":{},"signature":{}}],"signature":{}}'
[ "$(cat out.json)" = "$want" ] || { echo "it has changed; it was: $want"; exit 1; }
echo "as described: the signatures are empty"
