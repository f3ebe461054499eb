package unwrap

import (
	"bytes"
	"strconv"
)

// kind is what the first bytes say something is.
type kind int

const (
	plain kind = iota
	gzipStream
	zstdStream
	bzip2Stream
	xzStream
	zipArchive
	tarArchive
)

func (k kind) String() string {
	return [...]string{"document", "gzip", "zstd", "bzip2", "xz", "zip archive", "tar archive"}[k]
}

// kindOf decides by the first peek bytes.
func kindOf(b []byte) kind {
	if text := bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n"); len(text) > 0 && (text[0] == '{' || text[0] == '<') {
		return plain
	}
	switch {
	case bytes.HasPrefix(b, []byte("\x1f\x8b\x08")):
		return gzipStream
	case bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd")):
		return zstdStream
	case len(b) >= 4 && b[0]&0xf0 == 0x50 && bytes.Equal(b[1:4], []byte("\x2a\x4d\x18")): // a skippable frame first
		return zstdStream
	case isBzip2(b):
		return bzip2Stream
	case bytes.HasPrefix(b, []byte("\xfd7zXZ\x00")):
		return xzStream
	case isOffice(b):
		return plain
	case bytes.HasPrefix(b, []byte("PK\x03\x04")), bytes.HasPrefix(b, []byte("PK\x05\x06")):
		return zipArchive
	case isTar(b):
		return tarArchive
	}
	return plain
}

// isOffice recognises a document of Office Open XML, which is a zip archive and meant to be
// one document, by the name of its first entry.
func isOffice(b []byte) bool {
	const header = 30 // bytes of a local header before the name
	if len(b) < header || !bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		return false
	}
	name := b[header:min(len(b), header+int(b[26])+int(b[27])<<8)]
	for _, part := range [...]string{"[Content_Types].xml", "_rels/.rels", "docProps/", "xl/"} {
		if bytes.HasPrefix(name, []byte(part)) {
			return true
		}
	}
	return false
}

// isBzip2 wants the magic of the first block too (the digits of pi, or of its root
// at the end of an empty file): "BZh" alone may begin a text.
func isBzip2(b []byte) bool {
	if len(b) < 4 || string(b[:3]) != "BZh" || b[3] < '1' || b[3] > '9' {
		return false
	}
	rest := b[4:min(len(b), 10)]
	return bytes.HasPrefix([]byte("\x31\x41\x59\x26\x53\x59"), rest) || bytes.HasPrefix([]byte("\x17\x72\x45\x38\x50\x90"), rest)
}

const block = 512 // bytes of a tar header

// isTar accepts a header by its magic or, as the oldest tars have none, by its
// check sum.
func isTar(b []byte) bool {
	if len(b) < block {
		return false
	}
	b = b[:block]
	if string(b[257:262]) == "ustar" {
		return true
	}
	field := bytes.Trim(b[148:156], " \x00")
	want, err := strconv.ParseInt(string(field), 8, 64)
	sum := int64(0)
	for i, c := range b {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int64(c)
	}
	return err == nil && sum == want
}

// isEmptyTar recognises the end of an archive alone: blocks of zeros. Only a whole
// document can tell, as a bomb may begin like that.
func isEmptyTar(b []byte) bool {
	return len(b) >= 2*block && len(b)%block == 0 && len(b) <= 1<<20 && len(bytes.Trim(b, "\x00")) == 0
}
