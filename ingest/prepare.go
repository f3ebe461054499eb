package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	packageurl "github.com/package-url/packageurl-go"

	"sluice/internal/id"
	"sluice/internal/telemetry"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/purl"
)

// task is one envelope with everything that is found out about it on its way.
type task struct {
	env        Envelope
	hash       [32]byte
	documentID id.ID
	received   time.Time     // when the source handed it over
	reading    time.Duration // how long reading it took

	flags   Flags   // of its tenant; nil: everything is on
	allowed bool    // within the limits of its tenant, and counted
	outcome Outcome // "" until decided
	known   known   // what the database has of these bytes
	first   *task   // the earlier task of the batch that has the same bytes
	park    *normalize.ParkError
	notes   []normalize.Warning // of a duplicate

	doc      *normalize.Document
	json     []byte // what goes into jsonb
	format   normalize.Format
	meaning  [32]byte // zero: not known, see knowMeaning
	artifact artifact
	packages []id.ID   // of an SBOM, until it is committed
	epoch    int       // of the package cache, when the last attempt began
	time     time.Time // zero: unknown
	twin     id.ID     // unchanged: the stored document that says the same

	statements []statement

	span  telemetry.Span // of its way through the pipeline, until it is durable
	trace string         // the traceparent of that, or of the batch where it stands for its documents; "" where nobody records it
	own   bool           // the span is in its sender's trace, beside the batch's
}

// artifact is what an SBOM describes.
type artifact struct {
	id      id.ID
	purl    string
	nameKey string
	from    string // given, component, subject, name, document, content
}

// fromSubject: the artifact is what the statement around the SBOM is about.
const fromSubject = "subject"

// newTask hashes the envelope. The hash is over the bytes after unwrapping, so sha256sum agrees.
func newTask(env Envelope) *task {
	if env.Err != nil && env.Err.Reason == normalize.ReasonUnreadable {
		// What was read before the trouble is no document, and nobody should take it for one.
		env.Bytes = nil
	}
	t := &task{env: env, received: time.Now()}
	t.hash = sha256.Sum256(env.Bytes)
	if env.Err != nil && env.Bytes == nil {
		// Nothing to hash: the place and the trouble stand for it, so that it is parked once.
		t.hash = sha256.Sum256(fmt.Appendf(nil, "%s\x00%s", env.Origin, env.Err.Reason))
	}
	t.documentID = documentID(env, t.hash)
	t.env.Origin = clean(env.Origin) // the name of a file may have any bytes
	return t
}

// documentID tells documents apart. What waits with the operator is one document per tenant that it was
// meant for: the same bytes may have been sent to several.
func documentID(env Envelope, hash [32]byte) id.ID {
	parts := []string{string(hash[:])}
	if named := env.Hints["tenant"]; env.Tenant == id.Operator && named != "" {
		parts = append(parts, named)
	}
	return id.Derive(env.Tenant, "document", parts...)
}

// prepare reads the document. What is wrong with it ends up in t.park.
func (t *task) prepare(cfg *Config) {
	start := time.Now()
	defer func() { t.reading = time.Since(start) }()
	if err := t.readSafely(cfg); err != nil {
		t.doc, t.json = nil, nil
		if !errors.As(err, &t.park) {
			t.park = normalize.Park(normalize.ReasonInvalid, "", "%w", err)
		}
	}
}

// readSafely is read for documents that find a bug of ours: without it one of them would
// end every import that meets it.
func (t *task) readSafely(cfg *Config) (err error) {
	defer func() {
		if r := recover(); r != nil {
			cfg.Logger.ErrorContext(t.span.With(context.Background()), "a document made its reader panic; it is parked", "origin", t.env.Origin, "panic", r, "stack", string(debug.Stack()))
			err = normalize.Park(normalize.ReasonInvalid, "", "the reader of this format failed (%v); this is a bug of Sluice, please report it with the document", r)
		}
	}()
	return t.read(cfg)
}

// MaxStream is how long the name of a stream may be, in bytes, within what an index row can hold.
const MaxStream = 200

// GoodStream reports whether s can be the name of a stream; "" is the usual one.
func GoodStream(s string) bool { return len(s) <= MaxStream && clean(s) == s }

func (t *task) read(cfg *Config) error {
	if t.env.Err != nil {
		return t.env.Err
	}
	if s := t.env.Stream; !GoodStream(s) {
		return normalize.Park(normalize.ReasonInvalid, "", "the stream given with the document, %.50q, is not up to %d bytes of text", s, MaxStream)
	}
	head, err := detect.Scan(t.env.Bytes, cfg.Limits)
	if err != nil {
		return err
	}
	format, err := detect.Detect(head, cfg.Formats)
	if err != nil {
		return err
	}
	if t.flags != nil && !t.flags.Format(format.Name()) {
		park := normalize.Park(normalize.ReasonSwitchedOff, "", "documents of format %[1]s are switched off for this tenant by the flag format.%[1]s; once that is on, `sluice parked replay --reason %[2]s` takes them",
			format.Name(), normalize.ReasonSwitchedOff)
		park.Format = format.Name()
		return park
	}
	t.doc, err = format.Normalize(normalize.Input{Bytes: t.env.Bytes, Head: head, Limits: cfg.Limits})
	if err != nil {
		var park *normalize.ParkError
		if errors.As(err, &park) && park.Format == "" {
			park.Format = format.Name()
		}
		return err
	}
	for _, w := range slices.Concat(t.env.Warnings, head.Warnings) {
		t.doc.Warn(w.Code, w.Pointer, "%s", w.Message)
	}
	if t.env.Line > 0 {
		for i := range t.doc.Warnings {
			t.doc.Warnings[i].Line = t.env.Line
		}
	}
	t.json = t.doc.JSON
	if err := detect.CheckStrings(t.json, cfg.Limits); err != nil {
		return err
	}
	if t.json == nil {
		t.json = detect.Strip(t.env.Bytes)
	}
	if err := t.checkKind(); err != nil {
		return err
	}
	t.time = t.doc.Time
	if t.time.IsZero() {
		t.time = t.env.ObservedAt
	}
	t.format = format
	if len(t.doc.Statements) > 0 {
		if err := t.knowMeaning(); err != nil {
			return err // the ids of what an SBOM says follow from it
		}
	}
	if t.doc.Kind != normalize.Vuln {
		if err := t.findArtifact(); err != nil {
			return err
		}
		t.statements = newStatements(t)
	}
	return nil
}

func (t *task) checkKind() error {
	kind := t.doc.Kind
	if t.env.Kind != "" && t.env.Kind != kind {
		// A CycloneDX document may be both: an SBOM with statements is taken as VEX where that was asked
		// for, and so is one that lists nothing: a VEX whose last statement was taken back.
		if !(t.env.Kind == normalize.VEX && (len(t.doc.Statements) > 0 || len(t.doc.Components) == 0 && strings.HasPrefix(t.doc.Format, "cyclonedx"))) {
			return normalize.Park(normalize.ReasonInvalid, "", "this is a document of kind %s, not %s; leave out --kind, or say --kind %s", kind, t.env.Kind, kind)
		}
		t.doc.Kind = normalize.VEX
	}
	if t.env.Tenant == id.Shared && kind != normalize.Vuln {
		return normalize.Park(normalize.ReasonInvalid, "", "only vulnerability facts go to the shared feed, and this is a document of kind %s; import it without --shared", kind)
	}
	return nil
}

// findArtifact decides what the document describes: the purl given with it, else its main
// component's, else pkg:generic/NAME@VERSION of that component, else of the document, else
// a name made of what it says.
//
// A main component's purl without a version takes the component's: two releases are two
// artifacts. A purl that is given stays as it is given, with a version or without: without
// one, each new SBOM takes the place of the last.
func (t *task) findArtifact() error {
	s := t.doc.Subject
	set := func(from, text string) bool {
		p, err := purl.Parse(text)
		if err == nil && from == "component" && p.Version == "" && s.Version != "" {
			p = p.WithVersion(s.Version)
		}
		if err != nil {
			t.doc.Warn("invalid-purl", "", "purl of the artifact: %v", err)
			return false
		}
		if len(p.Purl) > purl.MaxLength {
			t.doc.Warn("invalid-purl", "", "purl of the artifact has %d bytes; %d are allowed", len(p.Purl), purl.MaxLength)
			return false
		}
		t.artifact = artifact{purl: p.Purl, nameKey: p.NameKey(), from: from, id: id.Derive(t.env.Tenant, "artifact", p.Purl)}
		return true
	}
	if t.env.Artifact != "" {
		from := "given"
		if t.artifact.from == fromSubject { // it was, when it was stored
			from = fromSubject
		}
		if !set(from, t.env.Artifact) {
			return normalize.Park(normalize.ReasonInvalid, "", "the artifact given with the document, %q, is not a purl; write it like pkg:oci/app@1.2", t.env.Artifact)
		}
		return nil
	}
	if s.Purl != "" && set("component", s.Purl) {
		return nil
	}
	if s.From != "component" {
		// The signer's word for what the SBOM is about is better than the name of the document.
		if p := subjectPurl(t.env.Seal); p != "" && set(fromSubject, p) {
			return nil
		}
	}
	if s.Name != "" {
		from := "name"
		if s.From == "document" {
			from = "document"
		}
		if set(from, genericPurl(s.Name, s.Version)) {
			return nil
		}
	}
	if t.doc.Kind == normalize.SBOM {
		if err := t.knowMeaning(); err != nil {
			return err
		}
		set("content", genericPurl("unnamed-sbom", fmt.Sprintf("%x", t.meaning[:8])))
	}
	return nil
}

// genericPurl makes a purl of a bare name.
func genericPurl(name, version string) string {
	return packageurl.NewPackageURL("generic", "", strings.TrimSpace(name), strings.TrimSpace(version), nil, "").ToString()
}

// streamKey identifies the stream of an SBOM within its tenant.
type streamKey struct {
	tenant, artifact id.ID
	stream           string
}

func (t *task) streamKey() streamKey {
	return streamKey{t.env.Tenant, t.artifact.id, t.env.Stream}
}

// encoder compresses originals; EncodeAll may be called by several goroutines.
var encoder = func() *zstd.Encoder {
	// Level fastest: originals are JSON, which shrinks tenfold either way, and this runs
	// beside the database on the same cores. No content checksum: the hash is the check.
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
}()

// minCompressed is the size from which originals are compressed. For a vulnerability record of
// 1 kB it cost a tenth of the whole import and saved 450 bytes.
const minCompressed = 2 << 10

// compress returns the bytes as they are stored and the word for it.
func compress(b []byte) (encoding string, stored []byte) {
	if len(b) >= minCompressed {
		if z := encoder.EncodeAll(b, make([]byte, 0, len(b)/8+64)); len(z) < len(b)*9/10 {
			return "zstd", z
		}
	}
	if b == nil {
		b = []byte{}
	}
	return "identity", b
}

// Expand undoes the storage encoding of an original.
func Expand(encoding string, stored []byte, size int64) ([]byte, error) {
	switch encoding {
	case "identity":
		return stored, nil
	case "zstd":
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(size, 1)+1024)))
		if err != nil {
			return nil, err
		}
		defer d.Close()
		return d.DecodeAll(stored, make([]byte, 0, size))
	}
	return nil, fmt.Errorf("original is stored as %q, which this program does not know", encoding)
}

func (t *task) receipt() Receipt {
	r := Receipt{
		Origin: t.env.Origin, DocumentID: t.documentID.String(), ContentHash: hashText(t.hash),
		Outcome: t.outcome, Bytes: int64(len(t.env.Bytes)), Warnings: []normalize.Warning{},
		Tenant: t.env.Tenant, ScanRun: t.env.ScanRun, Signature: t.env.Signature,
	}
	if t.env.Err != nil && t.env.Bytes == nil {
		r.ContentHash = ""
	}
	if t.doc != nil {
		r.Format, r.FormatVersion, r.Kind = t.doc.Format, t.doc.FormatVersion, t.doc.Kind
		if t.doc.Warnings != nil {
			r.Warnings = t.doc.Warnings
		}
	}
	switch {
	case t.outcome == Parked:
		r.Format, r.Reason, r.Pointer = t.park.Format, t.park.Reason, t.park.Pointer
		if t.park.Err != nil {
			r.Message = t.park.Err.Error()
		}
	case t.outcome == Duplicate:
		r.Warnings = append(r.Warnings, t.notes...)
		k := t.stored()
		r.Format, r.FormatVersion, r.DocumentID = k.format, k.version, k.document.String()
		switch {
		case k.parked != "" && t.env.Reply != nil: // the sender wants to know what is wrong with it
			r.Outcome, r.Reason = Parked, k.parked
		case k.parked != "":
			r.Reason = "parked before: " + k.parked
		}
	case t.outcome == Unchanged:
		r.Reason = "says the same as document " + t.twin.String()
		r.DocumentID = t.twin.String()
	}
	return r
}

// stored is what the database has of the task's bytes once its batch is committed.
func (t *task) stored() known {
	switch {
	case t.first != nil:
		return t.first.stored()
	case t.outcome == Duplicate:
		return t.known
	}
	k := known{document: t.documentID}
	if t.doc != nil {
		k.format, k.version = t.doc.Format, t.doc.FormatVersion
	}
	if t.outcome == Unchanged {
		k.document = t.twin
	}
	if t.outcome == Parked {
		k.format, k.parked = t.park.Format, t.park.Reason
	}
	return k
}
