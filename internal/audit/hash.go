package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Hash is the SHA-256 of an entry's line. The zero value is what the first entry of a chain has before it.
type Hash [sha256.Size]byte

// HashOf returns the hash of a line, which has no end of line.
func HashOf(line []byte) Hash { return sha256.Sum256(line) }

// ParseHash reads 64 hexadecimal digits.
func ParseHash(s string) (h Hash, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return h, fmt.Errorf("%.80q is not a SHA-256: 64 hexadecimal digits", s)
	}
	return Hash(b), nil
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText and UnmarshalText make the text form the JSON form too.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads the form that MarshalText writes.
func (h *Hash) UnmarshalText(b []byte) (err error) {
	*h, err = ParseHash(string(b))
	return err
}
