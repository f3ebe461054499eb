package vexdoc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/openvex/go-vex/pkg/vex"
)

// openVEX holds a document to OpenVEX 0.2.0: which members there are, which have to be there, and what may be in them. No
// registry has its JSON Schema in a package that could be fetched with a checksum, so its rules and those of the
// specification are spelled out here; TestSchemasRefuse shows that they count. readByOpenVEX asks the project's library besides.
func openVEX(doc any) error {
	var v openVEXDocument
	v.object("", doc, "@context @id author timestamp version statements", map[string]rule{
		"@context":  v.exactly("https://openvex.dev/ns/v0.2.0"),
		"@id":       v.iri,
		"author":    v.text,
		"role":      v.text,
		"timestamp": v.time, "last_updated": v.time,
		"version":    v.count,
		"tooling":    v.text,
		"statements": v.list(1, v.statement),
	})
	return errors.Join(v.wrong...)
}

// readByOpenVEX reads a document with the library of the OpenVEX project and has it judge each statement.
func readByOpenVEX(text []byte) error {
	doc, err := vex.Parse(text)
	if err != nil {
		return err
	}
	for i, s := range doc.Statements {
		if err := s.Validate(); err != nil {
			return fmt.Errorf("statement %d: %w", i, err)
		}
		for _, p := range s.Products {
			if len(p.Subcomponents) > 0 && len(doc.Matches(string(s.Vulnerability.Name), p.ID, []string{p.Subcomponents[0].ID})) == 0 {
				return fmt.Errorf("statement %d: it does not match its own product %s", i, p.ID)
			}
		}
	}
	return nil
}

type openVEXDocument struct{ wrong []error }

// rule judges a value at a place.
type rule func(at string, value any)

func (v *openVEXDocument) no(at, format string, args ...any) {
	v.wrong = append(v.wrong, fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...)))
}

func (v *openVEXDocument) object(at string, value any, required string, members map[string]rule) map[string]any {
	m, ok := value.(map[string]any)
	if !ok {
		v.no(at, "%v is no object", value)
		return nil
	}
	for _, name := range strings.Fields(required) {
		if _, ok := m[name]; !ok {
			v.no(at, "there is no %s", name)
		}
	}
	for name, value := range m {
		if judge, ok := members[name]; ok {
			judge(at+"/"+name, value)
		} else {
			v.no(at, "nobody knows %s", name)
		}
	}
	return m
}

func (v *openVEXDocument) text(at string, value any) {
	if s, ok := value.(string); !ok || s == "" {
		v.no(at, "%v is no text", value)
	}
}

func (v *openVEXDocument) iri(at string, value any) {
	s, _ := value.(string)
	if u, err := url.Parse(s); err != nil || u.Scheme == "" {
		v.no(at, "%v is no IRI", value)
	}
}

func (v *openVEXDocument) time(at string, value any) {
	s, _ := value.(string)
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		v.no(at, "%v is no time", value)
	}
}

func (v *openVEXDocument) count(at string, value any) {
	n, ok := value.(json.Number)
	if i, err := n.Int64(); !ok || err != nil || i < 1 {
		v.no(at, "%v is no number from 1 on", value)
	}
}

func (v *openVEXDocument) exactly(words ...string) rule {
	return func(at string, value any) {
		if s, _ := value.(string); !slices.Contains(words, s) {
			v.no(at, "%v is none of %q", value, words)
		}
	}
}

// list is one of different things, so many at least.
func (v *openVEXDocument) list(least int, of rule) rule {
	return func(at string, value any) {
		list, ok := value.([]any)
		if !ok || len(list) < least {
			v.no(at, "%v is no list of %d or more", value, least)
		}
		seen := map[string]bool{}
		for i, e := range list {
			text, _ := json.Marshal(e)
			if seen[string(text)] {
				v.no(at, "%s is there twice", text)
			}
			seen[string(text)] = true
			of(fmt.Sprintf("%s/%d", at, i), e)
		}
	}
}

func (v *openVEXDocument) statement(at string, value any) {
	s := v.object(at, value, "vulnerability status", map[string]rule{
		"@id":     v.iri,
		"version": v.count,
		"vulnerability": func(at string, value any) {
			v.object(at, value, "name", map[string]rule{"@id": v.iri, "name": v.text, "description": v.text, "aliases": v.list(0, v.text)})
		},
		"timestamp": v.time, "last_updated": v.time, "action_statement_timestamp": v.time,
		"products":     v.list(0, v.product),
		"status":       v.exactly("not_affected", "affected", "fixed", "under_investigation"),
		"supplier":     v.text,
		"status_notes": v.text,
		"justification": v.exactly("component_not_present", "vulnerable_code_not_present", "vulnerable_code_not_in_execute_path",
			"vulnerable_code_cannot_be_controlled_by_adversary", "inline_mitigations_already_exist"),
		"impact_statement": v.text,
		"action_statement": v.text,
	})
	switch {
	case s["status"] == "not_affected" && s["justification"] == nil && s["impact_statement"] == nil:
		v.no(at, "not_affected, and neither a justification nor an impact says why")
	case s["status"] == "affected" && s["action_statement"] == nil:
		v.no(at, "affected, and nothing says what to do")
	}
}

// product is one of ours: each is about packages in it, and named by IRI and purl.
func (v *openVEXDocument) product(at string, value any) {
	v.component(at, value, "@id identifiers subcomponents", map[string]rule{
		"subcomponents": v.list(1, func(at string, value any) { v.component(at, value, "@id identifiers", map[string]rule{}) }),
	})
}

func (v *openVEXDocument) component(at string, value any, required string, members map[string]rule) {
	members["@id"] = v.iri
	members["identifiers"] = func(at string, value any) {
		v.object(at, value, "purl", map[string]rule{"purl": v.text, "cpe22": v.text, "cpe23": v.text})
	}
	v.object(at, value, required, members)
}
