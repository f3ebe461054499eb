package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"sluice/backup/storage"
)

// Verified is what Verify has looked at.
type Verified struct {
	Backups  int   `json:"backups"`
	Segments int   `json:"wal_files"`
	Bytes    int64 `json:"bytes"`
	// Opened: everything was decrypted, decompressed and compared with PostgreSQL's own checksums. Else, without
	// an identity, only what is stored was compared with what was written.
	Opened     bool `json:"opened"`
	Unfinished int  `json:"unfinished"` // not backups: killed, or being made
}

// Verify reads everything that is needed to restore and compares it with what was written. The error
// joins all that is wrong, each with the name of its object. Without an id it looks at all backups and all WAL.
func Verify(ctx context.Context, store storage.Store, keys Keys, system, id string) (Verified, error) {
	var v Verified
	r, err := OpenRepository(ctx, store, system)
	if err != nil {
		return v, err
	}
	backups := r.Backups
	if id != "" {
		b, err := r.Find(id)
		if err != nil {
			return v, err
		}
		backups = []Backup{b}
	}
	v.Unfinished, v.Opened = len(r.Halves), true
	if len(backups) == 0 {
		_, err := r.Find("")
		return v, err
	}
	var wrong []error
	for _, b := range backups {
		v.Backups++
		n, err := verifyBackup(ctx, store, keys, b)
		v.Bytes += n
		v.Opened = v.Opened && (b.Encryption == "none" || keys.CanRead())
		if err := errors.Join(err, ctx.Err()); err != nil {
			wrong = append(wrong, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return v, err
	}
	a, err := readArchive(ctx, store, keys, r.System, backups[0].Segment)
	if err != nil {
		return v, errors.Join(append(wrong, err)...)
	}
	for _, g := range a.missing(r.System, backups) {
		wrong = append(wrong, g)
	}
	first := segmentOf(0, backups[0].Start, a.size).number
	for s, o := range a.segments {
		if s.number < first {
			continue // of backups that are gone, or not asked for
		}
		head, _, err := readWAL(ctx, store, keys, o.Name)
		v.Segments++
		v.Bytes += o.Bytes
		v.Opened = v.Opened && (head.Encryption == "none" || keys.CanRead())
		if err := errors.Join(err, ctx.Err()); err != nil {
			wrong = append(wrong, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return v, errors.Join(wrong...)
}

// verifyBackup reads the objects of a backup, and compares the files in them with the manifest where a key opens them.
func verifyBackup(ctx context.Context, store storage.Store, keys Keys, b Backup) (n int64, err error) {
	opens := b.Encryption == "none" || keys.CanRead()
	var wrong []error
	s := seen{}
	var text bytes.Buffer
	for _, p := range b.Objects {
		err := eachPart(ctx, store, keys, b, p, opens, func(r io.Reader) error {
			if p.Archive == manifestName {
				_, err := io.Copy(&text, r)
				return err
			}
			return s.watch(r, p.Archive, nil)
		})
		n += p.Bytes
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 || !opens {
		return n, errors.Join(wrong...)
	}
	m, err := parseManifest(text.Bytes())
	if err == nil {
		err = m.compare(s)
	}
	if err != nil {
		return n, fmt.Errorf("%s: %w", b.dir()+markerName, err)
	}
	return n, nil
}

// eachPart reads one object of a backup through, opened where opens says so, and checks its size and
// sum. What use makes of it counts only when eachPart returns nil.
func eachPart(ctx context.Context, store storage.Store, keys Keys, b Backup, p Part, opens bool, use func(io.Reader) error) error {
	name := b.dir() + p.Name
	f, err := store.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: missing: backup %s needs it", name, b.ID)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer f.Close()
	d := newDigest()
	stored := io.TeeReader(f, d)
	var uses error
	if opens {
		var o *opener
		if o, uses = keys.open(stored, b.Encryption); uses == nil {
			plain := newDigest()
			uses = use(io.TeeReader(o, plain))
			o.Close()
			if uses == nil && plain.n != p.Plain {
				uses = fmt.Errorf("opens to %d bytes, and was written with %d", plain.n, p.Plain)
			}
		}
	}
	// To the end, whatever use made of it: a damaged object is told from a wrong key.
	if _, err := io.Copy(io.Discard, stored); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: missing: backup %s needs it", name, b.ID)
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	if sum := d.sum(); d.n != p.Bytes || sum != p.SHA256 {
		return fmt.Errorf("%s: corrupted: it has %d bytes with SHA-256 %.12s…, and was written with %d and %.12s…", name, d.n, sum, p.Bytes, p.SHA256)
	}
	if uses != nil {
		return fmt.Errorf("%s: %w", name, uses)
	}
	return nil
}
