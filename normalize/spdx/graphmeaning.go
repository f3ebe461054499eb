package spdx

import (
	"bytes"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// graphMeaning is what does not count when documents of SPDX 3 are compared.
var graphMeaning = &normalize.Meaning{
	Sets: func() map[string]string {
		all := map[string]string{}
		for _, name := range [...]string{
			"@graph", "element", "rootElement", "to", "createdBy", "createdUsing", "externalIdentifier", "externalIdentifiers", "externalRef", "locator",
			"identifierLocator", "verifiedUsing", "profileConformance", "originatedBy", "import", "namespaceMap", "software_sbomType", "sbomType",
			"software_attributionText", "software_additionalPurpose", "simplelicensing_customIdToUri", "expandedlicensing_member",
			"expandedlicensing_seeAlso", "extension",
		} {
			all[name] = ""
		}
		return all
	}(),
	Times: map[string]bool{
		"builtTime": true, "releaseTime": true, "validUntilTime": true, "startTime": true, "endTime": true, "security_publishedTime": true,
		"security_modifiedTime": true, "security_withdrawnTime": true,
	},
	Form: comparedGraph,
}

// comparedGraph is the form of an SPDX 3 document that is compared: without the time when
// it was made, and without the namespace of the document in the ids of its elements.
func comparedGraph(json []byte) []byte {
	r := &rewriter{b: json, out: make([]byte, 0, len(json)), ok: true, prefix: namespaceOf(json), drop: map[string]bool{"created": true}}
	r.value(nil)
	if r.space(); !r.ok || r.at != len(r.b) {
		return json
	}
	return r.out
}

// namespaceOf is what the id of the document begins with, up to the last # or /.
func namespaceOf(json []byte) []byte {
	if !bytes.Contains(json, []byte("SpdxDocument")) {
		return nil
	}
	r := lenient.New(json, "", nil)
	var id []byte
	element := func() {
		var found, typ []byte
		for ok := r.Object(); ok && r.Member(); {
			switch string(local(r.Name())) {
			case "spdxId", "@id":
				found = r.Bytes()
			case "type", "@type":
				if r.IsArray() {
					r.Skip()
				} else {
					typ = local(r.Bytes())
				}
			default:
				r.Skip()
			}
		}
		if id == nil && string(typ) == "SpdxDocument" {
			id = found
		}
	}
	top := r.IsObject()
	if top {
		var found, typ []byte
		for ok := r.Object(); ok && r.Member(); {
			switch name := string(local(r.Name())); {
			case name == "@graph":
				for ok := r.Array(); ok && r.Element(); {
					element()
				}
			case name == "spdxId", name == "@id":
				found = r.Bytes()
			case (name == "type" || name == "@type") && !r.IsArray():
				typ = local(r.Bytes())
			default:
				r.Skip()
			}
		}
		if string(typ) == "SpdxDocument" {
			id = found
		}
	}
	return id[:bytes.LastIndexAny(id, "#/")+1]
}
