package normalize

import (
	"strconv"
	"strings"
	"time"
)

// maxSeries and maxVersion bound, in bytes, what becomes a key. Longer ones are nobody's.
const (
	maxSeries  = 500
	maxVersion = 200
)

// SetVersion says which version of which series the document is. A series past all limits
// is none; a version that cannot be ordered is kept as written, with a warning at pointer.
func (d *Document) SetVersion(series, version, pointer string) {
	if len(series) > maxSeries {
		d.Warn("unusable-series", "", "%d bytes name the document; one with more than %d is taken for the only version of itself", len(series), maxSeries)
		series = ""
	}
	d.Series = series
	if len(version) > maxVersion {
		d.Warn("unreadable-version", pointer, "%.60q… is too long for a version of a document; it is not used", version)
		version = ""
	}
	d.Version, d.VersionRank = version, VersionRank(version)
	if d.VersionRank == "" && version != "" {
		d.Warn("unreadable-version", pointer, "%.60q is no version that can be ordered (3, 1.2.0, 1.2.0-rc.1); the document counts as the oldest of its series", version)
	}
}

// VersionRank is a text whose bytes are in the order of the versions of documents; "" for
// what is none. It is valid UTF-8 without NUL, at most twice as long as version and one.
//
// It reads whole numbers ("3"), Semantic Versioning 2.0.0 ("1.10.0", "2.0.0-rc.1", build
// metadata does not count) and, since some write one in place of a number, a time. Any
// count of numbers is fine and missing ones are zero: 3, 3.0 and 3.0.0 are equal, which
// is also what an author means who goes from whole numbers to semantic versioning.
func VersionRank(version string) string {
	s := strings.TrimSpace(version)
	if len(s) > maxVersion {
		return ""
	}
	if rank := rankTime(s); rank != "" {
		return rank
	}
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	s, _, _ = strings.Cut(s, "+")
	core, pre, isPre := strings.Cut(s, "-")
	rank, ok := rankNumbers(core)
	if !ok {
		return ""
	}
	if !isPre {
		return string(append(rank, markRelease))
	}
	rank, ok = rankPre(append(rank, markPre), pre)
	if !ok {
		return ""
	}
	return string(rank)
}

// The bytes that follow the numbers sort below a further number, whose first byte is
// markNumber and its count of digits: 1.0.0-rc, then 1.0.0, then 1.0.0.1.
const (
	markPre     = ' '
	markRelease = '!'
	markNumber  = '!'
	maxDigits   = '~' - markNumber
)

// appendNumber writes a number so that fewer digits come first.
func appendNumber(rank []byte, digits string) ([]byte, bool) {
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return nil, false
		}
	}
	if digits == "" {
		return nil, false
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		digits = "0"
	}
	if len(digits) > maxDigits {
		return nil, false
	}
	return append(append(rank, markNumber+byte(len(digits))), digits...), true
}

// timeLayouts are the ways in which a version that is a time is written.
var timeLayouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", time.DateOnly}

// rankTime gives a time the rank of its nanoseconds since 1970; "" for what is no time.
func rankTime(s string) string {
	if len(s) < len(time.DateOnly) || s[4] != '-' {
		return ""
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, strings.ToUpper(s)); err == nil && t.Year() >= 1970 && t.Year() < 2262 {
			rank, _ := appendNumber(nil, strconv.FormatInt(t.UnixNano(), 10))
			return string(append(rank, markRelease))
		}
	}
	return ""
}

// rankNumbers leaves out the zeros at the end, so that 3 and 3.0.0 are equal.
func rankNumbers(s string) (rank []byte, ok bool) {
	end := 0 // of the last number that is not zero
	for number := range strings.SplitSeq(s, ".") {
		if rank, ok = appendNumber(rank, number); !ok {
			return nil, false
		}
		if strings.Trim(number, "0") != "" {
			end = len(rank)
		}
	}
	return rank[:end], true
}

// rankPre adds the identifiers of a pre-release: numbers before words, the shorter list
// first (section 11.4 of Semantic Versioning).
func rankPre(rank []byte, pre string) ([]byte, bool) {
	for word := range strings.SplitSeq(pre, ".") {
		if numbered, ok := appendNumber(append(rank, '!'), word); ok {
			rank = numbered
			continue
		}
		if word == "" {
			return nil, false
		}
		for _, c := range []byte(word) {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-') {
				return nil, false
			}
		}
		// The space ends the word, below every byte that could go on with it.
		rank = append(append(append(rank, '"'), word...), ' ')
	}
	return append(rank, ' '), true
}
