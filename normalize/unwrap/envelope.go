package unwrap

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
	"sluice/normalize/seal"
)

// maxEnvelopes is how many envelopes may be around one document: a bundle, the envelope in it, the
// statement in that, what cosign puts around its predicate; twice.
const maxEnvelopes = 8

// envelope is a DSSE envelope. Base64 may be standard or URL-safe (protocol.md of DSSE).
type envelope struct {
	PayloadType string `json:"payloadType"`
	Payload     string `json:"payload"`
	Signatures  []struct {
		KeyID string         `json:"keyid"`
		Sig   string         `json:"sig"`
		Cert  jsontext.Value `json:"cert"`
	} `json:"signatures"`
}

// sigstoreBundle is what is needed of Sigstore's bundles 0.1 to 0.3.
type sigstoreBundle struct {
	Envelope      jsontext.Value `json:"dsseEnvelope"`
	EnvelopeSnake jsontext.Value `json:"dsse_envelope"`
	Material      struct {
		Certificate *rawBytes `json:"certificate"`
		Chain       struct {
			Certificates []rawBytes `json:"certificates"`
		} `json:"x509CertificateChain"`
		PublicKey struct {
			Hint string `json:"hint"`
		} `json:"publicKey"`
	} `json:"verificationMaterial"`
	Message struct {
		Digest struct {
			Algorithm string `json:"algorithm"`
			Digest    string `json:"digest"`
		} `json:"messageDigest"`
		Signature string `json:"signature"`
	} `json:"messageSignature"`
}

type rawBytes struct {
	Raw string `json:"rawBytes"`
}

// open takes what is in an envelope out of it.
func (w *walker) open(it item, doc []byte, s shape) error {
	it.envelopes++
	if it.envelopes > maxEnvelopes {
		return w.give(it, doc, normalize.Park(normalize.ReasonLayers, "", "an envelope inside %d others; unpack it first", maxEnvelopes))
	}
	doc = bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf"))
	if it.envelopes == 1 {
		it.raw = func() []byte { return doc } // what is parked is all of it
	}
	switch s {
	case dsse:
		return w.openDSSE(it, doc, doc, seal.DSSE, nil)
	case statement:
		return w.openStatement(it, doc)
	case bundle:
		return w.openBundle(it, doc)
	case oldBundle:
		return w.openCosign(it, doc)
	}
	return w.openList(it, doc)
}

// broken is an envelope that cannot be opened. What is parked is all of it.
func (w *walker) broken(it item, doc []byte, pointer, what string, err error) error {
	return w.give(it, doc, normalize.Park(normalize.ReasonInvalid, pointer, "%s cannot be opened: %w", what, err))
}

// openDSSE opens the envelope in inner, which is outer or lies in it.
func (w *walker) openDSSE(it item, outer, inner []byte, kind seal.Kind, signer *sigstoreBundle) error {
	const what = "the DSSE envelope"
	var env envelope
	if err := json.Unmarshal(inner, &env); err != nil {
		return w.broken(it, outer, jsonPlace(err), what, err)
	}
	payload, err := decode64(env.Payload)
	if err != nil {
		return w.broken(it, outer, "/payload", what, err)
	}
	s := &seal.Seal{Kind: kind, Bytes: outer, PayloadType: env.PayloadType, Signed: seal.PAE(env.PayloadType, payload)}
	for i, sig := range env.Signatures {
		b, err := decode64(sig.Sig)
		if err != nil {
			return w.broken(it, outer, fmt.Sprintf("/signatures/%d/sig", i), what, err)
		}
		one := seal.Signature{KeyID: sig.KeyID, Bytes: b, Certificate: certificate(scalar(sig.Cert))}
		signer.complete(&one)
		s.Signatures = append(s.Signatures, one)
	}
	if it.seal == nil { // what is outermost vouches for all that is inside
		it.seal = s
	}
	if it.seal.PayloadType == "" {
		it.seal.PayloadType = env.PayloadType
	}
	return w.inner(it, payload)
}

// complete adds what a bundle says about the signer.
func (b *sigstoreBundle) complete(s *seal.Signature) {
	if b == nil {
		return
	}
	if s.KeyID == "" {
		s.KeyID = b.Material.PublicKey.Hint
	}
	switch {
	case s.Certificate != nil:
	case b.Material.Certificate != nil:
		s.Certificate = certificate(b.Material.Certificate.Raw)
	case len(b.Material.Chain.Certificates) > 0:
		s.Certificate = certificate(b.Material.Chain.Certificates[0].Raw)
	}
}

func (w *walker) openBundle(it item, doc []byte) error {
	var b sigstoreBundle
	if err := json.Unmarshal(doc, &b); err != nil {
		return w.broken(it, doc, jsonPlace(err), "the Sigstore bundle", err)
	}
	if b.Envelope == nil {
		b.Envelope = b.EnvelopeSnake
	}
	return w.openDSSE(it, doc, b.Envelope, seal.Sigstore, &b)
}

// openCosign opens the bundle that cosign wrote before Sigstore had one. That of an attestation has the
// envelope where that of a file has its signature.
func (w *walker) openCosign(it item, doc []byte) error {
	var b struct {
		Signature string `json:"base64Signature"`
		Cert      string `json:"cert"`
	}
	if err := json.Unmarshal(doc, &b); err != nil {
		return w.broken(it, doc, jsonPlace(err), "the bundle of cosign", err)
	}
	env, err := decode64(b.Signature)
	if err != nil {
		return w.broken(it, doc, "/base64Signature", "the bundle of cosign", err)
	}
	if shapeOf(env) != dsse {
		return w.passOver(it, doc, "the signature of another file")
	}
	var signer sigstoreBundle
	if b.Cert != "" {
		signer.Material.Certificate = &rawBytes{Raw: b.Cert}
	}
	return w.openDSSE(it, doc, env, seal.Cosign, &signer)
}

// openList opens each of several bundles: {"attestations": [{"bundle": {…}}, …]}.
func (w *walker) openList(it item, doc []byte) error {
	var list struct {
		Attestations []jsontext.Value `json:"attestations"`
	}
	if err := json.Unmarshal(doc, &list); err != nil {
		return w.broken(it, doc, jsonPlace(err), "the list of attestations", err)
	}
	if len(list.Attestations) == 0 {
		return w.emptyArchive(it)
	}
	for i, a := range list.Attestations {
		var one struct {
			Bundle   jsontext.Value `json:"bundle"`
			Envelope jsontext.Value `json:"dsseEnvelope"`
		}
		_ = json.Unmarshal(a, &one) // no object: handed over as it is
		child := it
		child.origin = fmt.Sprintf("%s!/attestations/%d", it.origin, i)
		body := []byte(a)
		if one.Bundle != nil {
			body = one.Bundle
		}
		body = bytes.Clone(body)
		child.raw = func() []byte { return body }
		if err := w.whole(child, body); err != nil {
			return err
		}
	}
	return nil
}

// openStatement takes the predicate out of an in-toto statement (v0.1, v1). Its type decides what it is.
func (w *walker) openStatement(it item, doc []byte) error {
	const what = "the in-toto statement"
	var st struct {
		PredicateType string         `json:"predicateType"`
		Subject       jsontext.Value `json:"subject"`
		Predicate     jsontext.Value `json:"predicate"`
	}
	if err := json.Unmarshal(doc, &st); err != nil {
		return w.broken(it, it.rawBytes(), jsonPlace(err), what, err)
	}
	whole := doc
	if it.seal != nil {
		whole = it.seal.Bytes
	}
	if !readable(st.PredicateType, st.Predicate) {
		if it.lenient {
			return w.passOver(it, whole, "an attestation of "+orUnknown(st.PredicateType))
		}
		return w.give(it, whole, normalize.Park(normalize.ReasonUnknownFormat, "/predicateType",
			"this is an in-toto statement with a predicate of type %.200q, which is no SBOM, VEX or fact; read are the predicates CycloneDX, SPDX, OpenVEX and CSAF", st.PredicateType))
	}
	if it.seal == nil {
		it.seal = &seal.Seal{Kind: seal.InToto, Bytes: doc}
	}
	s := *it.seal
	s.PredicateType = st.PredicateType
	_ = json.Unmarshal(st.Subject, &s.Subjects) // odd ones say nothing
	it.seal = &s
	return w.inner(it, predicate(st.Predicate))
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown kind"
	}
	return s
}

// predicates are parts of the types of predicates that are documents. The versions behind them are the
// documents' own business.
var predicates = []string{"cyclonedx.org/", "spdx.dev/", "spdx.org/", "openvex.dev/", "csaf", "ossf.github.io/osv", "cosign.sigstore.dev/attestation"}

// readable reports whether a predicate may be a document: by its type or, where that is somebody's own,
// by its own members.
func readable(predicateType string, value []byte) bool {
	t := strings.ToLower(predicateType)
	for _, p := range predicates {
		if strings.Contains(t, p) {
			return true
		}
	}
	found := false
	eachMember(value, func(name string, v []byte) bool {
		switch name {
		case "bomFormat", "spdxVersion", "@context", "document":
			found = true
		case "Data":
			found = strings.HasPrefix(strings.TrimSpace(scalar(v)), "{") && !strings.Contains(t, "slsa") && !strings.Contains(t, "vuln")
		}
		return !found
	})
	return found
}

// predicate is the document in a predicate: itself, its text where it is a string, or what cosign puts
// into Data ({"Data": "…", "Timestamp": "…"}).
func predicate(value []byte) []byte {
	value = bytes.TrimSpace(value)
	if len(value) > 0 && value[0] == '"' {
		return []byte(scalar(value))
	}
	var data []byte
	own := false
	eachMember(value, func(name string, v []byte) bool {
		switch name {
		case "Data":
			if end := skipValue(v, 0); end > 0 {
				data = v[:end]
			}
		case "Timestamp":
		default:
			own = true
		}
		return !own
	})
	if data == nil || own {
		return value
	}
	if data[0] == '"' {
		return []byte(scalar(data))
	}
	return data
}

// inner unwraps what an envelope holds.
func (w *walker) inner(it item, b []byte) error {
	it.at, it.size, it.stream = nil, int64(len(b)), nil
	if kindOf(b) == plain {
		if int64(len(b)) > w.lim.MaxBytes {
			return w.give(it, it.rawBytes(), w.tooLarge())
		}
		return w.whole(it, b)
	}
	it.r = bufio.NewReaderSize(bytes.NewReader(b), peek)
	it.layer++
	return w.unwrap(it)
}

// decode64 takes either alphabet, padded or not.
func decode64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	enc := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		enc = base64.RawURLEncoding
	}
	return enc.DecodeString(s)
}

// certificate is the DER of a certificate that is written as PEM, as base64 of that, or as base64 of DER.
func certificate(text string) []byte {
	if text == "" {
		return nil
	}
	b := []byte(text)
	if !strings.HasPrefix(text, "-----BEGIN") {
		var err error
		if b, err = decode64(text); err != nil {
			return nil
		}
	}
	if block, _ := pem.Decode(b); block != nil {
		return block.Bytes
	}
	return b
}

// jsonPlace is where JSON is wrong, as a pointer.
func jsonPlace(err error) string {
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &semantic):
		return string(semantic.JSONPointer)
	case errors.As(err, &syntactic):
		return string(syntactic.JSONPointer)
	}
	return ""
}

// Detached reads a Sigstore bundle, or cosign's older one, that lies beside a file and has the signature of
// it; nil where it is none.
func Detached(bundle, file []byte) *seal.Seal {
	var b sigstoreBundle
	s := &seal.Seal{Kind: seal.Sigstore, Bytes: bundle, Signed: file}
	text := ""
	switch shapeOf(bundle) {
	case apart:
		if json.Unmarshal(bundle, &b) != nil {
			return nil
		}
		text = b.Message.Signature
	case oldBundle:
		var old struct {
			Signature string `json:"base64Signature"`
			Cert      string `json:"cert"`
		}
		if json.Unmarshal(bundle, &old) != nil {
			return nil
		}
		s.Kind, text = seal.Cosign, old.Signature
		if old.Cert != "" {
			b.Material.Certificate = &rawBytes{Raw: old.Cert}
		}
	default:
		return nil
	}
	sig, err := decode64(text)
	if err != nil {
		return nil
	}
	one := seal.Signature{Bytes: sig}
	b.complete(&one)
	s.Signatures = []seal.Signature{one}
	return s
}
