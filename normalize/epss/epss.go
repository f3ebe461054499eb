// Package epss reads the daily files of the Exploit Prediction Scoring System: CSV with a line
// for every CVE, a quarter of a million and more of them, under a comment that names the model
// and the day:
//
//	#model_version:v2025.03.14,score_date:2025-06-01T12:55:00Z
//	cve,epss,percentile
//	CVE-1999-0001,0.01297,0.78553
//
// The files of the first months have no such comment.
package epss

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/csvtext"
	"sluice/normalize/lenient"
)

// CSV reads one daily file.
type CSV struct{}

// Name implements normalize.Format.
func (CSV) Name() string { return "epss-csv" }

// Detect implements normalize.Format.
func (CSV) Detect(h *normalize.Head) bool {
	return slices.Contains(h.Columns, "cve") && slices.Contains(h.Columns, "epss")
}

// Normalize implements normalize.Format. A line that cannot be read costs only itself.
func (f CSV) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := &normalize.Document{Kind: normalize.Vuln, Format: f.Name(), Feed: &normalize.Feed{Name: normalize.FeedEPSS}}
	// One copy for all ids: they outlive the bytes of the document.
	text := string(bytes.TrimPrefix(in.Bytes, []byte("\xef\xbb\xbf")))
	var at columns
	limit := in.Limits.OrDefault().MaxComponents
	doc.Feed.Scores = make([]normalize.Score, 0, min(len(text)/32, limit))
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
		case line[0] == '#':
			if at.known() {
				continue
			}
			comment(doc, line[1:])
		case !at.known():
			at = columnsOf(line)
			if !at.known() {
				return nil, normalize.Park(normalize.ReasonInvalid, place(number), "the first line names no columns cve and epss")
			}
			if at.percentile < 0 {
				doc.Warn("no-percentile", place(number), "the file has no percentiles; they are taken for 0")
			}
		case len(doc.Feed.Scores) >= limit:
			return nil, normalize.Park(normalize.ReasonTooMany, place(number), "more than %d scores", limit)
		default:
			if score, ok := at.read(line); ok {
				doc.Feed.Scores = append(doc.Feed.Scores, score)
			} else {
				doc.Warn("bad-line", place(number), "%.80q is no CVE with a probability from 0 to 1; it is not used", line)
			}
		}
	}
	if len(doc.Feed.Scores) == 0 {
		return nil, normalize.Park(normalize.ReasonInvalid, "", "the file scores no vulnerability")
	}
	sortScores(doc)
	if doc.Time.IsZero() {
		doc.Warn("no-date", "", "the file does not say of which day it is (#model_version:…,score_date:…): any that does is newer")
	}
	return doc, nil
}

// comment reads #model_version:v2025.03.14,score_date:2025-06-01T12:55:00Z.
func comment(doc *normalize.Document, text string) {
	for field := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(field, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "model_version":
			doc.Feed.Version, doc.FormatVersion = cut(value), cut(value)
		case "score_date":
			t, err := lenient.Time(value)
			if err != nil {
				doc.Warn("bad-time", place(1), "%.60q is no time (2006-01-02T15:04:05Z); it is not used", value)
			}
			doc.Time = t
		}
	}
}

// cut bounds the name of a model.
func cut(s string) string { return strings.ToValidUTF8(s[:min(len(s), 100)], "") }

// columns are the places of the columns in a line; -1 for one that is not there.
type columns struct{ cve, epss, percentile, count int }

func (c columns) known() bool { return c.count > 0 }

func columnsOf(line string) columns {
	names := csvtext.Columns([]byte(line))
	c := columns{slices.Index(names, "cve"), slices.Index(names, "epss"), slices.Index(names, "percentile"), len(names)}
	if c.cve < 0 || c.epss < 0 {
		return columns{}
	}
	return c
}

// read reads a line. No value has a comma in it, so none needs quotes; some writers quote all.
func (c columns) read(line string) (score normalize.Score, ok bool) {
	for i := 0; ; i++ {
		field, rest, more := strings.Cut(line, ",")
		field = strings.Trim(field, ` "`)
		ok := true
		switch i {
		case c.cve:
			score.VulnID = normalize.VulnID(field)
			ok = normalize.IsCVE(score.VulnID)
		case c.epss:
			score.Score, ok = share(field)
		case c.percentile:
			score.Percentile, ok = share(field)
		}
		if !ok {
			return score, false
		}
		if !more {
			return score, i+1 >= c.count
		}
		line = rest
	}
}

// share is a number from 0 to 1.
func share(s string) (float32, bool) {
	n, err := strconv.ParseFloat(s, 32)
	return float32(n), err == nil && n >= 0 && n <= 1
}

// sortScores brings the lines into the order of their ids. Of several for one the last counts.
func sortScores(doc *normalize.Document) {
	less := func(a, b normalize.Score) int { return strings.Compare(a.VulnID, b.VulnID) }
	list := doc.Feed.Scores
	if !slices.IsSortedFunc(list, less) {
		slices.SortStableFunc(list, less)
	}
	out := list[:0]
	for i, s := range list {
		if i+1 < len(list) && list[i+1].VulnID == s.VulnID {
			doc.Warn("duplicate-id", "", "%s is there more than once; the last line counts", s.VulnID)
			continue
		}
		out = append(out, s)
	}
	doc.Feed.Scores = out
}

func place(line int) string { return strconv.Itoa(line) + ":1" }
