package cyclonedx

import (
	_ "embed"
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

// form is one that a text has to have.
type form struct {
	code string
	what string // it should be
	is   func(text []byte) bool
}

var forms = map[string]*form{
	"time":         {"invalid-time", "a time of the form 2006-01-02T15:04:05Z", isTime},
	"date":         {"invalid-time", "a date of the form 2006-01-02", isDate},
	"hash-content": {"invalid-hash", "a hash in hexadecimal", isHash},
	"license":      {"unknown-license", "an identifier of the SPDX license list", isLicense},
	"expression":   {"invalid-expression", "a licence expression of SPDX", isExpression},
	"mime":         {invalidValue, "a media type", isMime},
	"locale":       {invalidValue, "a locale such as en or en-US", isLocale},
	"cre":          {invalidValue, "an identifier such as CRE:764-507", isCRE},
	"country":      {invalidValue, "a country of two letters", isCountry},
	"patent":       {invalidValue, "the number of a patent", isPatent},
}

// isTime is RFC 3339; the zone may be left out, as XML has it.
func isTime(text []byte) bool {
	if _, err := time.Parse(time.RFC3339, strings.ToUpper(string(text))); err == nil {
		return true
	}
	_, err := time.Parse("2006-01-02T15:04:05", string(text))
	return err == nil
}

func isDate(text []byte) bool {
	_, err := time.Parse(time.DateOnly, string(text))
	return err == nil
}

func isHash(text []byte) bool {
	switch len(text) {
	case 32, 40, 64, 96, 128:
		return isHex(text)
	}
	return false
}

// isHex reports whether there are hexadecimal digits only, eight at a time: hashes are the most that
// there is to look at in many documents. The length is a multiple of 8.
func isHex(text []byte) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	all := uint64(high)
	for ; len(text) >= 8; text = text[8:] {
		x := binary.LittleEndian.Uint64(text)
		y := x | 0x20*ones
		// A byte below 0x80 gets its high bit where it is at least the one that is taken away.
		digit := (x + (0x80-'0')*ones) &^ (x + (0x80-'9'-1)*ones)
		letter := (y + (0x80-'a')*ones) &^ (y + (0x80-'f'-1)*ones)
		all &= (digit | letter) &^ x
	}
	return all&high == high
}

// licenses.txt has the identifiers of the SPDX license list (CC0), version 3.28 and what was in
// older ones, with the exceptions: so the schema has them.
//
//go:embed licenses.txt
var licenseText string

var licenseIDs = sync.OnceValue(func() map[string]struct{} {
	m := make(map[string]struct{}, 1000)
	for _, id := range strings.Fields(licenseText) {
		m[id] = struct{}{}
	}
	return m
})

func isLicense(text []byte) bool {
	_, ok := licenseIDs()[string(text)]
	return ok
}

// isMime is the schema's: lower case, without parameters.
func isMime(text []byte) bool {
	kind, sub, ok := strings.Cut(string(text), "/")
	return ok && only(kind, "-+.", 'a', 'z') && only(sub, "-+.", 'a', 'z')
}

// only reports whether a text that is not empty has digits, letters of a range and some others only.
func only(s, others string, from, to byte) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < from || c > to) && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return s != ""
}

func isLocale(text []byte) bool {
	language, country, two := strings.Cut(string(text), "-")
	return len(language) == 2 && letters(language, 'a', 'z') && (!two || isCountry([]byte(country)))
}

func isCountry(text []byte) bool { return len(text) == 2 && letters(string(text), 'A', 'Z') }

func letters(s string, from, to byte) bool {
	for i := range len(s) {
		if s[i] < from || s[i] > to {
			return false
		}
	}
	return true
}

func isCRE(text []byte) bool {
	rest, ok := strings.CutPrefix(string(text), "CRE:")
	a, b, two := strings.Cut(rest, "-")
	return ok && two && a != "" && b != "" && letters(a+b, '0', '9')
}

func isPatent(text []byte) bool {
	s := string(text)
	if len(s) < 2 || len(s) > 30 || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if !alphanumeric(s[i]) && strings.IndexByte("-/.() \t\n\r\f\v", s[i]) < 0 {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// isExpression reports whether a text is a licence expression: its grammar, not its identifiers, of
// which anybody may have his own.
func isExpression(text []byte) bool {
	words := strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(string(text)))
	depth, operand := 0, true // one is due
	for i, word := range words {
		switch {
		case word == "(":
			if !operand {
				return false
			}
			depth++
		case word == ")":
			if depth--; operand || depth < 0 {
				return false
			}
		case strings.EqualFold(word, "AND") || strings.EqualFold(word, "OR"):
			if operand {
				return false
			}
			operand = true
		case strings.EqualFold(word, "WITH"):
			// It stands between a licence and an exception.
			if operand || words[i-1] == ")" {
				return false
			}
			operand = true
		default:
			if !operand {
				return false
			}
			operand = false
		}
	}
	return depth == 0 && !operand
}
