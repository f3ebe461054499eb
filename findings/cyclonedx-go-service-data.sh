#!/bin/sh
# CycloneDX: cyclonedx-go v0.12.0 does not see what data a service handles, in XML of 1.2 to 1.4.
#
# The schemas of 1.2, 1.3 and 1.4 write it as <data><classification flow="inbound">PII</classification></data>; 1.5 on
# has <dataflow>. The library reads <dataflow> alone, whatever version the document says. A valid BOM
# of 1.4 is decoded from XML and encoded as JSON of 1.4: no error, and of the service is left
#
#   "services":[{"name":"s"}]
#
# without "data":[{"flow":"inbound","classification":"PII"}]. The same BOM read as JSON keeps it; encoded as XML of 1.4
# it gets <dataflow>, which the schema of 1.4 does not know. Besides, what was read from XML is written as
# JSON with "bomFormat":"", which the schemas refuse: it has to be set by hand.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

cat >bom.xml <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.4" version="1"><services><service><name>s</name>
<data><classification flow="inbound">PII</classification></data></service></services></bom>
XML
cat >bom.json <<'JSON'
{"bomFormat":"CycloneDX","specVersion":"1.4","version":1,"services":[{"name":"s","data":[{"flow":"inbound","classification":"PII"}]}]}
JSON
cat >main.go <<'GO'
package main

import (
	"os"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func turn(name string, from, to cdx.BOMFileFormat) {
	f, err := os.Open(name)
	if err != nil {
		panic(err)
	}
	bom := new(cdx.BOM)
	if err := cdx.NewBOMDecoder(f, from).Decode(bom); err != nil {
		panic(err)
	}
	if err := cdx.NewBOMEncoder(os.Stdout, to).EncodeVersion(bom, cdx.SpecVersion1_4); err != nil {
		panic(err)
	}
	os.Stdout.WriteString("\n")
}

func main() {
	turn("bom.xml", cdx.BOMFileFormatXML, cdx.BOMFileFormatJSON)
	turn("bom.json", cdx.BOMFileFormatJSON, cdx.BOMFileFormatXML)
}
GO
go mod init example >/dev/null 2>&1
go get github.com/CycloneDX/cyclonedx-go@v0.12.0 >/dev/null 2>&1
go run . >out.txt
cat out.txt
grep -q '"bomFormat":"","specVersion":"1.4","version":1,"services":\[{"name":"s"}\]' out.txt &&
	grep -q '<data><dataflow><classification flow="inbound">PII</classification></dataflow></data>' out.txt ||
	{ echo "it has changed; see the head of this file for what it was"; exit 1; }
echo "as described: the data of a service in XML is not seen, and is written as a later version's"
