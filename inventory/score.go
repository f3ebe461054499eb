package inventory

import "fmt"

// Score is a CVSS score in tenths, as it is stored: 98 is 9.8.
type Score int16

// String is the score as people write it.
func (s Score) String() string { return fmt.Sprintf("%d.%d", s/10, s%10) }

// MarshalJSON writes the number 9.8.
func (s Score) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }
