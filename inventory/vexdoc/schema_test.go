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
	if format == "openvex" {
		openVEXRules(t, doc.(map[string]any))
		return
	}
	if err := schema(t, format).Validate(doc); err != nil {
		t.Errorf("%s: %v\n%s", format, err, text)
	}
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

// openVEXRules are those of the specification of OpenVEX 0.2.0 for documents and statements.
func openVEXRules(t *testing.T, doc map[string]any) {
	t.Helper()
	text := func(m map[string]any, name string) string { s, _ := m[name].(string); return s }
	if text(doc, "@context") != "https://openvex.dev/ns/v0.2.0" || !strings.HasPrefix(text(doc, "@id"), "urn:uuid:") || text(doc, "author") == "" || text(doc, "timestamp") == "" {
		t.Errorf("the document lacks something: %v", doc)
	}
	statements, ok := doc["statements"].([]any)
	if version, _ := jsonNumber(doc["version"]); !ok || version < 1 {
		t.Errorf("version %v, statements %T", doc["version"], doc["statements"])
	}
	known := map[string]bool{"vulnerability": true, "timestamp": true, "products": true, "status": true, "status_notes": true, "justification": true, "impact_statement": true, "action_statement": true}
	words := map[string]bool{
		"component_not_present": true, "vulnerable_code_not_present": true, "vulnerable_code_not_in_execute_path": true,
		"vulnerable_code_cannot_be_controlled_by_adversary": true, "inline_mitigations_already_exist": true,
	}
	for _, raw := range statements {
		s := raw.(map[string]any)
		for name := range s {
			if !known[name] {
				t.Errorf("a statement has %q", name)
			}
		}
		vulnerability, _ := s["vulnerability"].(map[string]any)
		products, _ := s["products"].([]any)
		if text(vulnerability, "name") == "" || len(products) == 0 {
			t.Errorf("a statement about nothing: %v", s)
		}
		for _, p := range products {
			subs, _ := p.(map[string]any)["subcomponents"].([]any)
			if text(p.(map[string]any), "@id") == "" || len(subs) == 0 {
				t.Errorf("a product without an id or a subcomponent: %v", p)
			}
		}
		justification, impact, action := text(s, "justification"), text(s, "impact_statement"), text(s, "action_statement")
		switch text(s, "status") {
		case "not_affected":
			if justification == "" && impact == "" || justification != "" && !words[justification] {
				t.Errorf("not_affected because of %q, %q", justification, impact)
			}
		case "affected":
			if action == "" {
				t.Errorf("affected, and nothing to do: %v", s)
			}
		case "fixed", "under_investigation":
		default:
			t.Errorf("status %v", s["status"])
		}
	}
}

func jsonNumber(v any) (float64, bool) {
	n, ok := v.(interface{ Float64() (float64, error) })
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// TestSchemas: no document is valid by accident: the schemas refuse one with a member less.
func TestSchemas(t *testing.T) {
	t.Parallel()
	for _, format := range vexdoc.Formats {
		if format == "openvex" {
			continue
		}
		if err := schema(t, format).Validate(map[string]any{}); err == nil {
			t.Errorf("%s: an empty document is valid", format)
		}
	}
}
