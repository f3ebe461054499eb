package authority

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/big"
	"strings"

	"sluice/internal/id"
)

// A secret of ours is a prefix by which people and scanners of repositories recognise it, and
// three numbers of fixed width in base 62: the tenant, 256 random bits, and a CRC-32 of all
// before it, by which a misspelt one is told without asking the database.
//
//	sluice_pat_ 22 of the tenant, 43 random, 6 of the sum
//
// It names its tenant so that it is looked up like every other row, under row security and by
// the index that leads with the tenant. The tenant's id is no secret.
const (
	prefixToken  = "sluice_pat_" // of a user, made by hand
	prefixAccess = "sluice_cat_" // of a client, for its credentials, for an hour
	prefixSecret = "sluice_csk_" // a client's secret, which is exchanged and never shown elsewhere
)

const (
	widthTenant = 22 // 62^22 > 2^128
	widthRandom = 43 // 62^43 > 2^256
	widthSum    = 6  // 62^6 > 2^32
)

var errSpelling = errors.New("it is misspelt: the sum at its end is wrong")

// secret is one that was just made, or that somebody shows.
type secret struct {
	text   string
	tenant id.ID
}

// newSecret makes one. It is shown once; what is kept is its hash.
func newSecret(prefix string, tenant id.ID) secret {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	text := prefix + base62(tenant[:], widthTenant) + base62(random[:], widthRandom)
	return secret{text + sum(text), tenant}
}

// parseSecret reads one of a kind.
func parseSecret(prefix, text string) (secret, error) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(rest) != widthTenant+widthRandom+widthSum {
		return secret{}, errors.New("it is none of ours: prefix or length are wrong")
	}
	end := len(text) - widthSum
	if sum(text[:end]) != text[end:] {
		return secret{}, errSpelling
	}
	n, ok := new(big.Int).SetString(rest[:widthTenant], 62)
	if !ok || n.Sign() < 0 || n.BitLen() > 128 {
		return secret{}, errSpelling
	}
	s := secret{text: text}
	n.FillBytes(s.tenant[:])
	if base62(s.tenant[:], widthTenant) != rest[:widthTenant] { // a sign in front
		return secret{}, errSpelling
	}
	return s, nil
}

// hash is what the database knows of it. Its 256 random bits need no salt and no slow hash:
// nobody can try them out.
func (s secret) hash() []byte {
	h := sha256.Sum256([]byte(s.text))
	return h[:]
}

// hint is what lists show, for its owner to tell one from another.
func (s secret) hint() string {
	return s.text[:strings.LastIndexByte(s.text, '_')+1] + "…" + s.text[len(s.text)-4:]
}

func base62(b []byte, width int) string {
	s := new(big.Int).SetBytes(b).Text(62)
	return strings.Repeat("0", width-len(s)) + s
}

func sum(text string) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], crc32.ChecksumIEEE([]byte(text)))
	return base62(b[:], widthSum)
}
