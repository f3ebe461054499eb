package detect

import (
	"strings"

	"sluice/normalize"
)

// Detect returns the first format that recognises the head. Where none does, the
// error is a *normalize.ParkError that says what the document seems to be.
func Detect(h *normalize.Head, formats []normalize.Format) (normalize.Format, error) {
	for _, f := range formats {
		if f.Detect(h) {
			return f, nil
		}
	}
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name()
	}
	kind, advice := guess(h)
	if advice == "" {
		advice = "which is not supported here"
	}
	return nil, normalize.Park(normalize.ReasonUnknownFormat, "", "this looks like %s, %s; supported are %s", kind, advice, strings.Join(names, ", "))
}

// What to do about documents that can be had in a form that is read.
const (
	takeOut   = "whose payload is not unpacked here: send the document that is inside of it"
	toSPDX2   = "which is not supported here: write SPDX 2.3 as JSON"
	toCDXJSON = "which is not supported here: write CycloneDX as JSON or XML"
	toSBOM    = "which is not supported here: let the tool write CycloneDX or SPDX JSON"
)

// looks are the documents that we can name by their head, most telling first.
var looks = []struct {
	kind   string
	is     func(h *normalize.Head) bool
	advice string
}{
	{"a DSSE envelope", has("/payloadType", "/payload"), takeOut},
	{"a Sigstore bundle", contains("/mediaType", "dev.sigstore.bundle"), takeOut},
	{"a Sigstore bundle", has("/dsseEnvelope"), takeOut},
	{"a Sigstore bundle", has("/base64Signature", "/cert"), takeOut},
	{"a list of attestations (Sigstore bundles)", has("/attestations"), takeOut},
	{"an in-toto statement", contains("/_type", "in-toto.io/"), takeOut},
	{"an in-toto statement", has("/predicateType", "/predicate"), takeOut},
	{"an in-toto link or layout", has("/signed/_type", "/signatures"), ""},
	{"SARIF", contains("/$schema", "sarif"), ""},
	{"SARIF", has("/version", "/runs"), ""},
	{"a CycloneDX document", contains("/bomFormat", "CycloneDX"), ""},
	{"an SPDX 3 JSON-LD document", contains("/@context", "spdx.org/rdf/3"), toSPDX2},
	{"an SPDX 3 JSON-LD document", contains("/@context/0", "spdx.org/rdf/3"), toSPDX2},
	{"an SPDX 2 document", has("/spdxVersion"), toSPDX2},
	{"an OpenVEX document", contains("/@context", "openvex.dev"), ""},
	{"a JSON-LD document", has("/@context"), ""},
	{"a JSON-LD document", has("/@graph"), ""},
	{"a CSAF document", has("/document/csaf_version"), ""},
	{"a CSAF document", has("/document", "/vulnerabilities"), ""},
	{"Grype JSON output", contains("/descriptor/name", "grype"), toSBOM},
	{"Grype JSON output", has("/matches", "/descriptor"), toSBOM},
	{"Syft JSON output", contains("/descriptor/name", "syft"), toSBOM},
	{"Syft JSON output", has("/artifacts", "/artifactRelationships"), toSBOM},
	{"Trivy JSON output", has("/SchemaVersion", "/Results"), toSBOM},
	{"Trivy JSON output", has("/SchemaVersion", "/ArtifactName"), toSBOM},
	{"osv-scanner JSON output", has("/results", "/experimental_config"), ""},
	{"osv-scanner JSON output", func(h *normalize.Head) bool { return h.Has("/results") && len(h.Members) <= 2 }, ""},
	{"a CVE JSON 4 record", contains("/data_type", "CVE"), ""},
	{"an NVD JSON 1 feed", has("/CVE_data_type"), ""},
	{"an OSV record", has("/id", "/affected"), ""},
	{"an OSV record", has("/id", "/modified"), ""},
	{"an array of OSV records", has("/0/id", "/0/modified"), ""},
	{"a vunnel record", has("/identifier", "/schema", "/item"), ""},
	{"a GitHub dependency snapshot", has("/detector", "/manifests"), ""},
	{"a JSON Schema", contains("/$schema", "json-schema.org"), ""},
	{"an npm lock file", has("/lockfileVersion"), ""},
	{"an OCI image manifest or index", has("/schemaVersion", "/mediaType"), ""},
}

func has(pointers ...string) func(*normalize.Head) bool {
	return func(h *normalize.Head) bool {
		for _, p := range pointers {
			if !h.Has(p) {
				return false
			}
		}
		return true
	}
}

func contains(pointer, part string) func(*normalize.Head) bool {
	return func(h *normalize.Head) bool { return strings.Contains(h.Members[pointer], part) }
}

// guess says in words what the document seems to be and, where something can be done,
// what.
func guess(h *normalize.Head) (kind, advice string) {
	switch {
	case h.Hint == tagValue:
		return h.Hint, toSPDX2
	case h.Hint == oldOffice:
		return h.Hint, "which is not supported here: save a spreadsheet as .xlsx"
	case h.Syntax == normalize.Protobuf, h.Syntax == normalize.TextProto:
		return "CycloneDX as protobuf", toCDXJSON
	case h.Hint != "":
		return h.Hint, ""
	case h.Syntax == normalize.XML:
		return guessXML(h)
	}
	for _, l := range looks {
		if l.is(h) {
			return l.kind, l.advice
		}
	}
	switch {
	case h.Syntax == normalize.YAML:
		return "YAML of an unknown kind", ""
	case h.Has("/0"):
		return "a JSON array of an unknown kind", ""
	}
	return "JSON of an unknown kind", ""
}

func guessXML(h *normalize.Head) (kind, advice string) {
	switch {
	case h.Root == "RDF":
		return "SPDX RDF/XML or other RDF", toSPDX2
	case h.Root == "html":
		return "an HTML page", ""
	case h.Root == "bom" && strings.Contains(h.Namespace, "cyclonedx.org"):
		return "a CycloneDX XML document", ""
	case h.Root == "Document" && (h.Namespace == "" || strings.Contains(h.Namespace, "spdx")):
		return "SPDX XML", toSPDX2
	case h.Namespace != "":
		return "an XML document with the root element <" + h.Root + "> of " + h.Namespace, ""
	}
	return "an XML document with the root element <" + h.Root + ">", ""
}
