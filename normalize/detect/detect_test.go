package detect

import (
	"errors"
	"strings"
	"testing"

	"sluice/internal/test/brief"
	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/csaf"
	"sluice/normalize/cve"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/epss"
	"sluice/normalize/govuln"
	"sluice/normalize/kev"
	"sluice/normalize/nvd"
	"sluice/normalize/openvex"
	"sluice/normalize/osv"
	"sluice/normalize/rubysec"
	"sluice/normalize/spdx"
)

// fake recognises documents that have a member.
type fake struct{ name, pointer string }

func (f fake) Name() string                  { return f.name }
func (f fake) Detect(h *normalize.Head) bool { return h.Has(f.pointer) }
func (f fake) Normalize(normalize.Input) (*normalize.Document, error) {
	return nil, errors.New("not used")
}

func TestDetectFirst(t *testing.T) {
	formats := []normalize.Format{fake{"one", "/a"}, fake{"two", "/b"}, fake{"three", "/b"}}
	h, err := Scan([]byte(`{"b":1}`), normalize.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if f, err := Detect(h, formats); err != nil || f.Name() != "two" {
		t.Errorf("%v, %v", f, err)
	}
	h.Members = nil
	_, err = Detect(h, formats)
	var park *normalize.ParkError
	if !errors.As(err, &park) || park.Reason != normalize.ReasonUnknownFormat || !strings.Contains(err.Error(), "one, two, three") {
		t.Error(err)
	}
}

// TestDetectNames says what documents are that no format here reads.
func TestDetectNames(t *testing.T) {
	for in, want := range map[string]string{
		`{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[]}`: "SARIF",
		`{"SchemaVersion":2,"ArtifactName":"x","Results":[]}`:                                     "Trivy",
		`{"matches":[],"source":{},"descriptor":{"name":"grype"}}`:                                "Grype",
		`{"artifacts":[],"descriptor":{"name":"syft"}}`:                                           "Syft",
		`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}`:               "SPDX 3 JSON-LD",
		"SPDXVersion: SPDX-2.3\n":                                                                 "SPDX tag-value",
		`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>`:                      "SPDX RDF/XML",
		`{"payloadType":"application/vnd.in-toto+json","payload":"","signatures":[]}`:             "DSSE",
		`{"_type":"https://in-toto.io/Statement/v1","subject":[]}`:                                "in-toto statement",
		"spec_version: \"1.6\"\nversion: 1\n":                                                     "CycloneDX as protobuf",
		"\x0a\x031.6\x10\x01":                                                                     "CycloneDX as protobuf",
		"\xd0\xcf\x11\xe0\x00":                                                                    "save a spreadsheet as .xlsx",
		"hello":                                                                                   "plain text",
		"\x00\x01\x02":                                                                            "binary data",
		"<html><body></html>":                                                                     "HTML",
		`<a xmlns="urn:b"/>`:                                                                      "<a> of urn:b",
		`{"x":1}`:                                                                                 "JSON of an unknown kind",
		`[1]`:                                                                                     "JSON array",
		"x: 1\ny: 2\n":                                                                            "YAML",
		"PK\x03\x04":                                                                              "zip",
		`{"id":"GHSA-1","modified":"2025-01-01T00:00:00Z"}`:                                       "OSV",
	} {
		h, err := Scan([]byte(in), normalize.Limits{})
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if _, err := Detect(h, []normalize.Format{fake{"one", "/none"}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", in, err, want)
		}
	}
}

// TestEnvelopes: documents inside of envelopes are not unpacked. Nobody takes them for
// something else, and the message says what they are and what to do.
func TestEnvelopes(t *testing.T) {
	formats := []normalize.Format{cyclonedx.JSON{}, cyclonedx.XML{}, spdx.JSON{}, openvex.Format{}, csaf.Format{}, osv.JSON{}, osv.YAML{}, cve.JSON{}, nvd.JSON{}, rubysec.YAML{}, govuln.YAML{}, kev.JSON{}, kev.CSV{}, epss.CSV{}}
	park := func(what string, b []byte, want string) {
		t.Helper()
		h, err := Scan(b, normalize.Limits{})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		f, err := Detect(h, formats)
		if err == nil {
			t.Errorf("%s: taken for %s", what, f.Name())
		} else if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "send the document that is inside") {
			t.Errorf("%s: %v, want %q and what to do", what, err, want)
		}
	}
	for in, want := range map[string]string{
		`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"sig":""}]}`:                                                            "a DSSE envelope",
		`{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://cyclonedx.org/bom","subject":[],"predicate":{"bomFormat":"CycloneDX"}}`:         "an in-toto statement",
		`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://openvex.dev/ns/v0.2.0","predicate":{"@context":"https://openvex.dev/ns/v0.2.0"}}`: "an in-toto statement",
		`{"predicateType":"https://spdx.dev/Document","subject":[],"predicate":{"spdxVersion":"SPDX-2.3"}}`:                                                    "an in-toto statement",
		`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{},"dsseEnvelope":{"payload":"","payloadType":""}}`:               "a Sigstore bundle",
		`{"base64Signature":"MEU=","cert":"LS0=","rekorBundle":{}}`:                                                                                            "a Sigstore bundle",
		`{"attestations":[{"bundle":{"dsseEnvelope":{}}}]}`:                                                                                                    "a list of attestations",
	} {
		park(in, []byte(in), want)
	}
	for _, e := range testdocs.Manifest(t, "in-toto statement", "DSSE envelope") {
		park(e.Path, e.Read(t), strings.TrimSuffix(e.Format, " envelope"))
	}
}

// broken are the documents of the corpus that are refused for a reason: they are what the
// manifest says, "JSON syntactically broken", or made to be refused.
var broken = map[string]bool{"JSON syntactically broken / not JSON": true, "compressed": true, "SPDX spreadsheet": true}

// TestRealDocuments scans everything in the corpus.
func TestRealDocuments(t *testing.T) {
	count := map[string]int{}
	few := brief.Run(t) // the race detector makes this ten times as slow, and there is one goroutine
	for i, e := range testdocs.Manifest(t) {
		if few && i%16 != 0 {
			continue
		}
		b := e.Read(t)
		h, err := Scan(b, normalize.Limits{})
		if err != nil {
			if !normalize.Permanent(err) {
				t.Errorf("%s: not permanent: %v", e.Path, err)
			}
			if !broken[e.Format] && len(b) > 0 {
				t.Errorf("%s (%s): %v", e.Path, e.Format, err)
			}
			count["refused"]++
			continue
		}
		kind, _ := guess(h)
		count[e.Format+" is "+string(h.Syntax)+", "+kind]++
		if h.Syntax != normalize.JSON {
			continue
		}
		for _, w := range h.Warnings {
			t.Logf("%s: %s %s: %s", e.Path, w.Code, w.Pointer, w.Message)
		}
		sum, err := MeaningHash(b, &normalize.Meaning{})
		if err != nil {
			t.Errorf("%s: %v", e.Path, err)
		} else if again, err := MeaningHash([]byte(canonicalOrSame(b)), &normalize.Meaning{}); err != nil || sum != again {
			t.Errorf("%s: the canonical form has another hash (%v)", e.Path, err)
		}
	}
	for what, n := range count {
		t.Logf("%5d %s", n, what)
	}
}

func canonicalOrSame(b []byte) (s string) {
	defer func() {
		if recover() != nil {
			s = string(b) // duplicate names, which jsontext does not reorder
		}
	}()
	return canonical(panics{}, string(Strip(b)))
}

type panics struct{}

func (panics) Fatal(args ...any) { panic(args) }
