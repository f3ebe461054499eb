package ingest

import (
	"fmt"
	"strings"
	"time"

	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/purl"
)

// series is what all versions of a document share, whatever notation each of them is in:
// "cyclonedx:3e671687-…"; "" where it is the only version of itself.
func series(d *normalize.Document) string {
	if d.Series == "" {
		return ""
	}
	family, _, _ := strings.Cut(d.Format, "-")
	return family + ":" + clean(d.Series)
}

// rank orders the versions of a series by its bytes. A draft comes before everything that
// is published, whatever its number: it counts only while there is nothing else.
func rank(d *normalize.Document) string {
	if d.Status == "draft" {
		return "0" + d.VersionRank
	}
	return "1" + d.VersionRank
}

// addStatements writes the rows of the statements, and asks the projector to look at the
// document. It is asked too where a VEX document says nothing: an older version of it may
// have said something.
func (r *rows) addStatements(t *task) {
	for _, s := range t.statements {
		r.put(inStatement, s.values()...)
	}
	for _, s := range t.doc.Statements {
		for _, a := range s.Aliases {
			r.addAlias(s.VulnID, a, t.documentID)
		}
	}
	if len(t.statements) > 0 || t.doc.Kind == normalize.VEX {
		payload := map[string]string{"document": t.documentID.String()}
		if t.trace != "" {
			payload["trace"] = t.trace
		}
		r.put(inJob, "vex", toJSON(payload), t.documentID.String())
	}
}

// statement is a row of vex.vex_statement.
type statement struct {
	id, document       id.ID
	ordinal            int
	said               *normalize.Statement
	product            normalize.Product
	purl, key          string // of the product, as it is compared
	subPurl, subKey    string
	artifact           *id.ID // the SBOM's, of which it speaks
	issuer             string
	at                 time.Time
	ownTime, embedded  bool
	source, unreadable string
	hash               [32]byte
}

// newStatements takes the statements of a document apart, one for each product.
//
// What an entry of the document says twice is one statement. Entries are not compared with
// each other: one that repeats what an earlier one said takes back what came between.
func newStatements(t *task) []statement {
	d := t.doc
	type key struct {
		entry, vuln, status, justification string
		at                                 time.Time
		product                            normalize.Product
	}
	done, again := map[key]bool{}, map[string]int{}
	var list []statement
	for i := range d.Statements {
		s := &d.Statements[i]
		if s.VulnID == "" {
			continue
		}
		products := s.Products
		if len(products) == 0 {
			products = []normalize.Product{{}}
		}
		row := statement{
			document: t.documentID, said: s, issuer: firstOf(s.Issuer, d.Issuer), at: s.Time, ownTime: !s.Time.IsZero(),
			embedded: d.Kind == normalize.SBOM, source: d.Format, hash: t.hash,
		}
		if !row.ownTime {
			row.at = t.time
		}
		for _, p := range products {
			k := key{s.Pointer, s.VulnID, s.Status, s.Justification, s.Time, p}
			if done[k] {
				continue
			}
			done[k] = true
			row.ordinal, row.product = len(list), p
			about := strings.Join([]string{s.VulnID, p.ID, p.Purl, p.Subcomponent}, "\x00")
			row.id = t.statementID(row.ordinal, about, again[about])
			again[about]++
			row.name(t)
			list = append(list, row)
		}
	}
	return list
}

// name finds out what the statement is about. What cannot be told has nothing to be found
// by: the statement is about nothing, and never about what is left of it.
func (s *statement) name(t *task) {
	if len(t.doc.Components) > 0 {
		s.product = t.withinSBOM(s.product)
	}
	p := &s.product
	s.purl, s.key = purlAndKey(p.Purl)
	s.subPurl, s.subKey = purlAndKey(p.Subcomponent)
	s.artifact, s.unreadable = nil, p.Unreadable
	if p.InDocument && t.artifact.purl != "" {
		s.artifact = &t.artifact.id
	}
	if s.unreadable == "" {
		switch {
		case p.InDocument && s.artifact == nil && s.purl == "":
			s.unreadable = "its document does not say what it describes"
		case p.Purl != "" && s.purl == "":
			s.unreadable = "its purl cannot be read, or is longer than any"
		case p.Subcomponent != "" && s.subPurl == "":
			s.unreadable = "the purl of its subcomponent cannot be read, or is longer than any"
		case len(p.BOMSerial) > maxSerial || len(p.BOMRef) > maxText || len(p.VersionRange) > maxText || len(p.ProductRange) > maxText:
			s.unreadable = "its reference or its range of versions is longer than any"
		}
		if s.unreadable != "" {
			t.doc.Warn("unreadable-product", s.said.Pointer, "%.200q: %s; the statement is about nothing", firstOf(p.ID, p.Purl, p.CPE, p.Name), s.unreadable)
		}
	}
	if s.unreadable != "" {
		s.purl, s.key, s.subKey, s.artifact, p.BOMSerial = "", "", "", nil, ""
	}
}

// statementID is derived from what the document says: which of two SBOMs that say the same
// was stored makes no difference, whatever their notation and the order of what they say.
// About is the vulnerability and the product of a statement, nth counts those about the same.
func (t *task) statementID(ordinal int, about string, nth int) id.ID {
	if t.doc.Kind == normalize.SBOM {
		return id.Derive(t.env.Tenant, "statement", t.artifact.purl, t.env.Stream, string(t.meaning[:]), about, fmt.Sprint(nth))
	}
	return id.Derive(t.env.Tenant, "statement", string(t.hash[:]), fmt.Sprint(ordinal))
}

// withinSBOM keeps what an SBOM says inside its artifact. Where it names a package by purl it
// means the one that it lists, not every one of that name; where it has no main component it
// speaks of what it was given for. Only a BOM-Link leads to others.
func (t *task) withinSBOM(p normalize.Product) normalize.Product {
	if p.InDocument || p.BOMSerial != "" || p.Unreadable != "" {
		return p
	}
	if p.Subcomponent == "" && p.SubcomponentID == "" {
		p.Subcomponent, p.SubcomponentID = p.Purl, firstOf(p.ID, p.CPE, p.Name)
	}
	p.InDocument = true
	if t.isSubject(p.Subcomponent) {
		p.Subcomponent, p.SubcomponentID = "", "" // the artifact itself, by its own purl
		return p
	}
	if p.Subcomponent == "" && p.SubcomponentID == "" {
		p.Unreadable = "it names no component of the SBOM"
	}
	p.Purl = ""
	return p
}

// isSubject reports whether a purl is that of what the SBOM describes.
func (t *task) isSubject(text string) bool {
	named, err := purl.Parse(text)
	if err != nil {
		return false
	}
	for _, subject := range []string{t.doc.Subject.Purl, t.artifact.purl} {
		about, err := purl.Parse(subject)
		if err == nil && named.NameKey() == about.NameKey() && (named.Version == "" || named.Version == about.Version) {
			return true
		}
	}
	return false
}

// statementColumns are the columns of vex_statement that an import writes, beside the tenant: the
// one place that says what they are called, what they are, and what a row has in them. The temporary
// table, the COPY into it and the insert from it follow from this list.
var statementColumns = []struct {
	name, kind string
	value      func(s *statement) any
}{
	{"id", "uuid", func(s *statement) any { return s.id }},
	{"document_id", "uuid", func(s *statement) any { return s.document }},
	{"ordinal", "int", func(s *statement) any { return s.ordinal }},
	{"pointer", "text", func(s *statement) any { return s.said.Pointer }},
	{"vuln_id", "text", func(s *statement) any { return s.said.VulnID }},
	{"status", "text", func(s *statement) any { return s.said.Status }},
	{"justification", "text", func(s *statement) any { return clean(s.said.Justification) }},
	{"impact", "text", func(s *statement) any { return clean(s.said.Impact) }},
	{"action", "text", func(s *statement) any { return clean(s.said.Action) }},
	{"issuer", "text", func(s *statement) any { return clip(clean(s.issuer), 500) }},
	{"statement_time", "timestamptz", func(s *statement) any { return nullTime(s.at) }},
	{"own_time", "boolean", func(s *statement) any { return s.ownTime }},
	{"product", "text", func(s *statement) any {
		p := s.product
		return clip(clean(firstOf(p.ID, p.Purl, p.CPE, p.Name)), maxText)
	}},
	{"product_purl", "text", func(s *statement) any { return s.purl }},
	{"product_key", "text", func(s *statement) any { return s.key }},
	{"product_range", "text", func(s *statement) any { return clip(clean(s.product.ProductRange), maxText) }},
	{"subcomponent", "text", func(s *statement) any {
		return firstOf(s.subPurl, clip(clean(firstOf(s.product.SubcomponentID, s.product.Subcomponent)), maxText))
	}},
	{"subcomponent_key", "text", func(s *statement) any { return s.subKey }},
	{"version_range", "text", func(s *statement) any { return clip(clean(s.product.VersionRange), maxText) }},
	{"artifact_id", "uuid", func(s *statement) any {
		if s.artifact == nil {
			return nil
		}
		return *s.artifact
	}},
	{"bom_serial", "text", func(s *statement) any { return clean(s.product.BOMSerial) }},
	{"bom_ref", "text", func(s *statement) any { return clip(clean(s.product.BOMRef), maxText) }},
	{"source", "text", func(s *statement) any { return s.source }},
	{"content_hash", "bytea", func(s *statement) any { return s.hash[:] }},
	{"embedded", "boolean", func(s *statement) any { return s.embedded }},
	{"unreadable", "text", func(s *statement) any { return clip(clean(s.unreadable), 500) }},
}

// values are the row's values, column by column.
func (s *statement) values() []any {
	list := make([]any, len(statementColumns))
	for i, c := range statementColumns {
		list[i] = c.value(s)
	}
	return list
}

// statementNames are the names of the columns.
func statementNames() []string {
	list := make([]string, len(statementColumns))
	for i, c := range statementColumns {
		list[i] = c.name
	}
	return list
}

// withColumns completes a statement of SQL: {statement columns} are their names, {statement
// definitions} those with their types.
func withColumns(sql string) string {
	definitions := make([]string, len(statementColumns))
	for i, c := range statementColumns {
		definitions[i] = c.name + " " + c.kind
	}
	return strings.NewReplacer(
		"{statement columns}", strings.Join(statementNames(), ", "),
		"{statement definitions}", strings.Join(definitions, ", "),
	).Replace(sql)
}

// Limits of what names a product, in bytes: index rows hold no more, and what is cut is
// another name.
const (
	maxText   = 2000
	maxSerial = 100
)
