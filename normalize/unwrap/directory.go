package unwrap

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Sizes of the fixed parts of a zip archive (APPNOTE.TXT 4.3).
const (
	localHeader     = 30
	directoryHeader = 46
	directoryEnd    = 22
	locator64       = 20
	directoryEnd64  = 56
)

// directory reads the central directory of a zip archive, entry by entry.
type directory struct {
	at     io.ReaderAt
	r      *bufio.Reader
	left   uint64 // entries still to come, as the end record says
	shift  int64  // bytes before the archive, which offsets do not count
	offset int64
}

// zipFile is an entry as the directory describes it.
type zipFile struct {
	name          string
	creator       uint16
	flags, method uint16
	crc           uint32
	packed, size  uint64
	attributes    uint32
	offset        int64 // of its local header
	limit         int64 // where the directory begins: entries end before
	modTime       time.Time
}

var errNoDirectory = errors.New("no central directory at the end; the archive is cut off or no zip")

func openDirectory(at io.ReaderAt, size int64) (*directory, error) {
	// The end record is last, but for a comment of up to 65,535 bytes.
	tail := make([]byte, min(size, directoryEnd+1<<16))
	if _, err := at.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, &systemError{err}
	}
	end := -1
	for i := len(tail) - directoryEnd; i >= 0 && end < 0; i-- {
		// A comment that ends before the file does is padding; one that ends after it is no comment.
		if bytes.HasPrefix(tail[i:], []byte("PK\x05\x06")) && i+directoryEnd+int(binary.LittleEndian.Uint16(tail[i+20:])) <= len(tail) {
			end = i
		}
	}
	if end < 0 {
		return nil, errNoDirectory
	}
	le := binary.LittleEndian
	e := tail[end:]
	endAt := size - int64(len(tail)) + int64(end)
	entries, length, offset := uint64(le.Uint16(e[10:])), uint64(le.Uint32(e[12:])), uint64(le.Uint32(e[16:]))
	if entries == 0xffff || length == 0xffffffff || offset == 0xffffffff {
		if n, l, o, where, ok := end64(at, endAt); ok {
			entries, length, offset, endAt = n, l, o, where
		}
	}
	if length > uint64(endAt) || offset > uint64(endAt)-length {
		return nil, errors.New("the central directory lies outside the file; the archive is cut off")
	}
	start := endAt - int64(length)
	return &directory{
		at:     at,
		r:      bufio.NewReaderSize(io.NewSectionReader(at, start, int64(length)), 32<<10),
		left:   entries,
		shift:  start - int64(offset),
		offset: start,
	}, nil
}

// end64 reads the zip64 end record, whose locator is before the plain one at endAt.
func end64(at io.ReaderAt, endAt int64) (entries, length, offset uint64, where int64, ok bool) {
	le := binary.LittleEndian
	var loc [locator64]byte
	if endAt < locator64 {
		return
	}
	if _, err := at.ReadAt(loc[:], endAt-locator64); err != nil || string(loc[:4]) != "PK\x06\x07" {
		return
	}
	where = int64(le.Uint64(loc[8:]))
	var e [directoryEnd64]byte
	if where < 0 || where > endAt-locator64-directoryEnd64 {
		return
	}
	if _, err := at.ReadAt(e[:], where); err != nil || string(e[:4]) != "PK\x06\x06" {
		return
	}
	return le.Uint64(e[32:]), le.Uint64(e[40:]), le.Uint64(e[48:]), where, true
}

// next returns the next entry, io.EOF after the last.
func (d *directory) next() (*zipFile, error) {
	if d.left == 0 {
		return nil, io.EOF
	}
	var h [directoryHeader]byte
	if _, err := io.ReadFull(d.r, h[:]); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%d entries are missing", d.left)
		}
		return nil, err
	}
	if string(h[:4]) != "PK\x01\x02" {
		return nil, errors.New("not a directory entry")
	}
	d.left--
	le := binary.LittleEndian
	f := &zipFile{
		creator:    le.Uint16(h[4:]),
		flags:      le.Uint16(h[8:]),
		method:     le.Uint16(h[10:]),
		modTime:    dosTime(le.Uint16(h[14:]), le.Uint16(h[12:])),
		crc:        le.Uint32(h[16:]),
		packed:     uint64(le.Uint32(h[20:])),
		size:       uint64(le.Uint32(h[24:])),
		attributes: le.Uint32(h[38:]),
		limit:      d.offset,
	}
	offset := uint64(le.Uint32(h[42:]))
	nameLen, extraLen, commentLen := int(le.Uint16(h[28:])), int(le.Uint16(h[30:])), int(le.Uint16(h[32:]))
	rest := make([]byte, nameLen+extraLen)
	if _, err := io.ReadFull(d.r, rest); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	if _, err := d.r.Discard(commentLen); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	f.name = string(rest[:nameLen])
	f.extra(rest[nameLen:], &offset)
	f.offset = int64(offset) + d.shift
	return f, nil
}

// extra reads what the fixed header has no room for: large sizes, exact times.
func (f *zipFile) extra(b []byte, offset *uint64) {
	le := binary.LittleEndian
	for len(b) >= 4 {
		id, n := le.Uint16(b), int(le.Uint16(b[2:]))
		if b = b[4:]; n > len(b) {
			return
		}
		field := b[:n]
		b = b[n:]
		switch id {
		case 1: // zip64: only the values that did not fit, in this order
			for _, v := range []*uint64{&f.size, &f.packed, offset} {
				if *v == 0xffffffff && len(field) >= 8 {
					*v = le.Uint64(field)
					field = field[8:]
				}
			}
		case 0x5455: // extended time stamp
			if len(field) >= 5 && field[0]&1 != 0 {
				f.modTime = time.Unix(int64(int32(le.Uint32(field[1:]))), 0).UTC()
			}
		}
	}
}

// dosTime has no time zone; UTC is as good as any.
func dosTime(date, t uint16) time.Time {
	if date == 0 {
		return time.Time{}
	}
	return time.Date(int(date>>9)+1980, time.Month(date>>5&15), int(date&31), int(t>>11), int(t>>5&63), int(t&31)*2, 0, time.UTC)
}

// regular reports whether the entry is a file, where its creator (Unix, macOS) says.
func (f *zipFile) regular() bool {
	const unix, macOS, typeMask, regular = 3, 19, 0o170000, 0o100000
	if system := f.creator >> 8; system != unix && system != macOS {
		return true
	}
	kind := f.attributes >> 16 & typeMask
	return kind == 0 || kind == regular
}

// open returns the packed bytes of the entry.
func (f *zipFile) open(at io.ReaderAt) (io.Reader, error) {
	var h [localHeader]byte
	if f.offset < 0 || f.offset > f.limit-localHeader {
		return nil, errors.New("it lies outside the archive")
	}
	if _, err := at.ReadAt(h[:], f.offset); err != nil {
		return nil, fmt.Errorf("local header: %w", err)
	}
	if string(h[:4]) != "PK\x03\x04" {
		return nil, errors.New("there is no local header where the directory says")
	}
	le := binary.LittleEndian
	start := f.offset + localHeader + int64(le.Uint16(h[26:])) + int64(le.Uint16(h[28:]))
	if start > f.limit || f.packed > uint64(f.limit-start) {
		return nil, errors.New("it lies outside the archive")
	}
	return io.NewSectionReader(at, start, int64(f.packed)), nil
}

// raw is the packed bytes of an entry that could not be unpacked, if they are few.
func (f *zipFile) raw(at io.ReaderAt) []byte {
	if f.packed > keepRaw {
		return nil
	}
	r, err := f.open(at)
	if err != nil {
		return nil
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil
	}
	return b
}
