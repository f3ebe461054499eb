package unwrap

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"sluice/normalize"
)

// tar unwraps an archive entry by entry. An entry that cannot be unwrapped does
// not keep the next from being read; a stream that fails does.
func (w *walker) tar(it item) error {
	t := tar.NewReader(it.r)
	r := bufio.NewReaderSize(nil, 4<<10)
	given, seen := 0, 0
	for {
		h, err := t.Next()
		if err == nil && it.layer == 0 {
			// Nothing decompressed these bytes, so nothing else counts them.
			err = w.count(max(0, h.Size))
		}
		switch {
		case errors.Is(err, io.EOF):
			more, err := afterTar(it.r)
			switch {
			case more: // archives are put together with cat
				t = tar.NewReader(it.r)
				continue
			case err != nil:
				return w.trouble(it, it.rawBytes(), fmt.Errorf("tar archive, after %d entries: %w", seen, err))
			case given == 0:
				return w.emptyArchive(it)
			}
			return nil
		case errors.Is(err, tar.ErrInsecurePath):
			// Only a name; nothing is written anywhere.
		case err != nil:
			return w.trouble(it, it.rawBytes(), fmt.Errorf("tar archive, entry %d: %w", seen, err))
		}
		if seen++; seen > w.lim.MaxEntries {
			return w.tooMany(it)
		}
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeCont && h.Typeflag != tar.TypeGNUSparse || skipped(h.Name) {
			continue
		}
		given++
		child := item{
			origin:  inside(it.origin, h.Name),
			stream:  &stream{w: w, parent: it.stream, r: t, name: "tar entry"},
			size:    h.Size,
			modTime: h.ModTime,
			layer:   it.layer + 1,
			around:  it.around,
		}
		if sparse(h) {
			// A few bytes can claim gigabytes of holes, and no tool writes documents like this.
			if err := w.give(child, nil, normalize.Park(normalize.ReasonUnreadable, "", "a sparse file in a tar archive; pack it again without --sparse")); err != nil {
				return err
			}
			continue
		}
		r.Reset(child.stream)
		child.r = r
		if err := w.unwrap(child); err != nil {
			return err
		}
		// Whatever failed below has been reported by the entry that met it.
		if child.stream.err != nil || w.over() {
			return nil
		}
	}
}

// afterTar reads what follows the end of an archive: zeros up to the end of the
// stream, whose check sum is verified by that, or another archive.
func afterTar(r *bufio.Reader) (more bool, err error) {
	const most = 16 << 20 // of zeros; tapes were padded to less
	for n := 0; ; n += block {
		b, err := r.Peek(block)
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return false, err
		case isTar(b):
			return true, nil
		case len(bytes.Trim(b, "\x00")) > 0 || n > most:
			return false, errors.New("what follows the archive is not tar; it is not read")
		case err != nil:
			return false, nil
		}
		if _, err := r.Discard(block); err != nil {
			return false, err
		}
	}
}

func sparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}
