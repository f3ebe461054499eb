package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	packageurl "github.com/package-url/packageurl-go"

	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/seal"
	"sluice/normalize/unwrap"
)

// Take makes the envelope that of an entry of what its source reads.
func (e *Envelope) Take(u unwrap.Entry) {
	e.Origin, e.Bytes, e.Err, e.Seal, e.Line = u.Origin, u.Bytes, u.Err, u.Seal, u.Line
}

// Signature is what a receipt says of the envelope that a document came in.
type Signature struct {
	Outcome seal.Outcome `json:"outcome"`
	Kind    seal.Kind    `json:"kind,omitempty"`
	KeyID   string       `json:"key_id,omitempty"`
	Message string       `json:"message,omitempty"`
}

// checkSeal says what is to be thought of the envelope of a document, and sets the document aside
// where that is not enough.
func (c *Config) checkSeal(env *Envelope) {
	if env.Seal == nil && (env.Err != nil || c.Keys.Len() == 0 && !c.RequireSignature) {
		return
	}
	v := c.Keys.Check(env.Seal)
	env.Signature = &Signature{Outcome: v.Outcome, KeyID: v.KeyID, Message: v.Why}
	if env.Seal != nil {
		env.Signature.Kind = env.Seal.Kind
	}
	if env.Err == nil && v.Outcome == seal.Bad && env.Seal.Kind == seal.OpenPGP && !c.RequireSignature {
		// It vouches for the file as a check sum does, and the file is another one.
		env.Err = normalize.Park(normalize.ReasonHash, "", "%s; fetch both again", v.Why)
		return
	}
	if !c.RequireSignature || v.Outcome == seal.Verified || env.Err != nil {
		return
	}
	why := v.Why
	if v.Outcome == seal.Unchecked {
		why = "there is no key to check its signature with"
	}
	if p, ok := env.Position.(replayed); ok {
		p.done = false // the row that it came from is the one that it is parked in again
		env.Position = p
	}
	env.Err = normalize.Park(normalize.ReasonSignature, "", "%s (%s), and only documents with a signature by a key of --verify-key are taken", why, v.Outcome)
	switch {
	case env.Seal == nil:
	case env.Seal.Kind == seal.OpenPGP:
		if env.Hints == nil {
			env.Hints = map[string]string{}
		}
		env.Hints[hintDetached] = hex.EncodeToString(env.Seal.Bytes)
	default: // all of it: what is tried again is the signature
		env.Bytes = env.Seal.Bytes
	}
	env.Seal = nil
}

// hintDetached keeps the OpenPGP signature that lay beside a parked document, in hexadecimal.
const hintDetached = "openpgp_signature"

// addSeal keeps the envelope, whatever became of the document: the same bytes may come once more in
// another one.
func (r *rows) addSeal(t *task) {
	s, v := t.env.Seal, t.env.Signature
	if s == nil || v == nil {
		return
	}
	sum := sha256.Sum256(s.Bytes)
	first := []byte{}
	if len(s.Signatures) > 0 && s.Signatures[0].Bytes != nil {
		first = s.Signatures[0].Bytes
	}
	encoding, stored := compress(s.Bytes)
	r.put(inSignature, id.Derive(t.env.Tenant, "signature", string(t.hash[:]), string(sum[:])), t.hash[:], string(s.Kind), clip(clean(v.KeyID), 500), first,
		string(v.Outcome), clip(clean(v.Message), 2000), clip(clean(s.PayloadType), 500), clip(clean(s.PredicateType), 500), toJSON(cleanSubjects(s.Subjects)),
		clip(t.env.Origin, 4096), stored, encoding, int64(len(s.Bytes)))
}

// maxSubjects is how many subjects of a statement are kept: one of a build has thousands of files.
const maxSubjects = 100

func cleanSubjects(list []seal.Subject) []seal.Subject {
	out := make([]seal.Subject, 0, min(len(list), maxSubjects))
	for _, s := range list[:min(len(list), maxSubjects)] {
		one := seal.Subject{Name: clip(clean(s.Name), 2000), Digest: map[string]string{}}
		for _, k := range sortedKeys(s.Digest) {
			if len(one.Digest) < 16 {
				one.Digest[clip(clean(k), 100)] = clip(clean(s.Digest[k]), 500)
			}
		}
		out = append(out, one)
	}
	return out
}

// subjectPurl is what a statement says that its SBOM describes: "" where that is nothing, or several things.
// Several names of one digest are one thing, which counts by its first name.
func subjectPurl(s *seal.Seal) string {
	if s == nil || len(s.Subjects) == 0 {
		return ""
	}
	first := s.Subjects[0]
	for _, other := range s.Subjects[1:] {
		if first.Digest["sha256"] == "" || other.Digest["sha256"] != first.Digest["sha256"] {
			return ""
		}
	}
	name, digest := strings.TrimSpace(first.Name), strings.ToLower(first.Digest["sha256"])
	if strings.HasPrefix(name, "pkg:") {
		return name
	}
	if b, err := hex.DecodeString(digest); err != nil || len(b) != sha256.Size || name == "" || name == "_" {
		return ""
	}
	// An image is named by its repository; a file is named by itself.
	name, _, _ = strings.Cut(name, "@")
	host, path, found := strings.Cut(name, "/")
	if !found || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return genericPurl(name, "sha256:"+digest)
	}
	last := path[strings.LastIndexByte(path, '/')+1:]
	if tag := strings.IndexByte(last, ':'); tag >= 0 {
		last = last[:tag]
		name = name[:strings.LastIndexByte(name, ':')]
	}
	return packageurl.NewPackageURL("oci", "", strings.ToLower(last), "sha256:"+digest,
		packageurl.QualifiersFromMap(map[string]string{"repository_url": strings.ToLower(name)}), "").ToString()
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
