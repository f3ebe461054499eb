package vexdoc

import (
	"bytes"
	"encoding/json"
	"time"

	"sluice/normalize"
)

type openVEX struct {
	Context    string             `json:"@context"`
	ID         string             `json:"@id"`
	Author     string             `json:"author"`
	Timestamp  string             `json:"timestamp"`
	Updated    string             `json:"last_updated,omitempty"`
	Version    int                `json:"version"`
	Tooling    string             `json:"tooling"`
	Statements []openVEXStatement `json:"statements"`
}

type openVEXStatement struct {
	Vulnerability struct {
		Name string `json:"name"`
	} `json:"vulnerability"`
	Timestamp     string           `json:"timestamp,omitempty"`
	Products      []openVEXProduct `json:"products"`
	Status        string           `json:"status"`
	Notes         string           `json:"status_notes,omitempty"`
	Justification string           `json:"justification,omitempty"`
	Impact        string           `json:"impact_statement,omitempty"`
	Action        string           `json:"action_statement,omitempty"`
}

type openVEXProduct struct {
	openVEXComponent
	Subcomponents []openVEXComponent `json:"subcomponents"`
}

type openVEXComponent struct {
	ID          string            `json:"@id"`
	Identifiers map[string]string `json:"identifiers"`
}

func openVEXOf(purl string) openVEXComponent {
	return openVEXComponent{purl, map[string]string{"purl": purl}}
}

func (w *writer) openVEX() ([]byte, error) {
	doc := openVEX{
		Context: "https://openvex.dev/ns/v0.2.0", ID: "urn:uuid:" + w.ID, Author: w.Author, Version: w.Version, Tooling: "sluice",
		Timestamp: stamp(w.First), Statements: []openVEXStatement{},
	}
	if w.Version > 1 {
		doc.Updated = stamp(w.Time)
	}
	for _, v := range w.Verdicts {
		s := w.openVEXStatement(v)
		// What is said in the same words of several packages of an artifact is one statement.
		if n := len(doc.Statements); n > 0 && doc.Statements[n-1].says(s) {
			last := &doc.Statements[n-1]
			if p := &last.Products[len(last.Products)-1]; p.ID == v.Artifact {
				p.Subcomponents = append(p.Subcomponents, openVEXOf(v.Package))
			} else {
				last.Products = append(last.Products, s.Products...)
			}
			continue
		}
		doc.Statements = append(doc.Statements, s)
	}
	if len(doc.Statements) == 0 {
		doc.Statements = append(doc.Statements, nothing)
	}
	return indented(doc)
}

// nothing is the statement of a document that says nothing any more: OpenVEX wants one at least. It is about no product.
var nothing = func() (s openVEXStatement) {
	s.Vulnerability.Name = "none"
	s.Products = []openVEXProduct{}
	s.Status = normalize.UnderInvestigation
	s.Notes = "This version is about no product; what versions before it said holds no more."
	return s
}()

// says reports whether two statements differ in their products alone.
func (s openVEXStatement) says(o openVEXStatement) bool {
	s.Products, o.Products = nil, nil
	a, _ := json.Marshal(s)
	b, _ := json.Marshal(o)
	return bytes.Equal(a, b)
}

func (w *writer) openVEXStatement(v Verdict) openVEXStatement {
	w.common(v)
	s := openVEXStatement{Status: v.Status, Notes: v.provenance(), Products: []openVEXProduct{{openVEXOf(v.Artifact), []openVEXComponent{openVEXOf(v.Package)}}}}
	s.Vulnerability.Name = v.Vulnerability
	if !v.Time.IsZero() {
		s.Timestamp = stamp(v.Time)
	}
	switch v.Status {
	case normalize.NotAffected:
		s.Justification = w.justification(v, plain, "OpenVEX")
		if s.Impact = v.reason(); s.Impact == "" && s.Justification == "" {
			s.Impact = noReason
			w.lose(v, "impact", "", "OpenVEX wants a justification or an impact, and there is none; the document says so")
		}
	case normalize.Affected:
		if s.Action = v.Action; s.Action == "" {
			s.Action = noAction
			w.lose(v, "action", "", "OpenVEX wants an action, and there is none; the document says so")
		}
	}
	if v.Impact != "" && s.Impact == "" {
		w.lose(v, "impact", v.Impact, "only not_affected has one in OpenVEX")
	}
	if v.Action != "" && s.Action == "" {
		w.lose(v, "action", v.Action, "only affected has one in OpenVEX")
	}
	return s
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// indented is JSON as people read it.
func indented(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return out.Bytes(), err
}
