package seal

import (
	"crypto/ecdsa"
	"crypto/sha256"
	_ "crypto/sha512" // the hashes that signatures are over
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"math/big"
)

// Outcome says what became of checking a seal.
type Outcome string

// The outcomes. Unchecked is the only one without keys, but for Unsigned.
const (
	Unchecked  Outcome = "unchecked"   // no keys were given
	Unsigned   Outcome = "unsigned"    // there is no signature
	Verified   Outcome = "verified"    // a signature is one of a key that was given
	UnknownKey Outcome = "unknown-key" // nothing says that one of the given keys made it, and none did
	Bad        Outcome = "bad"         // the signer says which key it was, and that key did not sign this
)

// Outcomes are all of them.
var Outcomes = []Outcome{Unchecked, Unsigned, Verified, UnknownKey, Bad}

// Verdict is the outcome of a check, and why.
type Verdict struct {
	Outcome Outcome
	KeyID   string // of the key that verified it; else what the signer says
	Why     string // for people; "" where it is verified or was not checked
}

// Check compares the signatures of a seal with the keys. One that verifies is enough: an envelope may be
// signed by several, and others need not be known. A nil seal is Unsigned.
func (k *Keys) Check(s *Seal) Verdict {
	switch {
	case s == nil:
		return Verdict{Unsigned, "", "nothing signs the document"}
	case s.Kind == OpenPGP:
		return k.checkPGP(s)
	case len(s.Signatures) == 0:
		return Verdict{Unsigned, "", "the envelope has no signature"}
	case k.Len() == 0:
		return Verdict{Unchecked, s.Signatures[0].KeyID, ""}
	}
	out := Verdict{Outcome: UnknownKey, KeyID: s.Signatures[0].KeyID, Why: fmt.Sprintf("it is signed by none of the %d keys that were given", k.Len())}
	for i, sig := range s.Signatures {
		for _, key := range k.keys {
			if verify(key.public, s.Signed, sig.Bytes) {
				return Verdict{Verified, key.id, ""}
			}
			if sig.KeyID != "" && key.called(sig.KeyID) {
				out = Verdict{Bad, key.id, fmt.Sprintf("signature %d is not that of key %s, which it names; the content was changed, or the signature", i, key.id)}
			}
		}
		if out.Outcome == UnknownKey && sig.Certificate != nil {
			if v, told := k.checkCertificate(s, i); told {
				out = v
			}
		}
	}
	return out
}

// checkCertificate asks the key in the signer's own certificate, which is nobody's word for who he is,
// whether he signed this at all.
func (k *Keys) checkCertificate(s *Seal, i int) (Verdict, bool) {
	cert, err := x509.ParseCertificate(s.Signatures[i].Certificate)
	if err != nil {
		return Verdict{}, false
	}
	der, err := x509.MarshalPKIXPublicKey(cert.PublicKey)
	if err != nil {
		return Verdict{}, false
	}
	sum := sha256.Sum256(der)
	id := "sha256:" + hex.EncodeToString(sum[:])
	if !verify(cert.PublicKey, s.Signed, s.Signatures[i].Bytes) {
		return Verdict{Bad, id, fmt.Sprintf("signature %d is not that of its own certificate; the content was changed, or the signature", i)}, true
	}
	return Verdict{UnknownKey, id, fmt.Sprintf("it is signed by key %s of its certificate, which was not given", id)}, true
}

// verifyRaw takes ECDSA signatures as two numbers, as JOSE and PKCS #11 write them.
func verifyRaw(p *ecdsa.PublicKey, sum, sig []byte) bool {
	n := (p.Curve.Params().BitSize + 7) / 8
	if len(sig) != 2*n {
		return false
	}
	return ecdsa.Verify(p, sum, new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:]))
}
