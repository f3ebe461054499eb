package cyclonedx

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	_ "sluice/internal/test/testdocs" // the flag -update
)

// schemaDir is where the official schemas are: beside the library that reads CycloneDX.
func schemaDir(t testing.TB) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "schema")
}

// TestRulesAreTheSchemas: rules.txt says what the official schema of the newest version says. -update writes it.
func TestRulesAreTheSchemas(t *testing.T) {
	src, err := os.ReadFile(filepath.Join(schemaDir(t), "bom-"+versions[len(versions)-1]+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(src, &schema); err != nil {
		t.Fatal(err)
	}
	g := &ruleWriter{t: t, definitions: schema["definitions"].(map[string]any), done: map[string]string{}}
	g.object("bom", schema)
	var b strings.Builder
	b.WriteString(strings.SplitAfter(rulesText, "\n\n")[0])
	b.WriteString(strings.Join(slices.Sorted(maps.Values(g.done)), "\n"))
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile("rules.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(b.String(), rulesText); diff != "" {
		t.Errorf("rules.txt is not what the schema says (-update writes it):\n%s", diff)
	}
}

// ruleWriter turns the schema into the lines of rules.txt.
type ruleWriter struct {
	t           *testing.T
	definitions map[string]any
	done        map[string]string // by name
}

func (g *ruleWriter) deref(name string, s map[string]any) (string, map[string]any) {
	ref, ok := s["$ref"].(string)
	if !ok {
		return name, s
	}
	name, ok = strings.CutPrefix(ref, "#/definitions/")
	if !ok {
		return "license-id", map[string]any{"type": "string", "format": "license"}
	}
	return g.deref(name, g.definitions[name].(map[string]any))
}

func stringsOf(list any) (out []string) {
	items, _ := list.([]any)
	for _, w := range items {
		out = append(out, fmt.Sprint(w))
	}
	return out
}

// value is how rules.txt says what a value has to be.
func (g *ruleWriter) value(name string, s map[string]any) string {
	if s["$ref"] == "#/definitions/signature" {
		return "any"
	}
	if ref, ok := s["$ref"].(string); ok && !strings.HasPrefix(ref, "#") {
		if strings.HasPrefix(ref, "spdx") {
			return "~license"
		}
		return "text" // of the signatures' and the algorithms' own schemas
	}
	name, s = g.deref(name, s)
	alternatives, _ := s["oneOf"].([]any)
	if more, ok := s["anyOf"].([]any); ok && len(alternatives) == 0 {
		alternatives = more
	}
	if _, typed := s["type"]; len(alternatives) > 0 && s["properties"] == nil && (!typed || s["type"] == "object") {
		return g.choice(name, alternatives)
	}
	if enum := stringsOf(s["enum"]); len(enum) > 0 {
		if s["type"] == "string" {
			g.done[name+" enum"] = "enum " + name + " " + strings.Join(enum, " ") + "\n"
			return "=" + name
		}
		return "any"
	}
	switch s["type"] {
	case "string":
		switch format, _ := s["format"].(string); format {
		case "date-time":
			return "~time"
		case "date":
			return "~date"
		}
		switch pattern, _ := s["pattern"].(string); {
		case strings.HasPrefix(pattern, "^urn:cdx"):
			return "text"
		case name == "hash-content", name == "localeType":
			return "~" + strings.TrimSuffix(name, "Type")
		case strings.HasSuffix(name, "-choice.expression"):
			return "~expression"
		case strings.HasSuffix(name, "mime-type"):
			return "~mime"
		case strings.Contains(pattern, "CRE:"):
			return "~cre"
		case pattern == "^[A-Z]{2}$":
			return "~country"
		case strings.Contains(pattern, "{0,28}"):
			return "~patent"
		case strings.HasPrefix(pattern, "^urn:uuid"):
			return "text" // series looks at it
		case pattern != "":
			g.t.Errorf("%s has the pattern %s, which has no name in rules.txt", name, pattern)
		}
		if s["minLength"] != nil {
			return "text+"
		}
		return "text"
	case "integer", "number":
		out := map[any]string{"integer": "int", "number": "number"}[s["type"]]
		low, atLeast := s["minimum"].(float64)
		high, atMost := s["maximum"].(float64)
		if atLeast {
			out += fmt.Sprintf(">=%v", low)
		}
		if atMost {
			out += fmt.Sprintf("<=%v", high)
		}
		return out
	case "boolean":
		return "bool"
	case "array":
		items, _ := s["items"].(map[string]any)
		if items == nil {
			return "[any]"
		}
		return "[" + g.value(strings.TrimSuffix(name, "s"), items) + "]"
	case "object":
		if s["properties"] == nil {
			return "any"
		}
		g.object(name, s)
		return name
	}
	return "any"
}

// choice is one of several values: told by their kinds, or all in one object.
func (g *ruleWriter) choice(name string, alternatives []any) string {
	var kinds []string
	var objects []map[string]any
	for _, a := range alternatives {
		n, s := g.deref(name, a.(map[string]any))
		if s["type"] == "object" || s["properties"] != nil {
			objects = append(objects, s)
			if len(objects) == 1 {
				name = n
			}
			continue
		}
		if v := g.value(n, s); !slices.Contains(kinds, v) {
			kinds = append(kinds, v)
		}
	}
	switch len(objects) {
	case 0:
	case 1:
		kinds = append(kinds, g.value(name, objects[0]))
	default:
		all := map[string]any{}
		var required []string
		var one []any
		for i, o := range objects {
			for k, v := range o["properties"].(map[string]any) {
				all[k] = v
			}
			need := stringsOf(o["required"])
			if i == 0 {
				required = need
			}
			required = slices.DeleteFunc(required, func(w string) bool { return !slices.Contains(need, w) })
			one = append(one, map[string]any{"required": o["required"]})
		}
		merged := map[string]any{"properties": all, "additionalProperties": false}
		var need []any
		for _, w := range required {
			need = append(need, w)
		}
		merged["required"] = need
		if len(need) == 0 && !slices.ContainsFunc(one, func(o any) bool { return o.(map[string]any)["required"] == nil }) {
			merged["oneOf"] = one
		}
		g.object(name+"-choice", merged)
		kinds = append(kinds, name+"-choice")
	}
	if slices.Contains(kinds, "text+") { // a BOM-Link is not empty either
		kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == "text" })
	}
	var items []string
	kinds = slices.DeleteFunc(kinds, func(k string) bool {
		if list := k[0] == '['; list {
			items = append(items, k[1:len(k)-1])
			return true
		}
		return false
	})
	if len(items) > 0 {
		slices.Sort(items)
		kinds = append(kinds, "["+strings.Join(items, "|")+"]")
	}
	slices.Sort(kinds)
	return strings.Join(slices.Compact(kinds), "|")
}

func (g *ruleWriter) object(name string, s map[string]any) {
	if _, ok := g.done[name]; ok {
		return
	}
	g.done[name] = ""
	var b strings.Builder
	b.WriteString("object " + name)
	if s["additionalProperties"] != false {
		b.WriteString(" open")
	}
	b.WriteByte('\n')
	properties := s["properties"].(map[string]any)
	required := stringsOf(s["required"])
	for _, member := range slices.Sorted(maps.Keys(properties)) {
		sub := name + "." + member
		if member == "properties" {
			sub = "property"
		}
		v := g.value(sub, properties[member].(map[string]any))
		if slices.Contains(required, member) {
			member += "!"
		}
		b.WriteString(member + " " + v + "\n")
	}
	rule := func(word string, list any) {
		var first []string
		items, _ := list.([]any)
		for _, a := range items {
			need := stringsOf(a.(map[string]any)["required"])
			if len(need) == 0 || need[0] == "signature" { // other notations sign in ways of their own
				return
			}
			first = append(first, need[0])
		}
		if len(first) > 1 {
			b.WriteString("- " + word + " " + strings.Join(first, " ") + "\n")
		}
	}
	rule("one", s["oneOf"])
	rule("any", s["anyOf"])
	if name == "component" {
		b.WriteString("- most version versionRange\n")
	}
	g.done[name] = b.String()
}
