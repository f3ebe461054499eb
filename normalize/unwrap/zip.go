package unwrap

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"sluice/normalize"
)

// zip unwraps an archive entry by entry, in the order of its directory, which is
// read as a stream too: archive/zip holds all of it, 350 MB for a million entries.
func (w *walker) zip(it item) error {
	at, size := it.at, it.size
	if at == nil || it.layer > 0 {
		b, err := w.seekable(it)
		if err != nil {
			return w.trouble(it, it.rawBytes(), err)
		}
		defer b.Close()
		at, size = b, b.size
	}
	dir, err := openDirectory(at, size)
	if err != nil {
		return w.trouble(it, it.rawBytes(), fmt.Errorf("zip archive: %w", err))
	}
	r := bufio.NewReaderSize(nil, 4<<10)
	given, seen := 0, 0
	for {
		f, err := dir.next()
		if errors.Is(err, io.EOF) {
			if given == 0 {
				return w.emptyArchive(it)
			}
			return nil
		}
		if err != nil {
			return w.trouble(it, it.rawBytes(), fmt.Errorf("zip archive: directory entry %d: %w", seen, err))
		}
		// Entries without content are work too.
		if err := w.count(directoryHeader); err != nil {
			return w.trouble(it, nil, err)
		}
		if seen++; seen > w.lim.MaxEntries {
			return w.tooMany(it)
		}
		if !f.regular() || skipped(f.name) {
			continue
		}
		given++
		child := item{
			origin:  inside(it.origin, f.name),
			size:    unknown,
			modTime: f.modTime,
			layer:   it.layer + 1,
			around:  it.around,
			raw:     func() []byte { return f.raw(at) },
		}
		if err := w.zipEntry(child, f, at, r); err != nil {
			return err
		}
		if w.over() {
			return nil
		}
	}
}

// zipEntry unwraps one entry. Its trouble is its own: the next one begins elsewhere.
func (w *walker) zipEntry(child item, f *zipFile, at io.ReaderAt, r *bufio.Reader) error {
	if f.flags&1 != 0 {
		return w.give(child, nil, normalize.Park(normalize.ReasonUnreadable, "", "the zip entry is encrypted; extract it with its password"))
	}
	packed, err := f.open(at)
	if err != nil {
		return w.give(child, nil, normalize.Park(normalize.ReasonCorruptArchive, "", "zip entry: %w", err))
	}
	s := &stream{w: w, name: "zip entry", counted: true, packed: func() int64 { return int64(min(f.packed, 1<<62)) }}
	child.stream = s
	var z io.Reader
	switch f.method {
	case 0:
		z = packed
	case 8:
		d := w.takeInflater(packed)
		defer w.returnInflater(d)
		z = d.z
	case 12:
		z = bzip2.NewReader(bufio.NewReader(packed))
	case 93:
		d, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			return w.trouble(child, child.rawBytes(), err)
		}
		defer d.Close()
		z = d
	case 95:
		d, err := xz.NewReader(bufio.NewReader(packed), maxWindow)
		if err != nil {
			return w.trouble(child, child.rawBytes(), err)
		}
		z = d
	default:
		return w.give(child, child.rawBytes(), normalize.Park(normalize.ReasonUnreadable, "", "zip compression method %d is not supported; pack it again with deflate or zstd", f.method))
	}
	s.r = &checked{r: z, f: f}
	r.Reset(s)
	child.r = r
	return w.unwrap(child)
}

// inflater is a deflate decompressor with its buffers, 80 KB: an archive of a
// hundred thousand small entries uses one, and one more for each archive inside.
type inflater struct {
	in *bufio.Reader
	z  io.ReadCloser
}

func (w *walker) takeInflater(packed io.Reader) *inflater {
	d := w.inflater
	w.inflater = nil
	if d == nil {
		d = &inflater{in: bufio.NewReaderSize(packed, 32<<10)}
		d.z = flate.NewReader(d.in)
		return d
	}
	d.in.Reset(packed)
	if err := d.z.(flate.Resetter).Reset(d.in, nil); err != nil {
		d.z = flate.NewReader(d.in)
	}
	return d
}

func (w *walker) returnInflater(d *inflater) { w.inflater = d }

// checked compares an entry's size and check sum with what the directory says.
type checked struct {
	r   io.Reader
	f   *zipFile
	n   uint64
	sum uint32
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum = crc32.Update(c.sum, crc32.IEEETable, p[:n])
	c.n += uint64(n)
	switch {
	case c.n > c.f.size:
		return n, errors.New("longer than the directory says")
	case !errors.Is(err, io.EOF):
	case c.n < c.f.size:
		return n, io.ErrUnexpectedEOF
	case c.sum != c.f.crc:
		return n, errors.New("the check sum is wrong; the entry is damaged")
	}
	return n, err
}

// seekable is a stream made random access: in memory, or in a temporary file.
type seekable struct {
	io.ReaderAt
	size int64
	file *os.File
}

func (w *walker) seekable(it item) (*seekable, error) {
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, it.r, w.lim.MaxBytes+1)
	if errors.Is(err, io.EOF) {
		return &seekable{ReaderAt: bytes.NewReader(buf.Bytes()), size: n}, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "sluice-zip-*")
	if err != nil {
		return nil, &systemError{fmt.Errorf("spool the zip archive: %w", err)}
	}
	s := &seekable{ReaderAt: f, file: f}
	for _, part := range []io.Reader{&buf, io.LimitReader(it.r, w.lim.MaxArchive-n+1)} {
		copied, err := io.Copy(spool{f}, part)
		if s.size += copied; err != nil {
			s.Close()
			return nil, err
		}
	}
	if s.size > w.lim.MaxArchive {
		s.Close()
		return nil, errArchive
	}
	return s, nil
}

// spool tells trouble with the temporary file from trouble with the data.
type spool struct{ f *os.File }

func (s spool) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	if err != nil {
		err = &systemError{fmt.Errorf("spool the zip archive: %w", err)}
	}
	return n, err
}

func (s *seekable) Close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}
