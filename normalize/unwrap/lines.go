package unwrap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// several reports whether b holds more than one JSON value: JSON Lines, or values one after the other.
// Its price for the one document that nearly everything is, are two searches for one byte.
func several(b []byte) bool {
	start := skipSpace(b, 0)
	if start >= len(b) || b[start] != '{' && b[start] != '[' {
		return false
	}
	var ahead lookout
	if ahead.look(b); ahead.lines {
		return true // as it would be found to be while it is read
	}
	// In one JSON value no bracket opens right after one that closes: there is a comma between them.
	// Where two seem to meet it may be in a text, so only then the whole value is passed over.
	if !meet(b, start+1, '{') && !meet(b, start+1, '[') {
		return false
	}
	end := skipValue(b, start)
	if end < 0 {
		return false
	}
	next := skipSpace(b, end)
	return next < len(b) && (b[next] == '{' || b[next] == '[')
}

// meet reports whether somewhere from i on the bracket opens after one that closes, with nothing but
// white space between them. Brackets are far apart in documents, so that nearly all bytes are passed
// over by a search for one byte.
func meet(b []byte, i int, bracket byte) bool {
	for {
		n := bytes.IndexByte(b[i:], bracket)
		if n < 0 {
			return false
		}
		i += n
		before := i - 1
		for before > 0 && (b[before] == ' ' || b[before] == '\n' || b[before] == '\r' || b[before] == '\t') {
			before--
		}
		if before >= 0 && (b[before] == '}' || b[before] == ']') {
			return true
		}
		i++
	}
}

// lineIsWhole reports whether the first line that is not blank is a JSON value, and is not all there is.
func lineIsWhole(b []byte) bool {
	line, rest, found := bytes.Cut(b[skipSpace(b, 0):], []byte("\n"))
	if !found {
		return false
	}
	line = bytes.TrimSpace(line)
	return skipValue(line, 0) == len(line) && len(line) > 0 && (line[len(line)-1] == '}' || line[len(line)-1] == ']') && skipSpace(rest, 0) < len(rest)
}

// values yields each of several JSON values, with the number of the line that it begins at.
func (w *walker) values(it item, b []byte) error {
	if lineIsWhole(b) {
		return w.lines(it, bufio.NewReaderSize(bytes.NewReader(b), peek))
	}
	line, given := 1, 0
	for i := skipSpace(b, 0); i < len(b); {
		if given++; given > w.lim.MaxEntries {
			return w.tooMany(it)
		}
		line += bytes.Count(b[:i], []byte("\n"))
		b = b[i:]
		end := skipValue(b, 0)
		if end <= 0 {
			end = len(b) // cut off: its reader says where
		}
		if err := w.whole(it.atLine(line), bytes.Clone(b[:end])); err != nil {
			return err
		}
		if w.over() {
			return nil
		}
		i = skipSpace(b, end)
	}
	return nil
}

// atLine is the item that begins at a line of it.
func (it item) atLine(line int) item {
	it.origin = fmt.Sprintf("%s:%d", it.origin, line)
	it.line, it.several = line, true
	it.at, it.raw = nil, nil
	return it
}

// lines yields each line of r that is not blank. A line that is no JSON is its own trouble.
func (w *walker) lines(it item, r *bufio.Reader) error {
	buf := w.scratch[:0]
	w.scratch = nil // whoever is inside has another one
	defer func() { w.keep(buf) }()
	given := 0
	for line := 1; ; line++ {
		buf = buf[:0]
		var err error
		long := false
		for {
			var part []byte
			part, err = r.ReadSlice('\n')
			if int64(len(buf)+len(part)) > w.lim.MaxBytes+1 {
				long, part = true, nil
			}
			buf = append(buf, part...)
			if !errors.Is(err, bufio.ErrBufferFull) {
				break
			}
		}
		child := it.atLine(line)
		if err != nil && !errors.Is(err, io.EOF) {
			return w.trouble(child, nil, err)
		}
		switch text := bytes.TrimSpace(buf); {
		case long:
			if err := w.give(child, nil, w.tooLarge()); err != nil {
				return err
			}
		case len(text) > 0:
			if given++; given > w.lim.MaxEntries {
				return w.tooMany(it)
			}
			if err := w.whole(child, bytes.Clone(text)); err != nil {
				return err
			}
		}
		if err != nil || w.over() {
			return nil
		}
	}
}

// lookout watches for JSON Lines while what may be a document is read: they may be larger than one
// document may be, so they are read line by line.
type lookout struct {
	decided, lines bool
	start          int // of what is no white space
	searched       int
}

// look is told all that was read so far.
func (l *lookout) look(b []byte) {
	if l.decided {
		return
	}
	l.start = skipSpace(b, l.start)
	start := l.start
	if start == len(b) {
		return
	}
	if b[start] != '{' {
		l.decided = true
		return
	}
	from := max(start, l.searched)
	n := bytes.IndexByte(b[from:], '\n')
	if l.searched = len(b); n < 0 {
		return
	}
	l.searched = from
	line := bytes.TrimSpace(b[start : from+n])
	next := skipSpace(b, from+n)
	switch {
	case line[len(line)-1] != '}':
		l.decided = true
	case next < len(b):
		l.decided, l.lines = true, b[next] == '{' && skipValue(line, 0) == len(line)
	}
}

// passOver yields an entry that is no document, and no trouble either.
func (w *walker) passOver(it item, b []byte, what string) error {
	if e := w.ctx.Err(); e != nil {
		return e
	}
	e := Entry{Origin: it.origin, Bytes: b, ModTime: it.modTime, Index: w.index, Line: it.line, Pass: what}
	w.index++
	return w.yield(e)
}
