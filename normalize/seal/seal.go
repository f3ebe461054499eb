// Package seal knows the envelopes that documents are signed in, and says whether a signature is
// one by a key that was given.
//
// A Seal is what came with a document: the bytes of the envelope as they were received, what it
// says the document is about, and its signatures. Reading one costs no trust: nothing here decides
// what becomes of the document. Keys.Check compares with public keys, and with nothing else: no
// certificate authority, no transparency log and no clock is asked.
package seal

import (
	"bytes"
	"strconv"
)

// Kind is what sort of envelope it is.
type Kind string

// The envelopes.
const (
	DSSE     Kind = "dsse"            // Dead Simple Signing Envelope
	Sigstore Kind = "sigstore-bundle" // Sigstore's bundle around one, or beside a file
	Cosign   Kind = "cosign-bundle"   // the older bundle of cosign
	InToto   Kind = "in-toto"         // an in-toto statement alone: nobody signed it
	OCI      Kind = "oci-manifest"    // a manifest that attaches a document to an image: nobody signed it
	OpenPGP  Kind = "openpgp"         // a detached signature beside a file, .asc
)

// Seal is the envelope that a document came in, or the signature beside it.
type Seal struct {
	Kind Kind
	// Bytes is the envelope, or the detached signature, as it was received.
	Bytes []byte
	// PayloadType is what the signer calls the content: "application/vnd.in-toto+json".
	PayloadType string
	// PredicateType is what an in-toto statement says that its predicate is: "https://cyclonedx.org/bom".
	PredicateType string
	// Subjects are what an in-toto statement is about.
	Subjects []Subject
	// Signatures are those of the envelope. Empty: nobody signed it.
	Signatures []Signature
	// Signed is what they are signatures of.
	Signed []byte
	// Digest, if set, is the hash that a signature beside a file is of, by its own account.
	Digest []byte
}

// Subject is a thing that a statement is about.
type Subject struct {
	Name string `json:"name,omitempty"`
	// Digest has its hashes by algorithm, in hexadecimal: {"sha256": "…"}.
	Digest map[string]string `json:"digest,omitempty"`
}

// Signature is one signature of an envelope.
type Signature struct {
	KeyID string // as written; often ""
	Bytes []byte
	// Certificate is the signer's, DER or PEM; may be nil. It proves nothing here, but tells whose key it was.
	Certificate []byte
}

// PAE is what a DSSE signature is over: the pre-authentication encoding, version 1.
func PAE(payloadType string, payload []byte) []byte {
	b := make([]byte, 0, len(payload)+len(payloadType)+48)
	b = append(b, "DSSEv1 "...)
	b = strconv.AppendInt(b, int64(len(payloadType)), 10)
	b = append(b, ' ')
	b = append(b, payloadType...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	b = append(b, ' ')
	return append(b, payload...)
}

// Clone returns a copy that shares no bytes with the document.
func (s *Seal) Clone() *Seal {
	c := *s
	c.Bytes = bytes.Clone(s.Bytes)
	return &c
}
