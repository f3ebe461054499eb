// Package sarif writes findings as SARIF 2.1.0, the form in which GitHub and others take the results of
// scanners.
//
// GitHub refuses a file with more than 25,000 results or rules in a run, or of more than 10 MB compressed. Write keeps
// to that: the worst are written, and it says how many are not.
package sarif

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// GitHub's limits: https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
const (
	MaxResults = 25_000           // of a run; so many rules too, of which every result has one
	MaxShown   = 5_000            // of a run: GitHub shows the worst
	MaxBytes   = 10 * 1000 * 1000 // compressed
	maxID      = 255              // of a rule
	maxText    = 1_000            // of a message; GitHub cuts the rest
)

// Result is a finding.
type Result struct {
	ID            string // stable, from one run to the next
	Vulnerability string
	Aliases       []string
	Severity      string // critical, high, medium, low, none or ""
	Score         string // CVSS, "" where there is none
	Artifact      string // purl, or the path of a file
	Line          int    // in that file; 0: nobody knows
	Package       string // purl
	Fixed         []string
	Exploited     bool   // known to be
	Likely        string // EPSS, "" where there is none
	Suppressed    bool
	Justification string // of what suppresses it
}

// Tool is what the results are of.
type Tool struct {
	Name, Version string
}

// Note is what a reader of the results has to know, such as what they say nothing about.
type Note struct {
	ID         string // of its kind
	Text       string
	Properties map[string]any
}

// Cut is how many results were left out, and why.
type Cut struct {
	Results int
	Why     string // "" where nothing was
}

// Write writes results, the worst first, as far as the limits allow. Notes are notifications of the run.
func Write(w io.Writer, tool Tool, results []Result, notes ...Note) (Cut, error) {
	return write(w, tool, results, MaxBytes, notes...)
}

func write(w io.Writer, tool Tool, results []Result, maxBytes int, notes ...Note) (Cut, error) {
	cut := Cut{}
	if len(results) > MaxResults {
		cut = Cut{len(results) - MaxResults, fmt.Sprintf("a run may have %d results", MaxResults)}
		results = results[:MaxResults]
	}
	for {
		text, packed, err := encode(tool, results, notes)
		if err != nil {
			return cut, err
		}
		if packed <= maxBytes || len(results) == 0 {
			_, err = w.Write(text)
			return cut, err
		}
		// As many as fit, by what the average takes; at least one less.
		keep := min(len(results)-1, len(results)*9/10*maxBytes/packed+1)
		cut = Cut{cut.Results + len(results) - keep, fmt.Sprintf("a file may have %d MB, compressed", MaxBytes/1000/1000)}
		results = results[:keep]
	}
}

// encode is the file, and its size compressed.
func encode(tool Tool, results []Result, notes []Note) (text []byte, packed int, err error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(file(tool, results, notes)); err != nil {
		return nil, 0, err
	}
	n := counter(0)
	z := gzip.NewWriter(&n)
	_, _ = z.Write(b.Bytes())
	_ = z.Close()
	return b.Bytes(), int(n), nil
}

type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

type (
	object = map[string]any
	list   = []any
)

func file(tool Tool, results []Result, notes []Note) object {
	rules, index := rules(results)
	out := make(list, len(results))
	for i, r := range results {
		out[i] = r.result(index[ruleID(r.Vulnerability)])
	}
	run := object{
		"tool": object{"driver": object{
			"name": tool.Name, "version": tool.Version, "semanticVersion": tool.Version, "rules": rules,
		}},
		"columnKind": "utf16CodeUnits",
		"results":    out,
	}
	if len(notes) > 0 {
		run["invocations"] = list{object{"executionSuccessful": true, "toolExecutionNotifications": notifications(notes)}}
	}
	return object{
		"$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		"version": "2.1.0",
		"runs":    list{run},
	}
}

func notifications(notes []Note) list {
	out := make(list, len(notes))
	for i, n := range notes {
		out[i] = object{"descriptor": object{"id": n.ID}, "level": "warning", "message": object{"text": short(n.Text, maxText)}, "properties": n.Properties}
	}
	return out
}

// rules are the vulnerabilities, in the order in which they come, and where each is.
func rules(results []Result) (list, map[string]int) {
	index, worst := map[string]int{}, []Result{}
	for _, r := range results {
		i, there := index[ruleID(r.Vulnerability)]
		switch {
		case !there:
			index[ruleID(r.Vulnerability)] = len(worst)
			worst = append(worst, r)
		case r.points() > worst[i].points():
			worst[i] = r
		}
	}
	out := make(list, len(worst))
	for i, r := range worst {
		out[i] = r.rule()
	}
	return out, index
}

func ruleID(vuln string) string { return short(vuln, maxID) }

func (r Result) rule() object {
	tags := list{"security", "vulnerability"}
	if r.Exploited {
		tags = append(tags, "known-exploited")
	}
	for _, a := range r.Aliases[:min(len(r.Aliases), 15)] { // GitHub takes 20
		if tag := short(a, maxID); !slices.Contains(tags, any(tag)) { // two that are cut may be one
			tags = append(tags, tag)
		}
	}
	about := r.Vulnerability
	if r.Severity != "" {
		about += ", " + r.Severity
	}
	help := "Known as " + strings.Join(append([]string{r.Vulnerability}, r.Aliases...), ", ") + "."
	if r.Exploited {
		help += " It is known to be exploited."
	}
	return object{
		"id":                   ruleID(r.Vulnerability),
		"name":                 ruleID(r.Vulnerability),
		"shortDescription":     object{"text": short(about, maxText)},
		"fullDescription":      object{"text": short(help, maxText)},
		"help":                 object{"text": short(help, maxText)},
		"helpUri":              page(r.Vulnerability),
		"defaultConfiguration": object{"level": r.level()},
		"properties":           object{"security-severity": r.severity(), "tags": tags, "precision": "very-high"},
	}
}

func (r Result) result(rule int) object {
	text := fmt.Sprintf("%s in %s of %s.", r.Vulnerability, r.Package, r.Artifact)
	if len(r.Fixed) > 0 {
		text += " Fixed in " + strings.Join(r.Fixed, ", ") + "."
	}
	if r.Exploited {
		text += " Known to be exploited."
	}
	properties := object{"package": r.Package, "artifact": r.Artifact}
	for name, v := range map[string]string{"cvss": r.Score, "epss": r.Likely} {
		if v != "" {
			properties[name] = v
		}
	}
	out := object{
		"ruleId": ruleID(r.Vulnerability), "ruleIndex": rule, "level": r.level(),
		"message": object{"text": short(text, maxText)},
		"locations": list{object{
			// Every result has to be in a file. What an SBOM describes is none, so it is named like one.
			"physicalLocation": object{"artifactLocation": object{"uri": place(r.Artifact)}, "region": object{"startLine": max(r.Line, 1)}},
			"logicalLocations": list{object{"fullyQualifiedName": r.Package, "kind": "package"}},
		}},
		"partialFingerprints": object{"sluiceFinding/v1": r.ID, "primaryLocationLineHash": hash(r.ID) + ":1"},
		"properties":          properties,
	}
	if r.Suppressed {
		s := object{"kind": "external", "status": "accepted"}
		if r.Justification != "" {
			s["justification"] = short(r.Justification, maxText)
		}
		out["suppressions"] = list{s}
	}
	return out
}

// level is SARIF's word. GitHub sorts by security-severity.
func (r Result) level() string {
	switch r.Severity {
	case "critical", "high":
		return "error"
	case "medium":
		return "warning"
	}
	return "note"
}

// severity is the number that GitHub makes critical, high, medium and low of: the score, or the least of
// the severity where nobody scored it.
func (r Result) severity() string {
	least := map[string]string{"critical": "9.0", "high": "7.0", "medium": "4.0", "low": "0.1"}
	return cmp.Or(r.Score, least[r.Severity], "0.0")
}

// points is severity as a number.
func (r Result) points() float64 {
	n, _ := strconv.ParseFloat(r.severity(), 64)
	return n
}

// page is where people read about a vulnerability.
func page(vuln string) string {
	switch {
	case strings.HasPrefix(vuln, "CVE-"):
		return "https://nvd.nist.gov/vuln/detail/" + url.PathEscape(vuln)
	case strings.HasPrefix(vuln, "GHSA-"):
		return "https://github.com/advisories/" + url.PathEscape(vuln)
	}
	return "https://osv.dev/vulnerability/" + url.PathEscape(vuln)
}

// place is the artifact as the path of a file: pkg:oci/app@1.2 is oci/app@1.2. A URI of another scheme than a
// file's is refused by GitHub.
func place(artifact string) string {
	parts := strings.Split(strings.TrimPrefix(artifact, "pkg:"), "/")
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" || p == "." || p == ".." })
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), ":", "%3A")
	}
	return cmp.Or(strings.Join(parts, "/"), "artifact")
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// short cuts a text to so many characters.
func short(s string, most int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
