// Package cvss scores vulnerabilities by their CVSS vectors, whatever the version, and by the
// words that databases have for how bad they are.
package cvss

import (
	"math"
	"strconv"
	"strings"

	cvss20 "github.com/pandatix/go-cvss/20"
	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
	cvss40 "github.com/pandatix/go-cvss/40"
)

// Rating is what several severities come to.
type Rating struct {
	Score  int16  // tenths; -1 where no vector or number gives one
	Level  string // none, low, medium, high, critical or ""
	Vector string // the one that gave Score; "" where a bare number did
}

// Best picks from severities: vectors, numbers, words. The newest CVSS version wins, whatever
// its score: 4.0, 3.1, 3.0, 2.0; the first among equals. Without a score the word counts, or the
// first word of the list. bad is called for what is none of these; it may be nil.
func Best(list []string, word string, bad func(string)) Rating {
	best := Rating{Score: -1}
	rank := 0
	for _, s := range list {
		if w := Word(s); w != "" {
			if word == "" {
				word = s
			}
			continue
		}
		n, version, ok := score(s)
		if !ok {
			if bad != nil {
				bad(s)
			}
			continue
		}
		if version > rank {
			rank, best.Score, best.Vector = version, n, s
			if version == bareNumber {
				best.Vector = ""
			}
		}
	}
	if best.Score < 0 {
		return Rating{Score: -1, Level: Word(word)}
	}
	best.Level = Level(best.Score)
	return best
}

// bareNumber is the rank of a score without a vector, below every vector.
const bareNumber = 1

// score scores a vector by what it says it is; only version 2 says nothing.
func score(vector string) (tenths int16, version int, ok bool) {
	vector = strings.Trim(strings.TrimSpace(vector), "()")
	if len(vector) > 400 {
		return 0, 0, false
	}
	var n float64
	switch {
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		v, err := cvss40.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		n, version = v.Score(), 40
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		v, err := cvss31.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		n, version = v.BaseScore(), 31
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		v, err := cvss30.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		n, version = v.BaseScore(), 30
	case strings.HasPrefix(vector, "AV:"):
		v, err := cvss20.ParseVector(vector)
		if err != nil {
			return 0, 0, false
		}
		n, version = v.BaseScore(), 20
	default:
		bare, err := strconv.ParseFloat(vector, 64)
		if err != nil {
			return 0, 0, false
		}
		n, version = bare, bareNumber
	}
	if !(n >= 0 && n <= 10) {
		return 0, 0, false
	}
	return int16(math.Round(n * 10)), version, true
}

// Level is the qualitative scale of CVSS 3 and 4.
func Level(tenths int16) string {
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

// Word maps the words of GitHub, Red Hat, Ubuntu, Bitnami and others; "" for none of them.
func Word(s string) string {
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
