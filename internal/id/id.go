// Package id derives the identifiers that Sluice knows without a look-up.
//
// A package, an artifact or a document has the same id whoever computes it: a
// UUIDv8 (RFC 9562, section 5.8) of the SHA-256 of the tenant and the natural
// key. So rows that refer to it can be written in the same transaction, in any
// order, by several writers, and two imports of the same documents agree.
package id

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"
)

// ID is a UUID.
type ID [16]byte

// Shared is the nil UUID: the tenant that owns the shared vulnerability feed.
var Shared ID

// Operator is the tenant of what came without a known one: only those who run the system
// see it.
var Operator = ID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// Derive returns the id of the key made of parts, in the space of one kind of
// thing of one tenant. Parts are length-prefixed: ("ab","c") is not ("a","bc").
func Derive(tenant ID, kind string, parts ...string) ID {
	h := sha256.New()
	var n [4]byte
	write := func(s string) {
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	h.Write(tenant[:])
	write(kind)
	for _, p := range parts {
		write(p)
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	var id ID
	copy(id[:], sum[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}

// Parse reads the usual text form of a UUID.
func Parse(s string) (ID, error) {
	var u pgtype.UUID
	if err := u.Scan(s); err != nil || len(s) < 32 {
		return ID{}, fmt.Errorf("%q is not a UUID", s)
	}
	return ID(u.Bytes), nil
}

// String returns the usual text form: 8-4-4-4-12 hexadecimal digits.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:], id[10:])
	return string(b[:])
}

// Compare orders ids as PostgreSQL orders uuid values.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// MarshalText and UnmarshalText make the text form the JSON form too.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the form that MarshalText writes.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = Parse(string(b))
	return err
}

// UUIDValue implements pgtype.UUIDValuer.
func (id ID) UUIDValue() (pgtype.UUID, error) { return pgtype.UUID{Bytes: id, Valid: true}, nil }

// ScanUUID implements pgtype.UUIDScanner; NULL is refused, use *ID for it.
func (id *ID) ScanUUID(v pgtype.UUID) error {
	if !v.Valid {
		return fmt.Errorf("cannot scan NULL into an id")
	}
	*id = v.Bytes
	return nil
}
