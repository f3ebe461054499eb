package osv

import (
	"math"
	"strconv"
	"strings"

	cvss20 "github.com/pandatix/go-cvss/20"
	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
	cvss40 "github.com/pandatix/go-cvss/40"
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
		if w := wordFor(r.word); w != "" {
			v.Severity = w
		}
		for _, a := range v.Affected {
			if v.Severity == "" {
				v.Severity = a.Severity
			}
		}
	}
}

// best picks from several severities. The newest CVSS version wins, whatever its
// score: 4.0, 3.1, 3.0, 2.0. Without a score the word counts.
func (r *reader) best(list []string, word, at string) (score int16, level, vector string) {
	score = -1
	rank := 0
	for _, s := range list {
		if w := wordFor(s); w != "" {
			if word == "" {
				word = s
			}
			continue
		}
		n, version, ok := cvss(s)
		if !ok {
			r.warn("bad-cvss", at+"/severity", "%.100q cannot be scored", s)
			continue
		}
		if version > rank {
			rank, score, vector = version, n, s
			if version == bareNumber {
				vector = ""
			}
		}
	}
	if score < 0 {
		return score, wordFor(word), ""
	}
	return score, levelOf(score), vector
}

// bareNumber is the rank of a score without a vector, below every vector.
const bareNumber = 1

// cvss scores a vector by what it says it is; only version 2 says nothing.
func cvss(vector string) (tenths int16, version int, ok bool) {
	vector = strings.Trim(strings.TrimSpace(vector), "()")
	if len(vector) > 400 {
		return 0, 0, false
	}
	var score float64
	switch {
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		v, err := cvss40.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		score, version = v.Score(), 40
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		v, err := cvss31.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		score, version = v.BaseScore(), 31
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		v, err := cvss30.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		score, version = v.BaseScore(), 30
	case strings.HasPrefix(vector, "AV:"):
		v, err := cvss20.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		score, version = v.BaseScore(), 20
	default:
		n, err := strconv.ParseFloat(vector, 64)
		if err != nil {
			return 0, 0, false
		}
		score, version = n, bareNumber
	}
	if !(score >= 0 && score <= 10) {
		return 0, 0, false
	}
	return int16(math.Round(score * 10)), version, true
}

// levelOf is the qualitative scale of CVSS 3 and 4.
func levelOf(tenths int16) string {
	switch {
	case tenths == 0:
		return "none"
	case tenths < 40:
		return "low"
	case tenths < 70:
		return "medium"
	case tenths < 90:
		return "high"
	}
	return "critical"
}

// wordFor maps the words of GitHub, Red Hat, Ubuntu, Bitnami and others; "" for none of them.
func wordFor(s string) string {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "none":
		return "none"
	case "low", "negligible", "minor":
		return "low"
	case "medium", "moderate":
		return "medium"
	case "high", "important":
		return "high"
	case "critical":
		return "critical"
	}
	return ""
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
	return wordFor(word)
}
