package inventory

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/internal/ask"
)

// maxDecisions bounds what one file may hold: all of it is one transaction.
const maxDecisions = 50_000

// decisionFields are the members of a decision in a file, in CSV and in JSON.
var decisionFields = []string{
	"finding", "package", "vuln", "artifact", "tag", "status", "justification", "impact", "action", "rationale", "proof", "ticket", "until", "ahead", "if_revision",
}

// DecisionRow is a decision of a file.
type DecisionRow struct {
	Line int // from 1
	Decision
}

// RowError says which line of a file is wrong.
type RowError struct {
	Line int
	Err  error
}

func (e *RowError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *RowError) Unwrap() error { return e.Err }

// ReadDecisions reads a file of decisions: CSV with a header, a JSON array of objects, or objects
// line by line; which it is shows in its first character. Columns and members are those of vex decide's flags, in any
// order; an unknown one is an error, lest it be a mistyped one. every fills in what a row does not say. All rows are
// checked, and all that are wrong are in the error, each as a *RowError.
func ReadDecisions(r io.Reader, every Decision) ([]DecisionRow, error) {
	text, err := io.ReadAll(io.LimitReader(r, 64<<20+1))
	if err != nil {
		return nil, err
	}
	if len(text) > 64<<20 {
		return nil, ask.Wrong("from", "has more than 64 MiB; cut it into several files")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	read := readCSV
	if first := bytes.TrimLeft(text, " \t\r\n"); len(first) > 0 && (first[0] == '[' || first[0] == '{') {
		read = readJSON
	}
	raw, err := read(text)
	if err != nil {
		return nil, err
	}
	switch {
	case len(raw) == 0:
		return nil, ask.Wrong("from", "has no decisions")
	case len(raw) > maxDecisions:
		return nil, ask.Wrong("from", "has %d decisions; %d are allowed in one file", len(raw), maxDecisions)
	}
	now := time.Now()
	var out []DecisionRow
	var wrong []error
	for _, r := range raw {
		d, err := r.decision(every, now)
		if err == nil {
			err = d.Check()
		}
		if err != nil {
			wrong = append(wrong, &RowError{r.line, err})
			continue
		}
		out = append(out, DecisionRow{r.line, d})
	}
	return out, errors.Join(wrong...)
}

// rawRow is a row as text.
type rawRow struct {
	line  int
	cells map[string]string
}

func (r rawRow) decision(d Decision, now time.Time) (Decision, error) {
	for field, to := range map[string]*string{
		"finding": &d.Finding, "package": &d.Package, "vuln": &d.Vuln, "artifact": &d.Artifact, "tag": &d.Tag, "status": &d.Status, "justification": &d.Justification,
		"impact": &d.Impact, "action": &d.Action, "rationale": &d.Rationale, "proof": &d.Proof, "ticket": &d.Ticket,
	} {
		if text := strings.TrimSpace(r.cells[field]); text != "" {
			*to = text
		}
	}
	switch text := strings.TrimSpace(r.cells["ahead"]); text {
	case "", "false", "no":
	case "true", "yes":
		d.Ahead = true
	default:
		return d, ask.Wrong("ahead", "%q: it is true or false", text)
	}
	if text := strings.TrimSpace(r.cells["if_revision"]); text != "" {
		var n int
		if _, err := fmt.Sscanf(text, "%d", &n); err != nil || n < 0 || fmt.Sprint(n) != text {
			return d, ask.Wrong("if_revision", "%q: it is a number, as `sluice vex list --output json` shows it", text)
		}
		d.IfRevision = &n
	}
	until, err := ParseUntil(strings.TrimSpace(r.cells["until"]), now)
	if until != nil {
		d.Until = until
	}
	return d, err
}

// field is the name of a column or member; vulnerability is what other programs write.
func field(name string) (string, error) {
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "-", "_")
	if name == "vulnerability" {
		name = "vuln"
	}
	if !slices.Contains(decisionFields, name) {
		return "", ask.Wrong("", "%q is no column of a decision: they are %s", name, strings.Join(decisionFields, ", "))
	}
	return name, nil
}

func readCSV(text []byte) ([]rawRow, error) {
	r := csv.NewReader(bytes.NewReader(text))
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range head {
		if head[i], err = field(head[i]); err != nil {
			return nil, &RowError{1, err}
		}
		if slices.Contains(head[:i], head[i]) {
			return nil, &RowError{1, ask.Wrong("", "there are two columns %s", head[i])}
		}
	}
	var out []rawRow
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err // names its line
		}
		line, _ := r.FieldPos(0)
		cells := map[string]string{}
		for i, cell := range row {
			cells[head[i]] = cell
		}
		out = append(out, rawRow{line, cells})
	}
}

func readJSON(text []byte) ([]rawRow, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	line := func() int {
		at := dec.InputOffset()
		for at < int64(len(text)) && strings.IndexByte(" \t\r\n,", text[at]) >= 0 {
			at++
		}
		return 1 + bytes.Count(text[:at], []byte("\n"))
	}
	array := bytes.TrimLeft(text, " \t\r\n")[0] == '['
	if array {
		_, _ = dec.Token() // it is there
	}
	var out []rawRow
	for dec.More() {
		at := line()
		var members map[string]any
		if err := dec.Decode(&members); err != nil {
			return nil, &RowError{at, fmt.Errorf("no JSON object: %w", err)}
		}
		cells := map[string]string{}
		for name, value := range members {
			key, err := field(name)
			if err != nil {
				return nil, &RowError{at, err}
			}
			switch v := value.(type) {
			case nil:
			case string:
				cells[key] = v
			case bool, float64:
				cells[key] = fmt.Sprint(v)
			default:
				return nil, &RowError{at, ask.Wrong(key, "is no text")}
			}
		}
		out = append(out, rawRow{at, cells})
	}
	if array {
		if _, err := dec.Token(); err != nil {
			return nil, &RowError{line(), fmt.Errorf("the array does not end: %w", err)}
		}
	}
	if rest := bytes.TrimSpace(text[dec.InputOffset():]); len(rest) > 0 {
		return nil, &RowError{line(), errors.New("there is something after the decisions")}
	}
	return out, nil
}
