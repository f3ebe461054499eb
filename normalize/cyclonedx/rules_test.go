package cyclonedx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sluice/normalize"
)

// official is the official schema of the newest version.
func official(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir := schemaDir(t)
	c := jsonschema.NewCompiler()
	add := func(name string, src []byte) {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	bom := "bom-" + versions[len(versions)-1] + ".schema.json"
	for name, file := range map[string]string{bom: bom, "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json"} {
		src, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		add(name, src)
	}
	add("cryptography-defs.schema.json", []byte(`{"definitions":{"algorithmFamiliesEnum":{},"ellipticCurvesEnum":{}}}`))
	schema, err := c.Compile("http://cyclonedx.org/schema/" + bom)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestRulesMutated: our documents of the newest version, with one thing broken after the other: what
// the official schema refuses has a warning, and what it takes has none of these.
func TestRulesMutated(t *testing.T) {
	schema := official(t)
	src, err := os.ReadFile("testdata/rules/bom.json")
	if err != nil {
		t.Fatal(err)
	}
	var whole any
	if err := json.Unmarshal(src, &whole); err != nil {
		t.Fatal(err)
	}
	broken, refused := 0, 0
	try := func(what string) {
		broken++
		out, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		valid := schema.Validate(value) == nil
		doc, err := JSON{}.Normalize(normalize.Input{Bytes: out})
		var warnings []normalize.Warning
		if err == nil {
			warnings = slices.DeleteFunc(doc.Warnings, func(w normalize.Warning) bool { return !of.has([]byte(w.Code)) })
		}
		odd := err != nil || len(warnings) > 0
		if !valid {
			refused++
		}
		if odd == valid && !strings.HasPrefix(what, "/specVersion is") { // which says what it is read by
			t.Errorf("%s: valid by the schema %v, ours %v %v", what, valid, err, warnings)
		}
	}
	try("nothing")
	mutate(whole, "", try)
	if broken < 1000 || refused < 500 {
		t.Errorf("%d documents, %d of them invalid", broken, refused)
	}
	t.Logf("%d documents, %d of them invalid", broken, refused)
}

// of are the codes that say that a document is not what the schema asks for.
var of = func() *enum {
	var b strings.Builder
	b.WriteString("enum codes " + strings.Join([]string{
		wrongType, missingMember, unknownMember, unknownValue, invalidValue, conflictingMembers, "invalid-hash", "invalid-time", "unknown-license",
		"unknown-type", "unknown-scope", "unknown-algorithm", "unknown-reference-type", "unknown-state", "unknown-status", "invalid-serial", "bom-format", "missing-name", "missing-ref",
		"missing-version-range", "missing-version", "invalid-bom-link",
	}, " ") + "\nobject o\nm =codes\n")
	return parseRules(b.String())["o"].member("m").enum
}()

// mutate breaks one thing after the other and mends it again.
func mutate(v any, at string, try func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			old, p := v[name], at+"/"+name
			delete(v, name)
			try("without " + p)
			for _, other := range instead(old) {
				v[name] = other
				try(fmt.Sprintf("%s is %v", p, other))
			}
			v[name] = old
			mutate(old, p, try)
		}
		v["no such member"] = 1
		try("a member in " + at)
		delete(v, "no such member")
	case []any:
		for i, old := range v {
			p := fmt.Sprint(at, "/", i)
			for _, other := range instead(old) {
				v[i] = other
				try(fmt.Sprintf("%s is %v", p, other))
			}
			v[i] = old
			mutate(old, p, try)
		}
	}
}

// instead are values of other kinds, and others of the same.
func instead(v any) []any {
	switch v.(type) {
	case string:
		return []any{1, true, []any{}, "~ no such word ~"}
	case float64:
		return []any{"one", -1e6, 1.5}
	case bool:
		return []any{"yes", 1}
	case map[string]any:
		return []any{"text", []any{}, map[string]any{}}
	}
	return []any{"text", map[string]any{}}
}
