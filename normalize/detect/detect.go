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
	return nil, normalize.Park(normalize.ReasonUnknownFormat, "", "this looks like %s, which is not supported here; supported are %s", guess(h), strings.Join(names, ", "))
}

// looks are the documents that we can name by their head, most telling first.
var looks = []struct {
	name string
	is   func(h *normalize.Head) bool
}{
	{"a DSSE envelope", has("/payloadType", "/payload")},
	{"a Sigstore bundle", contains("/mediaType", "dev.sigstore.bundle")},
	{"a Sigstore bundle", has("/dsseEnvelope")},
	{"an in-toto statement", contains("/_type", "in-toto.io/Statement")},
	{"SARIF", contains("/$schema", "sarif")},
	{"SARIF", has("/version", "/runs")},
	{"a CycloneDX document", contains("/bomFormat", "CycloneDX")},
	{"an SPDX 3 JSON-LD document", contains("/@context", "spdx.org/rdf/3")},
	{"an SPDX 3 JSON-LD document", contains("/@context/0", "spdx.org/rdf/3")},
	{"an SPDX 2 document", has("/spdxVersion")},
	{"an OpenVEX document", contains("/@context", "openvex.dev")},
	{"a JSON-LD document", has("/@context")},
	{"a JSON-LD document", has("/@graph")},
	{"a CSAF document", has("/document/csaf_version")},
	{"a CSAF document", has("/document", "/vulnerabilities")},
	{"Grype JSON output", contains("/descriptor/name", "grype")},
	{"Grype JSON output", has("/matches", "/descriptor")},
	{"Syft JSON output", contains("/descriptor/name", "syft")},
	{"Syft JSON output", has("/artifacts", "/artifactRelationships")},
	{"Trivy JSON output", has("/SchemaVersion", "/Results")},
	{"Trivy JSON output", has("/SchemaVersion", "/ArtifactName")},
	{"osv-scanner JSON output", has("/results", "/experimental_config")},
	{"osv-scanner JSON output", func(h *normalize.Head) bool { return h.Has("/results") && len(h.Members) <= 2 }},
	{"a CVE JSON 5 record", contains("/dataType", "CVE_RECORD")},
	{"a CVE JSON 4 record", contains("/data_type", "CVE")},
	{"an NVD API 2.0 response", contains("/format", "NVD_CVE")},
	{"an NVD JSON 1 feed", has("/CVE_data_type")},
	{"the CISA KEV catalogue", has("/catalogVersion", "/vulnerabilities")},
	{"an OSV record", has("/id", "/affected")},
	{"an OSV record", has("/id", "/modified")},
	{"an array of OSV records", has("/0/id", "/0/modified")},
	{"a vunnel record", has("/identifier", "/schema", "/item")},
	{"a GitHub dependency snapshot", has("/detector", "/manifests")},
	{"a JSON Schema", contains("/$schema", "json-schema.org")},
	{"an npm lock file", has("/lockfileVersion")},
	{"an OCI image manifest or index", has("/schemaVersion", "/mediaType")},
	{"a CycloneDX text protobuf", has("/spec_version")},
	{"a Go vulnerability report in YAML", has("/modules", "/id")},
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

// guess says in words what the document seems to be.
func guess(h *normalize.Head) string {
	if kind := h.Members[hint]; kind != "" {
		return kind
	}
	if h.Syntax == normalize.XML {
		switch {
		case h.Root == "RDF":
			return "SPDX RDF/XML or other RDF"
		case h.Root == "html":
			return "an HTML page"
		case h.Root == "bom" && strings.Contains(h.Namespace, "cyclonedx.org"):
			return "a CycloneDX XML document"
		case h.Root == "Document" && (h.Namespace == "" || strings.Contains(h.Namespace, "spdx")):
			return "SPDX XML"
		case h.Namespace != "":
			return "an XML document with the root element <" + h.Root + "> of " + h.Namespace
		}
		return "an XML document with the root element <" + h.Root + ">"
	}
	for _, l := range looks {
		if l.is(h) {
			return l.name
		}
	}
	switch {
	case h.Syntax == normalize.YAML:
		return "YAML of an unknown kind"
	case h.Has("/0"):
		return "a JSON array of an unknown kind"
	}
	return "JSON of an unknown kind"
}
