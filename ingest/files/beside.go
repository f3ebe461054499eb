package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice/normalize"
	"sluice/normalize/seal"
	"sluice/normalize/unwrap"
)

// What may lie beside a file and vouch for it, by what follows its name.
var besides = []string{".sha256", ".sha512", ".asc", ".sigstore.json", ".sigstore"}

// vouching is the name of the file that path vouches for, "" where it is no such thing by its name.
func vouching(path string) string {
	for _, suffix := range besides {
		if name, ok := strings.CutSuffix(path, suffix); ok {
			return name
		}
	}
	return ""
}

// neighbours are the files of one folder that vouch for others. Folders are read one after the other, so that the last
// one is enough to remember.
type neighbours struct {
	dir   string
	names map[string]bool
}

// of returns which suffixes path has neighbours with. One look at a folder is cheaper than five at each of its files.
func (n *neighbours) of(path string) (suffixes []string) {
	dir := filepath.Dir(path)
	if n.names == nil || n.dir != dir {
		n.dir, n.names = dir, map[string]bool{}
		f, err := os.Open(dir)
		if err != nil {
			return nil // whoever reads the folder says so
		}
		defer f.Close()
		for {
			list, err := f.Readdirnames(1000)
			for _, name := range list {
				if vouching(name) != "" {
					n.names[name] = true
				}
			}
			if err != nil {
				break
			}
		}
	}
	for _, suffix := range besides {
		if n.names[filepath.Base(path)+suffix] {
			suffixes = append(suffixes, suffix)
		}
	}
	return suffixes
}

// maxBeside is how large a file that vouches for another may be.
const maxBeside = 1 << 20

// beside checks a file against the check sums that lie beside it, and finds the signature. The file's own bytes are
// returned where it is no larger than a document may be: they are what is parked, and what is signed.
func (s *Source) beside(ctx context.Context, path string, suffixes []string) (content []byte, vouched *seal.Seal, err error) {
	sums := map[string]hash.Hash{".sha256": sha256.New(), ".sha512": sha512.New()}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, cannotRead(err)
	}
	defer f.Close()
	var kept bytes.Buffer
	limit := s.cfg.Limits.OrDefault().MaxBytes
	sinks := []io.Writer{&upTo{&kept, limit}}
	for _, suffix := range suffixes {
		if h := sums[suffix]; h != nil {
			sinks = append(sinks, h)
		}
	}
	if _, err := io.Copy(io.MultiWriter(sinks...), withContext{ctx, f}); err != nil {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, cannotRead(err)
	}
	if content = kept.Bytes(); int64(len(content)) > limit {
		content = nil
	}
	for _, suffix := range suffixes {
		name := path + suffix
		b, err := readSmall(name)
		if err != nil {
			return content, nil, normalize.Park(normalize.ReasonUnreadable, "", "%s, which vouches for it: %w", filepath.Base(name), err)
		}
		if h := sums[suffix]; h != nil {
			if err := compareSum(filepath.Base(path), filepath.Base(name), b, h); err != nil {
				return content, nil, err
			}
			continue
		}
		if content == nil || vouched != nil && vouched.Kind == seal.OpenPGP {
			continue
		}
		if suffix == ".asc" {
			vouched = seal.NewDetached(b, content)
		} else if detached := unwrap.Detached(b, content); detached != nil {
			vouched = detached
		}
	}
	return content, vouched, nil
}

// compareSum holds a file to what a check sum file says of it: the line that names it, else the first.
func compareSum(file, name string, content []byte, h hash.Hash) error {
	got := h.Sum(nil)
	var want []byte
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		sum, err := hex.DecodeString(fields[0])
		if err != nil || len(sum) != len(got) {
			continue
		}
		named := len(fields) > 1 && filepath.Base(strings.TrimPrefix(fields[len(fields)-1], "*")) == file
		if want == nil || named {
			want = sum
		}
		if named {
			break
		}
	}
	switch {
	case want == nil:
		return normalize.Park(normalize.ReasonHash, "", "%s beside it holds no check sum; fetch both again", name)
	case !bytes.Equal(got, want):
		return normalize.Park(normalize.ReasonHash, "", "its check sum is %x, and %s beside it says %x; fetch both again", got, name, want)
	}
	return nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBeside+1))
	if err == nil && len(b) > maxBeside {
		err = fmt.Errorf("more than %d bytes", maxBeside)
	}
	return b, err
}

// upTo keeps what fits, and one byte more to know that it did not.
type upTo struct {
	b     *bytes.Buffer
	limit int64
}

func (u *upTo) Write(p []byte) (int, error) {
	if room := u.limit + 1 - int64(u.b.Len()); room > 0 {
		u.b.Write(p[:min(int64(len(p)), room)])
	}
	return len(p), nil
}

// withContext stops reading when the context ends.
type withContext struct {
	ctx context.Context
	r   io.Reader
}

func (w withContext) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}
