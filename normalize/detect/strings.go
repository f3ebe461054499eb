package detect

import (
	"bytes"

	"sluice/normalize"
)

// CheckStrings holds the strings of JSON that a format made, from XML or text, to Limits.MaxString, as Scan does
// those of a document that is JSON. An error is a *normalize.ParkError.
func CheckStrings(b []byte, lim normalize.Limits) error {
	most := int(lim.OrDefault().MaxString)
	if len(b) <= most {
		return nil
	}
	for i := 0; i < len(b); {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return nil
		}
		end, _ := scanString(b, i+n)
		if end-i-n-2 > most {
			return normalize.Park(normalize.ReasonTooLarge, "", "a string of %d bytes in its JSON form; the limit is %d (--limit-string-bytes)", end-i-n-2, most)
		}
		i = max(end, i+n+1)
	}
	return nil
}
