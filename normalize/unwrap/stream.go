package unwrap

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"sluice/normalize"
)

// errArchive ends the reading of everything: MaxArchive bytes came out.
var errArchive = errors.New("larger than the limit for one archive")

// systemError is trouble of this machine, such as a full disk, not of the data.
type systemError struct{ err error }

func (e *systemError) Error() string { return e.err.Error() }
func (e *systemError) Unwrap() error { return e.err }

// stream counts what comes out of a wrapper and remembers how it failed.
type stream struct {
	w       *walker
	r       io.Reader
	parent  *stream // what r gets its bytes from; nil for the source
	name    string  // "gzip"; "" for the source
	counted bool    // towards MaxArchive
	n       int64
	packed  func() int64 // how many bytes that took, where it is compressed
	err     error        // other than io.EOF
}

// Read turns a panic of a decompressor into an error: the data comes from anywhere.
func (s *stream) Read(p []byte) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	if err := s.w.ctx.Err(); err != nil {
		return 0, err
	}
	if s.name != "" {
		defer func() {
			if r := recover(); r != nil {
				s.err = fmt.Errorf("%s decompressor: %v", s.name, r)
				n, err = 0, s.err
			}
		}()
	}
	n, err = s.r.Read(p)
	s.n += int64(n)
	if s.packed != nil && s.n > ratioFrom && s.n/s.w.lim.MaxRatio > s.packed() {
		s.err = &ratioError{s.n, s.packed()}
		return 0, s.err
	}
	if s.counted {
		if err := s.w.count(int64(n)); err != nil {
			s.err = err
			return 0, err
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// count adds bytes that came out of a wrapper.
func (w *walker) count(n int64) error {
	w.used += n
	if w.used > w.lim.MaxArchive {
		return errArchive
	}
	return nil
}

// ratioFrom is from how many unpacked bytes on the ratio of a stream counts: what is less hurts nobody, and a
// record that is the same over and over shrinks a thousandfold.
const ratioFrom = 8 << 20

// ratioError ends a stream that becomes too many times its bytes.
type ratioError struct{ unpacked, packed int64 }

func (e *ratioError) Error() string {
	return fmt.Sprintf("%d bytes became more than %d", e.packed, e.unpacked)
}

// recorder keeps the bytes that a decompressor takes, as long as they are few.
type recorder struct {
	r        io.Reader
	kept     []byte
	n        int64 // bytes taken
	overflow bool
}

func (c *recorder) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if !c.overflow {
		if len(c.kept)+n > keepRaw {
			c.overflow, c.kept = true, nil
		} else {
			c.kept = append(c.kept, p[:n]...)
		}
	}
	return n, err
}

// raw returns all the compressed bytes, those not asked for included; nil if they are many.
func (c *recorder) raw() []byte {
	if c.overflow {
		return nil
	}
	var buf [4096]byte
	for !c.overflow {
		if _, err := c.Read(buf[:]); err != nil {
			return bytes.Clone(c.kept)
		}
	}
	return nil
}

// maxWindow is the memory that a zstd or xz stream may ask for: what the zstd
// command allows by default and xz -9 needs twice over.
const maxWindow = 128 << 20

// decompress unwraps a compressed stream, which holds one thing.
func (w *walker) decompress(it item, kind kind) error {
	rec := &recorder{r: it.r}
	s := &stream{w: w, parent: it.stream, name: kind.String(), counted: true, packed: func() int64 { return rec.n }}
	inner := item{
		origin:  it.origin,
		stream:  s,
		size:    unknown,
		modTime: it.modTime,
		layer:   it.layer + 1,
		around:  it.around,
		raw:     rec.raw,
	}
	in := bufio.NewReaderSize(rec, 32<<10)
	switch kind {
	case gzipStream:
		z, err := gzip.NewReader(in)
		if err != nil {
			return w.trouble(inner, rec.raw(), err)
		}
		if inner.modTime.IsZero() {
			inner.modTime = z.ModTime
		}
		s.r = &members{in: in, z: z}
	case zstdStream:
		window := windowOf(in) // before the decoder reads from it
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			return w.trouble(inner, rec.raw(), err)
		}
		defer z.Close()
		if window > 0 && w.holds != nil {
			w.holds(window)
			defer w.holds(-window)
		}
		s.r = z
	case bzip2Stream:
		s.r = bzip2.NewReader(in)
	case xzStream:
		// ulikunitz/xz would allocate whatever dictionary the header asks for, up to 4 GiB.
		z, err := xz.NewReader(in, maxWindow)
		if err != nil {
			return w.trouble(inner, rec.raw(), err)
		}
		s.r = z
	}
	inner.r = bufio.NewReaderSize(s, 32<<10)
	return w.unwrap(inner)
}

// windowOf is how much a zstd stream asks its decoder to remember, by its header.
func windowOf(in *bufio.Reader) int64 {
	var h zstd.Header
	head, _ := in.Peek(zstd.HeaderMaxSize)
	if err := h.Decode(head); err != nil || h.WindowSize > maxWindow {
		return 0 // it will be refused
	}
	return int64(h.WindowSize)
}

// members reads a gzip file of several members. Zero bytes after the last one, as
// tapes and block devices leave them, are its end.
type members struct {
	in *bufio.Reader
	z  *gzip.Reader
	on bool // Multistream has been turned off for the current member
}

func (m *members) Read(p []byte) (int, error) {
	if !m.on {
		m.z.Multistream(false)
		m.on = true
	}
	for {
		n, err := m.z.Read(p)
		if n > 0 || !errors.Is(err, io.EOF) {
			if errors.Is(err, io.EOF) {
				err = nil // the next Read looks for another member
			}
			return n, err
		}
		next, err := m.in.Peek(2)
		switch {
		case len(next) == 0:
			return 0, err
		case next[0] == 0:
			return 0, m.padding()
		}
		if err := m.z.Reset(m.in); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, fmt.Errorf("what follows the compressed data is not gzip: %w", err)
		}
		m.z.Multistream(false)
	}
}

func (m *members) padding() error {
	for {
		c, err := m.in.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			return errors.New("what follows the compressed data is not gzip")
		}
	}
}

// emptyArchive is the entry for an archive that had nothing to give.
func (w *walker) emptyArchive(it item) error {
	return w.give(it, it.rawBytes(), normalize.Park(normalize.ReasonEmptyArchive, "", "the archive holds no documents"))
}

func (w *walker) tooMany(it item) error {
	return w.give(it, nil, normalize.Park(normalize.ReasonTooMany, "", "more than %d entries, the limit for one archive or file; the rest is not read, raise --limit-entries or split it", w.lim.MaxEntries))
}

// over reports whether nothing more can be read, whatever the archive.
func (w *walker) over() bool { return w.source.err != nil || w.used > w.lim.MaxArchive }

// sourceAt marks trouble with reading the source at random.
type sourceAt struct{ io.ReaderAt }

func (s sourceAt) ReadAt(p []byte, offset int64) (int, error) {
	n, err := s.ReaderAt.ReadAt(p, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &systemError{err}
	}
	return n, err
}
