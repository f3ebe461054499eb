package seal

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// Keys are the public keys that signatures are compared with. The nil value has none.
type Keys struct {
	keys []key
	pgp  openpgp.EntityList
	ids  []string // of all, sorted
}

// key is one public key of PEM.
type key struct {
	public crypto.PublicKey
	der    []byte
	id     string   // sha256:HEX of der
	names  []string // what signers may call it
}

// Add reads the keys in a file: PEM (PUBLIC KEY, RSA PUBLIC KEY, CERTIFICATE), or OpenPGP, armored or
// not. name is that of the file; a signature may call its key by it.
func (k *Keys) Add(name string, content []byte) error {
	before := k.Len()
	rest := content
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if err := k.addPEM(name, block); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if k.Len() == before {
		if err := k.addPGP(content); err != nil {
			return fmt.Errorf("%s holds no public key, neither PEM nor OpenPGP: %w", name, err)
		}
	}
	slices.Sort(k.ids)
	return nil
}

func (k *Keys) addPEM(name string, block *pem.Block) error {
	var public crypto.PublicKey
	var err error
	switch {
	case strings.HasPrefix(block.Type, "PGP "):
		return nil // OpenPGP's armor looks alike
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return errors.New("this is a private key; give the public one, and keep this where nobody else reads it")
	case block.Type == "CERTIFICATE":
		cert, cerr := x509.ParseCertificate(block.Bytes)
		if cerr != nil {
			return cerr
		}
		public = cert.PublicKey
	case block.Type == "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	if err != nil {
		return err
	}
	switch p := public.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
	case *rsa.PublicKey:
		if p.N.BitLen() < 2048 {
			return fmt.Errorf("an RSA key of %d bits; 2048 are the least that are believed", p.N.BitLen())
		}
	default:
		return fmt.Errorf("a key of type %T; read are ECDSA, Ed25519 and RSA", public)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(der)
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	ofPEM, ofBare := sha256.Sum256(text), sha256.Sum256(bytes.TrimSpace(text))
	base := filepath.Base(name)
	one := key{public: public, der: der, id: "sha256:" + hex.EncodeToString(sum[:]), names: []string{
		hex.EncodeToString(sum[:]), "SHA256:" + base64.StdEncoding.EncodeToString(sum[:]), "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:]),
		base64.StdEncoding.EncodeToString(sum[:]), hex.EncodeToString(ofPEM[:]), hex.EncodeToString(ofBare[:]), base, strings.TrimSuffix(base, filepath.Ext(base)),
	}}
	one.names = append(one.names, one.id)
	k.keys, k.ids = append(k.keys, one), append(k.ids, one.id)
	return nil
}

// Len is how many keys there are.
func (k *Keys) Len() int {
	if k == nil {
		return 0
	}
	return len(k.keys) + len(k.pgp)
}

// ID names the keys, in whatever order they were added; "" for none.
func (k *Keys) ID() string {
	if k.Len() == 0 {
		return ""
	}
	return strings.Join(k.ids, ",")
}

// called reports whether a signer means this key.
func (k *key) called(name string) bool { return slices.Contains(k.names, name) }

// ecdsaHash is what ECDSA signatures of a curve are over.
func ecdsaHash(p *ecdsa.PublicKey) crypto.Hash {
	switch bits := p.Curve.Params().BitSize; {
	case bits <= 256:
		return crypto.SHA256
	case bits <= 384:
		return crypto.SHA384
	}
	return crypto.SHA512
}

// verify reports whether sig is the key's signature of message.
func verify(public crypto.PublicKey, message, sig []byte) bool {
	sum := func(h crypto.Hash) []byte {
		f := h.New()
		f.Write(message)
		return f.Sum(nil)
	}
	switch p := public.(type) {
	case ed25519.PublicKey:
		return len(p) == ed25519.PublicKeySize && ed25519.Verify(p, message, sig)
	case *ecdsa.PublicKey:
		// cosign hashes with SHA-256 whatever the curve; others as the curve suggests.
		return ecdsa.VerifyASN1(p, sum(ecdsaHash(p)), sig) || ecdsa.VerifyASN1(p, sum(crypto.SHA256), sig) || verifyRaw(p, sum(ecdsaHash(p)), sig)
	case *rsa.PublicKey:
		for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA512} {
			if rsa.VerifyPKCS1v15(p, h, sum(h), sig) == nil || rsa.VerifyPSS(p, h, sum(h), sig, nil) == nil {
				return true
			}
		}
	}
	return false
}
