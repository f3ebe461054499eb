package seal

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// addPGP reads OpenPGP public keys.
func (k *Keys) addPGP(content []byte) error {
	list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(content))
	if err != nil {
		var binary error
		if list, binary = openpgp.ReadKeyRing(bytes.NewReader(content)); binary != nil {
			return err
		}
	}
	if len(list) == 0 {
		return errors.New("there is none in it")
	}
	for _, e := range list {
		if e.PrivateKey != nil {
			return errors.New("this is a private key; give the public one, and keep this where nobody else reads it")
		}
		k.ids = append(k.ids, pgpID(e))
	}
	k.pgp = append(k.pgp, list...)
	return nil
}

func pgpID(e *openpgp.Entity) string { return fmt.Sprintf("openpgp:%X", e.PrimaryKey.Fingerprint) }

// NewDetached is the seal of a file that has an OpenPGP signature beside it.
func NewDetached(signature, file []byte) *Seal {
	return &Seal{Kind: OpenPGP, Bytes: signature, Signatures: []Signature{{Bytes: signature}}, Signed: file}
}

// checkPGP compares a detached signature with the OpenPGP keys. Whether a key has expired by now does not
// matter, as old documents stay what they are; whether it had when it signed does.
func (k *Keys) checkPGP(s *Seal) Verdict {
	if k == nil || len(k.pgp) == 0 {
		if k.Len() > 0 {
			return Verdict{UnknownKey, "", "none of the keys that were given is one of OpenPGP"}
		}
		return Verdict{Outcome: Unchecked}
	}
	body := s.Bytes
	if block, err := armor.Decode(bytes.NewReader(s.Bytes)); err == nil {
		var buf bytes.Buffer
		if _, err := buf.ReadFrom(block.Body); err != nil {
			return Verdict{Bad, "", fmt.Sprintf("the signature cannot be read: %v", err)}
		}
		body = buf.Bytes()
	}
	config := &packet.Config{}
	at, issuer := signedAt(body)
	if at != nil {
		config.Time = at
	}
	signer, err := openpgp.CheckDetachedSignature(k.pgp, bytes.NewReader(s.Signed), bytes.NewReader(body), config)
	switch {
	case err == nil:
		return Verdict{Verified, pgpID(signer), ""}
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return Verdict{UnknownKey, issuer, fmt.Sprintf("it is signed by none of the %d keys that were given", k.Len())}
	}
	return Verdict{Bad, issuer, fmt.Sprintf("the OpenPGP signature: %v; the file was changed, or the signature", err)}
}

// signedAt is when the first signature says that it was made, and by whom.
func signedAt(body []byte) (at func() time.Time, issuer string) {
	p, err := packet.Read(bytes.NewReader(body))
	sig, ok := p.(*packet.Signature)
	if err != nil || !ok {
		return nil, ""
	}
	switch {
	case len(sig.IssuerFingerprint) > 0:
		issuer = fmt.Sprintf("openpgp:%X", sig.IssuerFingerprint)
	case sig.IssuerKeyId != nil:
		issuer = fmt.Sprintf("openpgp:%016X", *sig.IssuerKeyId)
	}
	return func() time.Time { return sig.CreationTime }, issuer
}
