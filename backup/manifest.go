package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// manifest is PostgreSQL's list of the files of a backup.
type manifest struct {
	Version int          `json:"PostgreSQL-Backup-Manifest-Version"`
	System  json.Number  `json:"System-Identifier"` // from version 2 on
	Files   []listedFile `json:"Files"`
	Sum     string       `json:"Manifest-Checksum"`
}

type listedFile struct {
	Path      string `json:"Path"`
	Encoded   string `json:"Encoded-Path"` // hexadecimal, where the name is no UTF-8
	Size      int64  `json:"Size"`
	Algorithm string `json:"Checksum-Algorithm"`
	Sum       string `json:"Checksum"`
}

// parseManifest reads it and checks its own checksum, which is that of all lines before the last.
func parseManifest(text []byte) (*manifest, error) {
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s: corrupted: %w", manifestName, err)
	}
	last := bytes.LastIndexByte(bytes.TrimRight(text, "\n"), '\n') + 1
	if sum := fmt.Sprintf("%x", sha256.Sum256(text[:last])); !strings.EqualFold(sum, m.Sum) {
		return nil, fmt.Errorf("%s: corrupted: its own checksum is another", manifestName)
	}
	return &m, nil
}

// seenFile is a file that came by in an archive.
type seenFile struct {
	size int64
	sum  string
}

// seen are the files of all archives, by their paths in the data folder.
type seen map[string]seenFile

// walDir is what the manifest does not list: the server checks WAL by itself.
const walDir = "pg_wal/"

// watch reads a tar and notes its files, those of a tablespace below pg_tblspc/OID. each, if set, is given every entry, and reads the files.
func (s seen) watch(r io.Reader, archive string, each func(name string, head *tar.Header, body io.Reader) error) error {
	below := ""
	if oid := strings.TrimSuffix(archive, ".tar"); oid != "base" {
		below = "pg_tblspc/" + oid + "/"
	}
	t := tar.NewReader(r)
	for {
		head, err := t.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, r) // what stands behind the end belongs to the sums
			return err
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		name := below + path.Clean(head.Name)
		var body io.Reader = t
		if head.Typeflag == tar.TypeReg {
			d := newDigest()
			body = io.TeeReader(t, d)
			if each == nil {
				_, err = io.Copy(io.Discard, body)
			} else {
				err = each(name, head, body)
			}
			s[name] = seenFile{d.n, d.sum()}
		} else if each != nil {
			err = each(name, head, body)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// compare finds the files that are not as the manifest lists them.
func (m *manifest) compare(s seen) error {
	var wrong []error
	listed := map[string]bool{}
	for _, f := range m.Files {
		name := f.Path
		if f.Encoded != "" {
			var raw []byte
			if _, err := fmt.Sscanf(f.Encoded, "%x", &raw); err != nil {
				return fmt.Errorf("%s: corrupted: path %q", manifestName, f.Encoded)
			}
			name = string(raw)
		}
		listed[name] = true
		got, ok := s[name]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Errorf("%s is missing", name))
		case got.size != f.Size:
			wrong = append(wrong, fmt.Errorf("%s has %d bytes, the manifest says %d", name, got.size, f.Size))
		case f.Algorithm != "SHA256":
			wrong = append(wrong, fmt.Errorf("%s has a checksum by %q, not SHA-256", name, f.Algorithm))
		case !strings.EqualFold(got.sum, f.Sum):
			wrong = append(wrong, fmt.Errorf("%s has another checksum than the manifest", name))
		}
	}
	var more []string
	for name := range s {
		if !listed[name] && !strings.HasPrefix(name, walDir) {
			more = append(more, name)
		}
	}
	slices.Sort(more)
	for _, name := range more {
		wrong = append(wrong, fmt.Errorf("%s is not in the manifest", name))
	}
	if len(wrong) > 5 {
		wrong = append(wrong[:5], fmt.Errorf("and %d more", len(wrong)-5))
	}
	return errors.Join(wrong...)
}
