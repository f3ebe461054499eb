package detect

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// skipSpace returns the offset of the first byte at or after i that is not JSON white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ', '\n', '\r', '\t':
			i++
			// Indented documents are mostly runs of spaces.
			for i+8 <= len(b) && binary.LittleEndian.Uint64(b[i:]) == ' '*ones {
				i += 8
			}
		default:
			return i
		}
	}
	return i
}

// plain returns the offset of the first byte at or after i that a string cannot
// simply contain: a quote, a backslash, a control character; or len(b).
func plain(b []byte, i int) int {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^('"'*ones), w^('\\'*ones)
		// The classic test for a zero byte. It may also flag a byte after a true hit,
		// never before one, and the exact loop below decides.
		hit := ((w - 0x20*ones) &^ w) | ((quote - ones) &^ quote) | ((slash - ones) &^ slash)
		if hit&highs != 0 {
			break
		}
		i += 8
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		i++
	}
	return i
}

// fault says what is wrong inside a string.
type fault int

const (
	sound fault = iota
	unterminated
	controlCharacter
	badEscape
	nulEscape
	loneSurrogate
)

// scanString checks the JSON string whose opening quote is at i and returns the
// offset after its closing quote, or the offset of the fault.
func scanString(b []byte, i int) (int, fault) {
	i++
	for {
		i = plain(b, i)
		if i >= len(b) {
			return i, unterminated
		}
		switch b[i] {
		case '"':
			return i + 1, sound
		case '\\':
			if i+1 >= len(b) {
				return len(b), unterminated
			}
			switch b[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				n, f := scanUnicode(b, i)
				if f != sound {
					return i, f
				}
				i += n
			default:
				return i, badEscape
			}
		default:
			return i, controlCharacter
		}
	}
}

// scanUnicode checks the \uXXXX at i, with its partner where it is a surrogate, and returns its length.
func scanUnicode(b []byte, i int) (int, fault) {
	r, ok := hex4(b, i+2)
	switch {
	case !ok:
		return 0, badEscape
	case r == 0:
		return 0, nulEscape
	case r < 0xd800 || r > 0xdfff:
		return 6, sound
	case r >= 0xdc00 || i+7 >= len(b) || b[i+6] != '\\' || b[i+7] != 'u':
		return 0, loneSurrogate
	}
	low, ok := hex4(b, i+8)
	if !ok {
		return 0, badEscape
	}
	if low < 0xdc00 || low > 0xdfff {
		return 0, loneSurrogate
	}
	return 12, sound
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// scanNumber returns the offset after the JSON number at i; ok is false where it is malformed.
func scanNumber(b []byte, i int) (end int, ok bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b) || b[i] < '0' || b[i] > '9':
		return i, false
	case b[i] == '0':
		i++
	default:
		i = digits(b, i)
	}
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = digits(b, start); i == start {
			return i, false
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = digits(b, start); i == start {
			return i, false
		}
	}
	// "01" and "1x" are no numbers followed by something, they are malformed.
	if i < len(b) && (b[i] >= '0' && b[i] <= '9' || b[i] >= 'a' && b[i] <= 'z' || b[i] >= 'A' && b[i] <= 'Z' || b[i] == '.') {
		return i, false
	}
	return i, true
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

// PostgreSQL's numeric, which jsonb keeps numbers in, holds this many digits after the decimal point.
const maxScale = 16383

// storable reports whether a well-formed JSON number fits float64, which
// everybody who reads the document uses, and PostgreSQL's numeric.
func storable(n []byte) bool {
	if len(n) < 300 && bytes.IndexByte(n, 'e') < 0 && bytes.IndexByte(n, 'E') < 0 {
		return true
	}
	mantissa, exponent := n, 0
	if e := bytes.IndexAny(n, "eE"); e >= 0 {
		mantissa = n[:e]
		var err error
		exponent, err = strconv.Atoi(string(bytes.TrimPrefix(n[e+1:], []byte("+"))))
		// 0e999999999 is zero, but PostgreSQL refuses the exponent itself.
		if err != nil || exponent > 1_000_000 || exponent < -1_000_000 {
			return false
		}
	}
	scale := -exponent
	if dot := bytes.IndexByte(mantissa, '.'); dot >= 0 {
		scale += len(mantissa) - dot - 1
	}
	if scale > maxScale {
		return false
	}
	f, err := strconv.ParseFloat(string(n), 64)
	return err == nil && !math.IsInf(f, 0)
}
