package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"sluice/inventory"
	"sluice/render/grid"
	"sluice/render/sarif"
)

// findingField is what a list can show of a finding.
type findingField struct {
	name, head string // head is that of a table, where it is not the name
	text       func(*inventory.Finding) string
	json       func(*inventory.Finding) any // nil: the member of that name
}

var findingFields = []findingField{
	{name: "id", text: func(f *inventory.Finding) string { return f.ID }},
	{name: "vulnerability", text: func(f *inventory.Finding) string { return f.Vulnerability }},
	{name: "score", text: func(f *inventory.Finding) string { return optional(f.Score) }},
	{name: "severity", text: func(f *inventory.Finding) string { return f.Severity }},
	{name: "kev", text: kevText},
	{name: "epss", text: epssText},
	{name: "fixed_versions", head: "fixed in", text: func(f *inventory.Finding) string { return strings.Join(f.Fixed, " ") }},
	{name: "status", text: func(f *inventory.Finding) string { return f.Status }},
	{name: "reason", text: reasonText, json: func(f *inventory.Finding) any { return reasonText(f) }},
	{name: "ecosystem", text: ecosystemOf, json: func(f *inventory.Finding) any { return ecosystemOf(f) }},
	{name: "aliases", text: func(f *inventory.Finding) string { return strings.Join(f.Aliases, " ") }},
	{name: "advisories", text: func(f *inventory.Finding) string { return strings.Join(f.Advisories, " ") }},
	{name: "vex", text: func(f *inventory.Finding) string {
		if f.VEX == nil {
			return ""
		}
		return f.VEX.Status
	}},
	{name: "evidence", text: func(f *inventory.Finding) string { return string(f.Evidence) }},
	{name: "first_seen", head: "first seen", text: func(f *inventory.Finding) string { return f.FirstSeen.Format(time.RFC3339) }},
	{name: "last_changed", head: "last changed", text: func(f *inventory.Finding) string { return f.LastChanged.Format(time.RFC3339) }},
	{name: "cursor", text: func(f *inventory.Finding) string { return f.Cursor }, json: func(f *inventory.Finding) any { return f.Cursor }},
	{name: "artifact", text: func(f *inventory.Finding) string { return f.Artifact }},
	{name: "package", text: func(f *inventory.Finding) string { return f.Package }},
}

func fieldNames() (names []string) {
	for _, f := range findingFields {
		names = append(names, f.name)
	}
	return names
}

func fieldOf(name string) (findingField, bool) {
	for _, f := range findingFields {
		if f.name == name {
			return f, true
		}
	}
	return findingField{}, false
}

func kevText(f *inventory.Finding) string {
	switch {
	case f.KEV == nil:
		return ""
	case f.KEV.Added == "":
		return "yes"
	}
	return f.KEV.Added
}

func epssText(f *inventory.Finding) string {
	if f.EPSS == nil {
		return ""
	}
	return strconv.FormatFloat(float64(f.EPSS.Score), 'f', -1, 32)
}

// reasonText is what decides a finding, or why it was closed.
func reasonText(f *inventory.Finding) string {
	if f.VEX == nil {
		return f.Closed
	}
	reason := f.VEX.Status
	if f.VEX.Justification != "" {
		reason += ": " + f.VEX.Justification
	}
	return reason + " (" + strings.TrimSpace(f.VEX.Source+" "+f.VEX.Issuer) + ")"
}

func ecosystemOf(f *inventory.Finding) string {
	var evidence struct {
		Ecosystem string `json:"ecosystem"`
	}
	_ = json.Unmarshal(f.Evidence, &evidence) // a closed one has none
	return evidence.Ecosystem
}

// findingsOutput writes findings as they come.
type findingsOutput interface {
	// unjudged is told before any finding.
	unjudged([]inventory.Unjudged)
	add(*inventory.Finding) error
	close() error
}

// findingsOutput is the writer for --output. It may narrow the filter to what a form can hold.
func (a *app) findingsOutput(f *findingsFlags) (findingsOutput, error) {
	names := f.fields
	if f.group != "" && len(names) > 0 {
		return nil, usagef("--fields is for lists; --group-by has columns of its own")
	}
	if f.group != "" && a.output == "sarif" {
		return nil, usagef("--output sarif is a list of findings; it cannot be summed with --group-by")
	}
	if f.group != "" && f.filter.After != "" {
		return nil, usagef("--after is for lists; --group-by gives the worst groups first, as many as --limit says")
	}
	if len(names) == 0 {
		switch {
		case a.output == "csv": // the columns that it always had, then those that came later
			names = []string{"vulnerability", "score", "severity", "package", "artifact", "status", "fixed_versions", "reason", "kev", "epss", "first_seen", "id"}
		case f.filter.Status == "open":
			names = []string{"vulnerability", "score", "severity", "kev", "epss", "fixed_versions", "artifact", "package"}
		default:
			names = []string{"vulnerability", "score", "severity", "kev", "epss", "fixed_versions", "status", "reason", "artifact", "package"}
		}
	}
	var fields []findingField
	var heads []string
	for _, name := range names {
		field, ok := fieldOf(strings.TrimSpace(name))
		if !ok {
			return nil, usagef("--fields: there is no %q; there are %s", name, strings.Join(fieldNames(), ", "))
		}
		fields = append(fields, field)
		if field.head == "" || a.output == "csv" {
			field.head = field.name
		}
		heads = append(heads, field.head)
	}
	switch a.output {
	case "json":
		if len(f.fields) == 0 {
			fields = nil
		}
		return &findingsJSON{w: bufio.NewWriter(a.stdout), fields: fields}, nil
	case "csv":
		w := csv.NewWriter(a.stdout)
		_ = w.Write(heads)
		return &findingsCSV{w, fields}, nil
	case "sarif":
		if len(f.fields) > 0 {
			return nil, usagef("--fields is for tables, JSON, CSV and Markdown; SARIF has members of its own")
		}
		return a.findingsSARIF(f)
	case "markdown":
		m := grid.NewMarkdown(a.stdout, heads)
		return &findingsRows{rows: m, fields: fields, note: m.Note}, nil
	}
	g := grid.New(a.stdout, heads, widthOf(a.stdout), "package", "artifact", "reason", "fixed in", "aliases", "advisories", "evidence")
	if len(f.fields) == 0 { // else he said what he wants to see
		g.Drop("epss", "fixed in", "kev", "status")
	}
	return &findingsRows{rows: g, fields: fields, closed: func() { a.leftOut(g.Dropped()) }}, nil
}

// rows is a table in one of its forms.
type rows interface {
	Add(cells ...string) error
	Close() error
}

type findingsRows struct {
	rows
	fields []findingField
	closed func()             // nil, or what comes behind the table
	note   func(string) error // nil: there is no place for any
	notes  []string
}

func (r *findingsRows) unjudged(list []inventory.Unjudged) {
	for _, u := range list {
		r.notes = append(r.notes, unjudgedText(u))
	}
}

func (r *findingsRows) add(f *inventory.Finding) error {
	cells := make([]string, len(r.fields))
	for i, field := range r.fields {
		cells[i] = field.text(f)
	}
	return r.Add(cells...)
}

func (r *findingsRows) close() error {
	if err := r.Close(); err != nil {
		return err
	}
	if r.closed != nil {
		r.closed()
	}
	if r.note == nil {
		return nil
	}
	for _, text := range r.notes {
		if err := r.note(text); err != nil {
			return err
		}
	}
	return nil
}

// unjudged: CSV has rows of findings only; it is on standard error.
func (c *findingsCSV) unjudged([]inventory.Unjudged) {}

type findingsCSV struct {
	w      *csv.Writer
	fields []findingField
}

func (c *findingsCSV) add(f *inventory.Finding) error {
	cells := make([]string, len(c.fields))
	for i, field := range c.fields {
		cells[i] = field.text(f)
	}
	return c.w.Write(cells)
}

func (c *findingsCSV) close() error {
	c.w.Flush()
	return c.w.Error()
}

// findingsJSON writes one array, as printJSON does, without holding it.
type findingsJSON struct {
	w      *bufio.Writer
	fields []findingField // nil: all
	some   bool
	behind *unjudgedElement
}

// unjudgedElement is the last element of an array of findings, where there are components that nobody can judge:
// whoever reads the array alone shall not take what is empty for clean.
type unjudgedElement struct {
	Status   string               `json:"status"` // unknown, which no finding has
	Unjudged []inventory.Unjudged `json:"unjudged"`
}

func newUnjudgedElement(list []inventory.Unjudged) *unjudgedElement {
	return &unjudgedElement{"unknown", list}
}

func (j *findingsJSON) unjudged(list []inventory.Unjudged) {
	if len(list) > 0 {
		j.behind = newUnjudgedElement(list)
	}
}

func (j *findingsJSON) add(f *inventory.Finding) error {
	text, err := j.text(f)
	if err != nil {
		return err
	}
	return j.element(text)
}

func (j *findingsJSON) element(text []byte) error {
	before := ","
	if !j.some {
		before = "["
	}
	j.some = true
	_, _ = j.w.WriteString(before)
	_, err := j.w.Write(text)
	return err
}

func (j *findingsJSON) text(f *inventory.Finding) ([]byte, error) {
	whole, err := jsonText(f)
	if err != nil || j.fields == nil {
		return whole, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(whole, &members); err != nil {
		return nil, err
	}
	out := []byte{'{'}
	for i, field := range j.fields {
		value := []byte(members[field.name])
		if field.json != nil {
			if value, err = jsonText(field.json(f)); err != nil {
				return nil, err
			}
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, "%q:%s", field.name, value)
	}
	return append(out, '}'), nil
}

func (j *findingsJSON) close() error {
	if j.behind != nil {
		text, err := jsonText(j.behind)
		if err != nil {
			return err
		}
		if err := j.element(text); err != nil {
			return err
		}
	}
	end := "]\n"
	if !j.some {
		end = "[]\n"
	}
	_, _ = j.w.WriteString(end)
	return j.w.Flush()
}

// jsonText is the JSON of a value as printJSON writes it, without the end of the line.
func jsonText(v any) ([]byte, error) {
	var b strings.Builder
	if err := printJSON(&b, v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// findingsSARIF holds the findings until all are there: how many fit is known of all of them only.
type findingsSARIF struct {
	w, stderr io.Writer
	results   []sarif.Result
	notes     []sarif.Note
}

func (s *findingsSARIF) unjudged(list []inventory.Unjudged) { s.notes = unjudgedNotes(list) }

// unjudgedNotes says in SARIF of what nobody can say anything.
func unjudgedNotes(list []inventory.Unjudged) (notes []sarif.Note) {
	for _, u := range list {
		notes = append(notes, sarif.Note{
			ID: u.Reason, Text: unjudgedText(u), Properties: map[string]any{"ecosystem": u.Ecosystem, "components": u.Components, "atLeast": u.AtLeast, "reason": u.Reason},
		})
	}
	return notes
}

func (a *app) findingsSARIF(f *findingsFlags) (findingsOutput, error) {
	if f.filter.Sort != "severity" {
		return nil, usagef("--output sarif is in the order severity: GitHub shows the first %d results", sarif.MaxShown)
	}
	if f.filter.Status == "closed" {
		return nil, usagef("--output sarif is of open and suppressed findings: a result that is not there is closed by who reads it")
	}
	if f.filter.Limit == 0 || f.filter.Limit > sarif.MaxResults {
		f.filter.Limit = sarif.MaxResults
	}
	return &findingsSARIF{w: a.stdout, stderr: a.stderr}, nil
}

func (s *findingsSARIF) add(f *inventory.Finding) error {
	r := sarif.Result{
		ID: f.ID, Vulnerability: f.Vulnerability, Aliases: f.Aliases, Severity: f.Severity, Score: optional(f.Score), Artifact: f.Artifact, Package: f.Package, Fixed: f.Fixed,
		Exploited: f.KEV != nil, Likely: epssText(f), Suppressed: f.Status == "suppressed",
	}
	if r.Suppressed {
		r.Justification = reasonText(f)
	}
	s.results = append(s.results, r)
	return nil
}

func (s *findingsSARIF) close() error {
	cut, err := sarif.Write(s.w, sarif.Tool{Name: "Sluice", Version: version}, s.results, s.notes...)
	if err != nil {
		return err
	}
	written := len(s.results) - cut.Results
	if cut.Results > 0 {
		fmt.Fprintf(s.stderr, "sluice: %d results are left out, the least severe: %s\n", cut.Results, cut.Why)
	}
	if written > sarif.MaxShown {
		fmt.Fprintf(s.stderr, "sluice: of these %d results GitHub shows the first %d\n", written, sarif.MaxShown)
	}
	if written == sarif.MaxResults {
		fmt.Fprintf(s.stderr, "sluice: a run may have %d results, and more were not asked for\n", sarif.MaxResults)
	}
	return nil
}
