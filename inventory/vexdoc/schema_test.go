package vexdoc_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sluice/inventory/vexdoc"
)

// validate holds a document to the schema of its format.
func validate(t *testing.T, format string, text []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := check(t, format, doc); err != nil {
		t.Errorf("%s: %v\n%s", format, err, text)
	}
	if format == "openvex" {
		if err := readByOpenVEX(text); err != nil {
			t.Errorf("the library of the OpenVEX project: %v\n%s", err, text)
		}
	}
}

func check(t *testing.T, format string, doc any) error {
	t.Helper()
	if format == "openvex" {
		return openVEX(doc)
	}
	return schema(t, format).Validate(doc)
}

// schema compiles the official schema. What it refers to outside of itself (scores, signatures, keys) no
// document of ours has: there everything is valid.
func schema(t *testing.T, format string) *jsonschema.Schema {
	t.Helper()
	name, version, _ := strings.Cut(format, "-")
	path := filepath.Join("testdata", "csaf_"+version+".json")
	if name == "cyclonedx" {
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
		if err != nil {
			t.Fatal("where the module of CycloneDX is: ", err)
		}
		path = filepath.Join(strings.TrimSpace(string(dir)), "schema", "bom-"+version+".schema.json")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseLoader(anything{})
	if err := c.AddResource("https://example.com/root.json", root); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("https://example.com/root.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// anything is a schema that everything fits, with the definitions that are referred to.
type anything struct{}

func (anything) Load(string) (any, error) {
	return map[string]any{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"definitions": map[string]any{"signature": true, "ellipticCurvesEnum": true, "algorithmFamiliesEnum": true},
	}, nil
}

// TestSchemasRefuse: no document is valid by accident: with one thing wrong it is refused.
func TestSchemasRefuse(t *testing.T) {
	t.Parallel()
	for format, wrongs := range map[string][][2]string{
		"openvex": {
			{`"@context": "https://openvex.dev/ns/v0.2.0"`, `"@context": "openvex"`},
			{`"@id": "urn:uuid:`, `"@id": "`},
			{`"author": "Example Works",`, ``},
			{`"version": 2`, `"version": 0`},
			{`"version": 2`, `"version": "2"`},
			{`"timestamp": "2026-03-01T12:00:00Z"`, `"timestamp": "2026-03-01"`},
			{`"tooling"`, `"tool"`},
			{`"statements"`, `"statement"`},
			{`"name": "CVE-2026-0001"`, `"id": "CVE-2026-0001"`},
			{`"status": "fixed"`, `"status": "resolved"`},
			{`"status": "fixed"`, `"status": "affected"`},
			{",\n      \"justification\": \"vulnerable_code_not_present\"", ""},
			{`"justification": "vulnerable_code_not_present"`, `"justification": "code_not_present"`},
			{`"action_statement": "update to 2.0"`, `"actions": "update to 2.0"`},
			{`"purl": "pkg:npm/p1@1.0.0"`, `"url": "pkg:npm/p1@1.0.0"`},
			{`"@id": "pkg:npm/p1@1.0.0"`, `"id": "pkg:npm/p1@1.0.0"`},
			{`"@id": "pkg:npm/p1@1.0.0"`, `"@id": "p1"`},
		},
		"csaf-2.0": {
			{`"category": "csaf_vex"`, `"category": ""`},
			{`"csaf_version": "2.0"`, `"csaf_version": "2.1"`},
			{`"publisher"`, `"publishers"`},
			{`"title"`, `"titel"`},
			{`"tracking"`, `"track"`},
			{`"cve": "CVE-2026-0001"`, `"cve": "2026-0001"`},
		},
		"csaf-2.1": {
			{`"category": "csaf_vex"`, `"category": ""`},
			{`"csaf_version": "2.1"`, `"csaf_version": "2.0"`},
			{`"publisher"`, `"publishers"`},
			{`"distribution"`, `"distributed"`},
			{`"cve": "CVE-2026-0001"`, `"cve": "2026-0001"`},
		},
		"cyclonedx-1.6": {
			{`"bomFormat": "CycloneDX"`, `"bomFormat": "SPDX"`},
			{`"serialNumber": "urn:uuid:`, `"serialNumber": "`},
			{`"state": "not_affected"`, `"state": "unaffected"`},
			{`"affects"`, `"affected"`},
			{`"type": "application"`, `"type": "app"`},
		},
		"cyclonedx-1.7": {
			{`"bomFormat": "CycloneDX"`, `"bomFormat": "SPDX"`}, {`"serialNumber": "urn:uuid:`, `"serialNumber": "`}, {`"state": "not_affected"`, `"state": "unaffected"`}, {`"affects"`, `"affected"`},
		},
	} {
		right, _, err := vexdoc.Write(format, document())
		if err != nil {
			t.Fatal(err)
		}
		validate(t, format, right)
		for _, w := range append(wrongs, [2]string{string(right), "{}"}) {
			text := strings.Replace(string(right), w[0], w[1], 1)
			if text == string(right) {
				t.Errorf("%s: there is no %s in\n%s", format, w[0], right)
				continue
			}
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatalf("%s: %s: %v", format, w[1], err)
			}
			if check(t, format, doc) == nil {
				t.Errorf("%s: valid with %s in the place of %s", format, w[1], w[0])
			}
		}
	}
}
