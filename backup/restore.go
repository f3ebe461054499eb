package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"sluice/backup/storage"
)

// Source is a backup and the moment that is restored from it.
type Source struct {
	Store  storage.Store
	Keys   Keys
	Backup Backup
	Target Target
}

// Find chooses the backup for a moment: the newest that ended before it, or the one of that id.
func Find(ctx context.Context, store storage.Store, keys Keys, system, id string, t Target) (Source, error) {
	s := Source{Store: store, Keys: keys, Target: t}
	r, err := OpenRepository(ctx, store, system)
	if err != nil {
		return s, err
	}
	if id != "" {
		s.Backup, err = r.Find(id)
	} else {
		s.Backup, err = r.Before(t)
	}
	if err == nil && s.Backup.Encryption == "age" && !keys.CanRead() {
		err = fmt.Errorf("backup %s is encrypted: give the identity with --backup-identity", s.Backup.ID)
	}
	return s, err
}

// Filled is what Fill has put into a folder.
type Filled struct {
	Files    int   `json:"files"`
	Segments int   `json:"wal_files"`
	Bytes    int64 `json:"bytes"` // read from the store
}

// Fill puts the files of the backup into data, which is empty, and all WAL on the way to the target into its
// pg_wal; tablespaces go into folders below beside, by their numbers. Every file is compared with PostgreSQL's manifest on the way.
func (s Source) Fill(ctx context.Context, data, beside string) (Filled, error) {
	var out Filled
	root, err := os.OpenRoot(data)
	if err != nil {
		return out, err
	}
	defer root.Close()
	files := seen{}
	var manifestText bytes.Buffer
	for _, p := range s.Backup.Objects {
		into, below := root, ""
		if p.Archive != manifestName && p.Tablespace != "" {
			oid := strings.TrimSuffix(p.Archive, ".tar")
			dir := filepath.Join(beside, oid)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return out, err
			}
			space, err := os.OpenRoot(dir)
			if err != nil {
				return out, err
			}
			defer space.Close()
			into, below = space, "pg_tblspc/"+oid+"/"
		}
		err := eachPart(ctx, s.Store, s.Keys, s.Backup, p, true, func(r io.Reader) error {
			if p.Archive == manifestName {
				_, err := io.Copy(&manifestText, r)
				return err
			}
			return files.watch(r, p.Archive, func(name string, head *tar.Header, body io.Reader) error {
				return extract(into, strings.TrimPrefix(name, below), head, body)
			})
		})
		if err != nil {
			return out, err
		}
		out.Bytes += p.Bytes
	}
	m, err := parseManifest(manifestText.Bytes())
	if err == nil {
		err = m.compare(files)
	}
	if err != nil {
		return out, fmt.Errorf("%s: %w", s.Backup.dir(), err)
	}
	out.Files = len(files)
	if err := s.mapTablespaces(root, beside); err != nil {
		return out, err
	}
	return out, s.fillWAL(ctx, root, &out)
}

// extract writes one entry of an archive. root keeps what an archive says from leading out of it.
func extract(root *os.Root, name string, head *tar.Header, body io.Reader) error {
	switch head.Typeflag {
	case tar.TypeDir:
		err := root.MkdirAll(name, 0o700)
		if errors.Is(err, fs.ErrExist) {
			err = nil
		}
		return err
	case tar.TypeSymlink:
		if strings.HasPrefix(name, "pg_tblspc/") {
			return nil // made anew by the server, from tablespace_map
		}
		return errors.New("a link, where PostgreSQL has none")
	case tar.TypeReg:
		if dir := filepath.Dir(name); dir != "." {
			if err := root.MkdirAll(dir, 0o700); err != nil {
				return err
			}
		}
		return write(root, name, body)
	}
	return fmt.Errorf("an entry of kind %q, which PostgreSQL does not make", head.Typeflag)
}

func write(root *os.Root, name string, body io.Reader) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("no space left in %s: a restore needs as much as the database, and the WAL since the backup", root.Name())
	}
	return err
}

// mapTablespaces tells the server where its tablespaces are now.
func (s Source) mapTablespaces(root *os.Root, beside string) error {
	var b strings.Builder
	for _, p := range s.Backup.Objects {
		if p.Tablespace == "" {
			continue
		}
		oid := strings.TrimSuffix(p.Archive, ".tar")
		fmt.Fprintf(&b, "%s %s\n", oid, filepath.Join(beside, oid))
	}
	if b.Len() == 0 {
		return nil
	}
	return write(root, "tablespace_map", strings.NewReader(b.String()))
}

// fillWAL puts the archived WAL into pg_wal.
func (s Source) fillWAL(ctx context.Context, root *os.Root, out *Filled) error {
	if s.Backup.WAL == None {
		return nil
	}
	a, err := readArchive(ctx, s.Store, s.Keys, s.Backup.System, s.Backup.Segment)
	if err != nil {
		return err
	}
	list, err := a.needed(s.Backup, s.Target)
	if err != nil {
		return err
	}
	next := segmentOf(0, s.Backup.Start, a.size).number
	for _, seg := range list {
		// Where a timeline begins, its segment stands beside the one that it was copied from.
		if seg.number > next {
			miss := segment{seg.timeline, next}
			return fmt.Errorf("%w; what was before can be restored with --lsn %s", gap{walObject(s.Backup.System, miss.name(a.size)), "the WAL from " + miss.start(a.size).String() + " on"}, miss.start(a.size)-1)
		}
		next = seg.number + 1
		if err := s.putFile(ctx, root, a.segments[seg], out); err != nil {
			return err
		}
	}
	if stop := lastSegment(0, s.Backup.Stop, a.size).number; next <= stop && len(list) > 0 {
		return fmt.Errorf("%w", gap{walObject(s.Backup.System, segment{s.Backup.Timeline, next}.name(a.size)), "backup " + s.Backup.ID + " needs it"})
	}
	for _, timeline := range slices.Sorted(maps.Keys(a.histories)) {
		if s.Target.Timeline != 0 && timeline > s.Target.Timeline {
			continue
		}
		if err := s.putFile(ctx, root, a.histories[timeline], out); err != nil {
			return err
		}
	}
	return nil
}

func (s Source) putFile(ctx context.Context, root *os.Root, o storage.Object, out *Filled) error {
	head, plain, err := readWAL(ctx, s.Store, s.Keys, o.Name)
	if err != nil {
		return err
	}
	if plain == nil {
		return fmt.Errorf("%s: it is encrypted: give the identity with --backup-identity", o.Name)
	}
	out.Segments++
	out.Bytes += o.Bytes
	return write(root, walDir+head.File, bytes.NewReader(plain))
}

// Folder restores into a data folder for a server of one's own, which recovers to the target when it is started. The
// folder must be missing or empty; it appears whole or not at all.
func (s Source) Folder(ctx context.Context, dir string) (Filled, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Filled{}, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Filled{}, fmt.Errorf("restore: %s is there and not empty", dir)
	}
	half, unlock, err := lockedFolder(dir + ".restoring")
	if err != nil {
		return Filled{}, err
	}
	defer unlock()
	defer os.RemoveAll(half)
	spaces := dir + ".tablespaces"
	if _, err := os.Lstat(spaces); err == nil {
		return Filled{}, fmt.Errorf("restore: %s is in the way", spaces)
	}
	out, err := s.Fill(ctx, half, spaces)
	if err != nil {
		os.RemoveAll(spaces)
		return out, err
	}
	if err := s.recoverySettings(half); err != nil {
		return out, err
	}
	_ = os.Remove(dir) // an empty one
	return out, os.Rename(half, dir)
}

func (s Source) recoverySettings(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "postgresql.auto.conf"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	fmt.Fprintf(f, "\n# Written by sluice backup restore, %s to %s.\n", s.Backup.ID, s.Target)
	settings := s.Target.settings()
	// Where a setting stands twice the last counts, and one of an earlier restore would go on counting.
	for _, name := range []string{"recovery_target", "recovery_target_name", "recovery_target_time", "recovery_target_lsn", "recovery_target_xid"} {
		if _, ok := settings[name]; !ok {
			fmt.Fprintf(f, "%s = ''\n", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(f, "%s = '%s'\n", name, settings[name])
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "recovery.signal"), nil, 0o600)
	}
	return err
}

// Settings are for a server that recovers to the target with the files of Fill.
func (s Source) Settings() map[string]string { return s.Target.settings() }
