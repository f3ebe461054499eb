package osv

import (
	"strings"

	"sluice/normalize/internal/cvss"
)

// readSeverities appends the scores of a "severity" array to list: CVSS vectors, and
// words for the type Ubuntu. A score says itself what it is; the type is not looked at.
func (r *reader) readSeverities(list []string) []string {
	for ok := r.List(); ok && r.Element(); {
		if !r.IsObject() {
			// A bare word or vector, from before the specification had a form for it.
			if score := r.textIfText(); score != "" {
				list = append(list, score)
			}
			continue
		}
		score := ""
		for ok := r.Object(); ok && r.Member(); {
			if string(r.Name()) == "score" {
				score = r.Text()
			} else {
				r.Skip()
			}
		}
		if score != "" {
			list = append(list, score)
		}
	}
	return list
}

// rate sets the record's own score: from its severities, else the highest of its
// packages, else the word that it has for it.
func (r *reader) rate() {
	v := &r.v
	if r.word == "" {
		r.word = wordInSummary(v.ID, v.Summary)
	}
	v.Score, v.Severity, v.Vector = r.best(r.severities, "", "")
	if v.Score < 0 {
		for _, a := range v.Affected {
			if a.Score > v.Score {
				v.Score, v.Severity, v.Vector = a.Score, a.Severity, a.Vector
			}
		}
	}
	if v.Score < 0 {
		if w := cvss.Word(r.word); w != "" {
			v.Severity = w
		}
		for _, a := range v.Affected {
			if v.Severity == "" {
				v.Severity = a.Severity
			}
		}
	}
}

// best picks from several severities; see [cvss.Best].
func (r *reader) best(list []string, word, at string) (score int16, level, vector string) {
	b := cvss.Best(list, word, func(s string) { r.warn("bad-cvss", at+"/severity", "%.100q cannot be scored", s) })
	return b.Score, b.Level, b.Vector
}

// wordInSummary finds the severity where the rebuilds of Red Hat Enterprise Linux put
// it: "Important: xz security update".
func wordInSummary(id, summary string) string {
	switch prefix, _, _ := strings.Cut(id, "-"); prefix {
	case "ALSA", "RLSA", "RHSA", "ELSA":
	default:
		return ""
	}
	word, _, found := strings.Cut(summary, ":")
	if !found {
		return ""
	}
	return cvss.Word(word)
}
