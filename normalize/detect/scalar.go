package detect

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// exactDigits is how many significant digits always survive the way through float64.
const exactDigits = 15

// smallestNormal is the smallest number that float64 holds with all its digits.
const smallestNormal = 0x1p-1022

// appendNumber writes a number as RFC 8785 section 3.2.2.3 does, as far as that loses
// nothing: one with more digits than float64 holds stays as it is written.
func appendNumber(out, n []byte) []byte {
	plain := len(n) <= exactDigits
	for _, c := range n {
		if c < '0' || c > '9' {
			plain = false
			break
		}
	}
	if plain || significant(n) > exactDigits {
		return append(out, n...)
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil || math.Abs(f) < smallestNormal && significant(n) > 0 {
		return append(out, n...) // beyond what float64 holds in full
	}
	return appendFloat(out, f)
}

// significant counts the digits of a number between the first and the last that is not zero.
func significant(n []byte) int {
	if e := bytes.IndexAny(n, "eE"); e >= 0 {
		n = n[:e]
	}
	count, zeros := 0, 0
	for _, c := range n {
		switch {
		case c == '0' && count > 0:
			zeros++
		case c > '0' && c <= '9':
			count += zeros + 1
			zeros = 0
		}
	}
	return count
}

// appendFloat writes a number as ECMAScript does.
func appendFloat(out []byte, f float64) []byte {
	if f == 0 {
		return append(out, '0') // minus zero too
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(out, f, 'f', -1, 64)
	}
	out = strconv.AppendFloat(out, f, 'e', -1, 64)
	// Go writes 1e-07 where ECMAScript has 1e-7.
	if n := len(out); out[n-2] == '0' && (out[n-3] == '-' || out[n-3] == '+') {
		out[n-2] = out[n-1]
		out = out[:n-1]
	}
	return out
}

// isTime reports whether the value at i is text that begins as a time does, of a member
// whose text is one. The shape is asked first: most members are no times.
func (c *canon) isTime(name []byte, i int) bool {
	b := c.b
	return i+11 < len(b) && b[i] == '"' && b[i+5] == '-' && b[i+8] == '-' && b[i+11]|0x20 == 't' && c.meaning.Times[string(name[1:len(name)-1])]
}

// time writes the instant of the time at i, in UTC; what is none after all as it stands.
func (c *canon) time(i int) (int, error) {
	start := len(c.out)
	end, err := c.str(i)
	if err != nil {
		return end, err
	}
	text := bytes.ToUpper(c.out[start+1 : len(c.out)-1])
	if t, err := time.Parse(time.RFC3339Nano, string(text)); err == nil {
		c.out, _ = jsontext.AppendQuote(c.out[:start], t.UTC().Format(time.RFC3339Nano))
	}
	return end, nil
}
