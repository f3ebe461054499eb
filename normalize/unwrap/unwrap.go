// Package unwrap takes documents out of what they are shipped in: gzip, zstd,
// bzip2 and xz streams, zip and tar archives, one inside the other.
//
// What something is, is decided by its first bytes, never by its name. Walk reads
// as a stream: an archive of a million documents needs the memory of the largest
// one. Nothing in the data can stop it from going on where going on is possible,
// and nothing is lost silently: what cannot be unwrapped comes out as an Entry
// with Err. Bombs are bounded by normalize.Limits.
package unwrap

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/seal"
)

// Entry is one document, or the trouble that took its place.
type Entry struct {
	// Origin is where it came from: the source's origin for a plain or a compressed
	// document, "a.zip!/b.tar.gz!/c.json" for one inside archives.
	Origin string
	// Bytes is the document. It belongs to the receiver. With Err it is what
	// identifies the trouble (the bytes that could not be unwrapped, if they are
	// few) or nil.
	Bytes []byte
	// ModTime is what the archive or the gzip header says, often zero.
	ModTime time.Time
	// Index counts the entries of one Walk from zero.
	Index int
	// Err says why this entry, or the rest of its container, could not be unwrapped.
	Err *normalize.ParkError
	// Seal is the envelope that the document came in; nil where it came in none.
	Seal *seal.Seal
	// Line is where the document begins, one of several JSON values; else zero.
	Line int
	// Pass, if set, says what this is that belongs to documents and is none: "the signature of another
	// file". Whoever reads files passes it over.
	Pass string
}

// Source is an original: a file, a message, standard input.
type Source struct {
	Origin string
	Reader io.Reader
	// ReaderAt lets zip archives be read in place; optional, needs Size. Reader may
	// then be nil. Without it they are buffered, or spooled to a temporary file.
	ReaderAt io.ReaderAt
	// Size is the number of bytes, where it is known; else zero.
	Size int64
	// Holds, if set, is told how many bytes a decompressor remembers of what it has written, when it
	// begins and, as a negative number, when it ends: zstd --long makes that up to 128 MiB.
	Holds func(bytes int64)
}

// Walk calls yield for each document in the source, in order. It ends with yield's
// error or that of ctx; every trouble in the data is an Entry with Err instead. A
// source that cannot be read to its end gives an Entry with normalize.ReasonUnreadable.
func Walk(ctx context.Context, src Source, lim normalize.Limits, yield func(Entry) error) error {
	w := &walker{ctx: ctx, lim: lim.OrDefault(), yield: yield, holds: src.Holds}
	defer w.close()
	if src.Reader == nil {
		src.Reader = io.NewSectionReader(src.ReaderAt, 0, src.Size)
	}
	w.source = &stream{w: w, r: src.Reader}
	it := item{origin: src.Origin, size: src.Size, stream: w.source}
	if it.size <= 0 {
		it.size = unknown
	} else if src.ReaderAt != nil {
		it.at = sourceAt{src.ReaderAt}
	}
	// Most originals are small plain files: one allocation, no copy.
	if it.size >= 0 && it.size <= small {
		whole := make([]byte, it.size)
		n, err := io.ReadFull(w.source, whole)
		whole = whole[:n]
		if err == nil {
			var more [1]byte
			n, err = io.ReadFull(w.source, more[:])
			whole = append(whole, more[:n]...)
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF): // the end, perhaps sooner than Size said
			if kindOf(whole) == plain && int64(len(whole)) <= w.lim.MaxBytes {
				return w.whole(it, whole)
			}
			it.r = bufio.NewReaderSize(bytes.NewReader(whole), peek)
			it.at, it.size = bytes.NewReader(whole), int64(len(whole))
			return w.unwrap(it)
		case err == nil: // larger than Size said
			it.size = unknown
		}
		it.at = nil
		it.r = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(whole), w.source), peek)
		return w.unwrap(it)
	}
	it.r = bufio.NewReaderSize(w.source, 16<<10)
	return w.unwrap(it)
}

// Plain reports whether b is a document as it is, within the limit: Walk would hand it over
// unchanged.
func Plain(b []byte, lim normalize.Limits) bool {
	return len(b) > 0 && int64(len(b)) <= lim.OrDefault().MaxBytes && kindOf(b) == plain && !isEmptyTar(b) && shapeOf(b) == document && metadata(b) == "" && !several(b)
}

const (
	unknown = -1        // size
	small   = 256 << 10 // bytes up to which a source is read at once
	peek    = 1 << 10   // bytes that kindOf looks at, and some
	keepRaw = 1 << 20   // wrapped bytes kept for an Entry with Err
)

// walker is the state of one Walk.
type walker struct {
	ctx     context.Context
	lim     normalize.Limits
	yield   func(Entry) error
	holds   func(int64) // may be nil
	source  *stream
	index   int
	used    int64 // bytes that came out of wrappers, all together, for MaxArchive
	scratch []byte
	// inflater is one that is not in use.
	inflater *inflater
	spools   []*seekable // to be closed at the end
}

func (w *walker) close() {
	for _, s := range w.spools {
		s.Close()
	}
}

// item is something to unwrap: the source, what a decompressor gives, an archive's entry.
type item struct {
	origin  string
	r       *bufio.Reader
	stream  *stream     // what r reads from, in the end
	at      io.ReaderAt // the same bytes at random, or nil
	size    int64       // or unknown
	modTime time.Time
	layer   int           // wrappers around it
	raw     func() []byte // the bytes of the compressed stream around it, if few; may be nil
	around
}

// around is what something inside of a wrapper has of it.
type around struct {
	envelopes int // so many
	seal      *seal.Seal
	line      int        // where it begins, one of several JSON values
	several   bool       // it is one
	lenient   bool       // attestations of something else are passed over
	attached  *seal.Seal // what says what it belongs to, where no envelope does
}

// unwrap yields everything in it. The error is one that ends the walk.
func (w *walker) unwrap(it item) error {
	head, err := it.r.Peek(min(peek, it.r.Size()))
	if err != nil && !errors.Is(err, io.EOF) {
		return w.trouble(it, it.rawBytes(), err)
	}
	kind := kindOf(head)
	if kind == plain {
		return w.document(it)
	}
	if it.layer >= w.lim.MaxLayers {
		return w.give(it, it.rawBytes(), normalize.Park(normalize.ReasonLayers, "", "a %s inside %d other wrappers; the limit is %d, unpack it first", kind, it.layer, w.lim.MaxLayers))
	}
	switch kind {
	case zipArchive:
		return w.zip(it)
	case tarArchive:
		if mayBeLayout(head) {
			rest, done, err := w.tarLayout(it)
			if done {
				return err
			}
			it = rest
		}
		return w.tar(it)
	}
	return w.decompress(it, kind)
}

// document reads a plain document.
func (w *walker) document(it item) error {
	var doc []byte
	var err error
	if it.layer == 0 && it.size >= 0 && it.size <= w.lim.MaxBytes {
		doc, err = w.exactly(it)
	} else {
		doc, err = w.upTo(it)
	}
	if errors.Is(err, errLines) {
		w.scratch = nil
		return w.lines(it, bufio.NewReaderSize(io.MultiReader(bytes.NewReader(doc), it.r), 32<<10))
	}
	if err != nil {
		return w.trouble(it, it.rawBytes(), err)
	}
	return w.whole(it, doc)
}

// whole yields a document that has been read.
func (w *walker) whole(it item, doc []byte) error {
	if isEmptyTar(doc) {
		it.raw = func() []byte { return doc }
		return w.emptyArchive(it)
	}
	switch s := shapeOf(doc); s {
	case document:
	case feed:
		return w.passOver(it, doc, "a ROLIE feed")
	case provider:
		return w.passOver(it, doc, "metadata of a CSAF provider")
	case ociManifest:
		if it.lenient {
			return w.passOver(it, doc, "an OCI manifest")
		}
	case apart:
		return w.passOver(it, doc, "the signature of another file")
	default:
		return w.open(it, doc, s)
	}
	if what := metadata(doc); what != "" {
		return w.passOver(it, doc, what)
	}
	if !it.several && several(doc) {
		return w.values(it, doc)
	}
	return w.give(it, doc, nil)
}

var (
	errTooLarge = errors.New("larger than the limit for one document")
	errLines    = errors.New("JSON Lines")
)

// exactly reads a document whose size its file system told: no copy, no slack.
func (w *walker) exactly(it item) ([]byte, error) {
	doc := make([]byte, it.size)
	n, err := io.ReadFull(it.r, doc)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return doc[:n], nil // it shrank meanwhile
	}
	if err != nil {
		return nil, err
	}
	rest, err := w.upTo(it) // it grew, as a log does: nearly always nothing
	if len(rest) > 0 {
		doc = append(doc, rest...)
	}
	if int64(len(doc)) > w.lim.MaxBytes {
		return nil, errTooLarge
	}
	return doc, err
}

// upTo reads a document of unknown or doubtful size. A declared size is not
// believed: a million entries that each claim MaxBytes would cost as much to clear. With errLines
// it is what was read of them so far, which the walker keeps no more.
func (w *walker) upTo(it item) ([]byte, error) {
	buf := w.scratch[:0]
	var ahead lookout
	for {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), max(64<<10, 2*cap(buf)))
			copy(grown, buf)
			buf = grown
		}
		room := min(int64(cap(buf)), w.lim.MaxBytes+1)
		n, err := it.r.Read(buf[len(buf):room])
		buf = buf[:len(buf)+n]
		if ahead.look(buf); ahead.lines {
			return buf, errLines
		}
		if int64(len(buf)) > w.lim.MaxBytes || ahead.decided && it.size > w.lim.MaxBytes {
			w.keep(buf)
			return nil, errTooLarge
		}
		if err != nil {
			doc := bytes.Clone(buf)
			w.keep(buf)
			if errors.Is(err, io.EOF) {
				return doc, nil
			}
			return nil, err
		}
	}
}

// keep keeps a buffer for the next document, unless it is a rare large one.
func (w *walker) keep(buf []byte) {
	if cap(buf) <= 4<<20 {
		w.scratch = buf
	} else {
		w.scratch = nil
	}
}

func (it *item) rawBytes() []byte {
	if it.raw == nil {
		return nil
	}
	return it.raw()
}

// give yields one entry.
func (w *walker) give(it item, b []byte, err *normalize.ParkError) error {
	if e := w.ctx.Err(); e != nil {
		return e
	}
	e := Entry{Origin: it.origin, Bytes: b, ModTime: it.modTime, Index: w.index, Err: err, Seal: it.seal, Line: it.line}
	if e.Seal == nil {
		e.Seal = it.attached
	}
	w.index++
	return w.yield(e)
}

// trouble yields an entry for err, which came up while reading it; raw may be nil.
// Only an end of the context is handed back.
func (w *walker) trouble(it item, raw []byte, err error) error {
	if e := w.ctx.Err(); e != nil {
		return e
	}
	return w.give(it, raw, w.explain(it, err))
}

func (w *walker) tooLarge() *normalize.ParkError {
	return normalize.Park(normalize.ReasonTooLarge, "", "the document is larger than %d bytes, the limit for one document; raise the limit or split it", w.lim.MaxBytes)
}

func (w *walker) explain(it item, err error) *normalize.ParkError {
	var park *normalize.ParkError
	var ratio *ratioError
	switch {
	case errors.As(err, &park):
		return park
	case errors.As(err, &ratio):
		return normalize.Park(normalize.ReasonTooLarge, "", "%w unpacked, past %d times, the limit; nothing real shrinks so: raise --limit-ratio if this does", ratio, w.lim.MaxRatio)
	case errors.Is(err, errTooLarge):
		return w.tooLarge()
	case errors.Is(err, errArchive):
		return normalize.Park(normalize.ReasonTooLarge, "", "more than %d bytes unpacked, the limit for one archive; the rest is not read, raise the limit or split it", w.lim.MaxArchive)
	case w.source.err != nil:
		return normalize.Park(normalize.ReasonUnreadable, "", "reading the source after %d bytes: %w", w.source.n, w.source.err)
	}
	var sys *systemError
	if errors.As(err, &sys) {
		return normalize.Park(normalize.ReasonUnreadable, "", "%w", err)
	}
	// The outermost stream that failed is the cause; those inside only pass it on.
	var failed *stream
	for s := it.stream; s != nil; s = s.parent {
		if s.err != nil {
			failed = s
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = errors.New("the data ends too soon; it is cut off")
	}
	if failed == nil {
		return normalize.Park(normalize.ReasonCorruptArchive, "", "%w", err)
	}
	return normalize.Park(normalize.ReasonCorruptArchive, "", "%s, after %d unpacked bytes: %w", failed.name, failed.n, err)
}

// inside is the origin of an archive's entry.
func inside(origin, name string) string {
	name = strings.ToValidUTF8(strings.ReplaceAll(name, "\x00", ""), "\uFFFD")
	for {
		shorter := strings.TrimPrefix(strings.TrimPrefix(name, "/"), "./")
		if shorter == name {
			return origin + "!/" + name
		}
		name = shorter
	}
}

// skipped reports whether an archive's entry is none of the sender's: macOS adds
// resource forks, and a name that is empty or a folder has no content.
func skipped(name string) bool {
	name = strings.TrimPrefix(name, "./")
	return name == "" || strings.HasSuffix(name, "/") || strings.HasPrefix(name, "__MACOSX/") || strings.Contains(name, "/__MACOSX/")
}
