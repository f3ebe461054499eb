package seal

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

func publicPEM(t *testing.T, public crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// signers are private keys of each sort.
func signers(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	must := func(s crypto.Signer, err error) crypto.Signer {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	return map[string]crypto.Signer{
		"p256":    must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		"p384":    must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"ed25519": must(ed, err),
		"rsa":     must(rsa.GenerateKey(rand.Reader, 2048)),
	}
}

func sign(t *testing.T, s crypto.Signer, message []byte) []byte {
	t.Helper()
	sum, opts := message, crypto.SignerOpts(crypto.Hash(0))
	if _, ok := s.(ed25519.PrivateKey); !ok {
		h := crypto.SHA256
		if e, ok := s.(*ecdsa.PrivateKey); ok {
			h = ecdsaHash(&e.PublicKey)
		}
		f := h.New()
		f.Write(message)
		sum, opts = f.Sum(nil), h
	}
	sig, err := s.Sign(rand.Reader, sum, opts)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// TestPAE is the example of DSSE's protocol.md.
func TestPAE(t *testing.T) {
	t.Parallel()
	if got := string(PAE("http://example.com/HelloWorld", []byte("hello world"))); got != "DSSEv1 29 http://example.com/HelloWorld 11 hello world" {
		t.Error(got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	all := signers(t)
	message := PAE("application/vnd.in-toto+json", []byte(`{"a":1}`))
	for name, signer := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own, others := &Keys{}, &Keys{}
			for n, s := range all {
				k := others
				if n == name {
					k = own
				}
				if err := k.Add("/etc/keys/"+n+".pub", publicPEM(t, s.Public())); err != nil {
					t.Fatal(err)
				}
			}
			sig := sign(t, signer, message)
			check := func(k *Keys, signed, sig []byte, keyID string) Outcome {
				return k.Check(&Seal{Kind: DSSE, Signed: signed, Signatures: []Signature{{KeyID: keyID, Bytes: sig}}}).Outcome
			}
			changed := bytes.Replace(message, []byte("1}"), []byte("2}"), 1)
			for _, c := range []struct {
				what      string
				got, want Outcome
			}{
				{"its key", check(own, message, sig, ""), Verified},
				{"its key, by another name", check(own, message, sig, "whoever"), Verified},
				{"other keys", check(others, message, sig, ""), UnknownKey},
				{"no keys", check(nil, message, sig, ""), Unchecked},
				{"changed, and the key is named as the file", check(own, changed, sig, name), Bad},
				{"changed, and the key is named by its hash", check(own, changed, sig, strings.TrimPrefix(own.ID(), "sha256:")), Bad},
				{"changed, and nobody says which key it was", check(own, changed, sig, ""), UnknownKey},
				{"no signature at all", check(own, message, nil, name), Bad},
				{"cut off", check(own, message, sig[:len(sig)-1], name), Bad},
			} {
				if c.got != c.want {
					t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
				}
			}
		})
	}
	if v := (*Keys)(nil).Check(nil); v.Outcome != Unsigned {
		t.Errorf("no seal: %+v", v)
	}
	if v := (*Keys)(nil).Check(&Seal{Kind: InToto}); v.Outcome != Unsigned {
		t.Errorf("no signature: %+v", v)
	}
}

// TestOneOfSeveral: of several signatures one that is known is enough.
func TestOneOfSeveral(t *testing.T) {
	t.Parallel()
	all := signers(t)
	var k Keys
	if err := k.Add("k", publicPEM(t, all["p256"].Public())); err != nil {
		t.Fatal(err)
	}
	m := PAE("x", nil)
	v := k.Check(&Seal{Kind: DSSE, Signed: m, Signatures: []Signature{{Bytes: sign(t, all["ed25519"], m)}, {Bytes: sign(t, all["p256"], m)}}})
	if v.Outcome != Verified || v.KeyID != k.ID() {
		t.Errorf("%+v", v)
	}
}

func TestCertificateTellsWhoseKeyItWas(t *testing.T) {
	t.Parallel()
	all := signers(t)
	signer := all["p256"]
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "somebody"}, NotAfter: time.Now()}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	var k, own Keys
	if err := k.Add("k", publicPEM(t, all["rsa"].Public())); err != nil {
		t.Fatal(err)
	}
	if err := own.Add("c.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})); err != nil {
		t.Fatal(err)
	}
	m := PAE("x", []byte("y"))
	s := &Seal{Kind: Sigstore, Signed: m, Signatures: []Signature{{Bytes: sign(t, signer, m), Certificate: cert}}}
	if v := k.Check(s); v.Outcome != UnknownKey || v.KeyID != own.ID() {
		t.Errorf("its own certificate vouches for nobody: %+v", v)
	}
	if v := own.Check(s); v.Outcome != Verified {
		t.Errorf("its certificate was given: %+v", v)
	}
	s.Signed = PAE("x", []byte("z"))
	if v := k.Check(s); v.Outcome != Bad {
		t.Errorf("changed: %+v", v)
	}
}

func TestOpenPGP(t *testing.T) {
	t.Parallel()
	entity, err := openpgp.NewEntity("Vendor", "", "psirt@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	var public, private, armored, sig bytes.Buffer
	if err := entity.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	if err := entity.SerializePrivate(&private, nil); err != nil {
		t.Fatal(err)
	}
	w, err := armor.Encode(&armored, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(public.Bytes())
	w.Close()
	file := []byte(`{"document":{}}`)
	if err := openpgp.ArmoredDetachSign(&sig, entity, bytes.NewReader(file), nil); err != nil {
		t.Fatal(err)
	}
	var none Keys
	if v := none.Check(NewDetached(sig.Bytes(), file)); v.Outcome != Unchecked {
		t.Errorf("without keys: %+v", v)
	}
	if err := none.Add("p", publicPEM(t, signers(t)["p256"].Public())); err != nil {
		t.Fatal(err)
	}
	if v := none.Check(NewDetached(sig.Bytes(), file)); v.Outcome != UnknownKey {
		t.Errorf("with keys of another kind: %+v", v)
	}
	for name, b := range map[string][]byte{"armored": armored.Bytes(), "binary": public.Bytes()} {
		var k Keys
		if err := k.Add(name, b); err != nil {
			t.Fatal(err)
		}
		if v := k.Check(NewDetached(sig.Bytes(), file)); v.Outcome != Verified || v.KeyID != k.ID() {
			t.Errorf("%s: %+v", name, v)
		}
		if v := k.Check(NewDetached(sig.Bytes(), append(file, '\n'))); v.Outcome != Bad || v.KeyID != k.ID() {
			t.Errorf("%s, changed: %+v", name, v)
		}
		if v := k.Check(NewDetached([]byte("nonsense"), file)); v.Outcome != Bad {
			t.Errorf("%s, no signature: %+v", name, v)
		}
	}
	other, err := openpgp.NewEntity("Other", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	public.Reset()
	if err := other.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	var k Keys
	if err := k.Add("other", public.Bytes()); err != nil {
		t.Fatal(err)
	}
	if v := k.Check(NewDetached(sig.Bytes(), file)); v.Outcome != UnknownKey || !strings.Contains(v.KeyID, "openpgp:") {
		t.Errorf("another key: %+v", v)
	}
	if err := k.Add("secret", private.Bytes()); err == nil {
		t.Error("a private key was taken")
	}
}

func TestWhatIsNoKey(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip(err) // Go refuses to make one
	}
	for name, b := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "small": publicPEM(t, &small.PublicKey),
		"private": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}}), "broken": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte{1}}),
	} {
		var k Keys
		if err := k.Add(name, b); err == nil || !strings.Contains(err.Error(), name) || k.Len() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCheck: whatever a signature is, it does not verify what nobody signed.
func FuzzCheck(f *testing.F) {
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	der, _ := x509.MarshalPKIXPublicKey(private.Public())
	entity, err := openpgp.NewEntity("Vendor", "", "", nil)
	if err != nil {
		f.Fatal(err)
	}
	var pgp, sig bytes.Buffer
	if err := entity.Serialize(&pgp); err != nil {
		f.Fatal(err)
	}
	if err := openpgp.DetachSign(&sig, entity, strings.NewReader("other"), nil); err != nil {
		f.Fatal(err)
	}
	var k Keys
	for name, b := range map[string][]byte{"ed": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "pgp": pgp.Bytes()} {
		if err := k.Add(name, b); err != nil {
			f.Fatal(err)
		}
	}
	f.Add([]byte("sig"), []byte("cert"), "ed")
	f.Add(sig.Bytes(), der, "")
	f.Fuzz(func(t *testing.T, sig, cert []byte, keyID string) {
		signed := sha256.Sum256(append(sig, cert...))
		m := []byte("nobody signs " + hex.EncodeToString(signed[:]))
		if v := k.Check(&Seal{Kind: DSSE, Signed: m, Signatures: []Signature{{KeyID: keyID, Bytes: sig, Certificate: cert}}}); v.Outcome == Verified {
			t.Errorf("verified: %+v", v)
		}
		if v := k.Check(NewDetached(sig, m)); v.Outcome == Verified {
			t.Errorf("verified: %+v", v)
		}
		var other Keys
		_ = other.Add("fuzz", cert)
	})
}
