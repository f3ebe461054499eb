package partitions

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"
)

// exportName is the file name for a partition. The start of the record's id makes it one that
// no other retirement has, of this database or another that exports to the same folder.
func exportName(name, id string) string {
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == os.PathSeparator || r < ' ' {
			return '_'
		}
		return r
	}, name)
	return name + "-" + id + ".copy.zst"
}

// export writes a detached partition to a file. When it returns, the file and its manifest
// are on disk under their names and have been read back.
func (m *manager) export(ctx context.Context, t *table, p part, r retired) error {
	s := p.span()
	return m.do(ctx, Action{Kind: Exports, Parent: t.Parent, Partition: p.name(), Span: &s}, func(a *Action) error {
		path, err := m.exportPath(ctx, p, r)
		if err != nil {
			return err
		}
		if err := m.exec(ctx, unforceSQL(p.ident())); err != nil {
			return err
		}
		m.cfg.fault("export.opened")
		manifest := Manifest{
			Format: manifestFormat, Parent: t.Parent, Partition: p.name(), From: "-infinity", To: s.To,
			File: filepath.Base(path), ExportedAt: time.Now().UTC().Truncate(time.Second),
		}
		if !s.From.IsZero() {
			manifest.From = s.From.Format(time.RFC3339Nano)
		}
		err = pinned(ctx, m.conn, func(tx pgx.Tx) error {
			if manifest.Key, err = t.key(ctx, tx, t.ident); err != nil {
				return err
			}
			if manifest.Columns, err = columns(ctx, tx, p.ident()); err != nil {
				return err
			}
			manifest.Definition = definition(p.ident(), manifest.Columns)
			if err := tx.QueryRow(ctx, `select current_setting('server_version')`).Scan(&manifest.Server); err != nil {
				return err
			}
			manifest.Digest, manifest.FileBytes, manifest.FileSHA256, err = m.write(ctx, tx, path, copyOutSQL(p.ident(), manifest.Columns))
			return err
		})
		if err != nil {
			return err
		}
		if err := m.writeManifest(path, manifest); err != nil {
			return err
		}
		// The table is dropped next: what will be left is looked at, not what was sent to it.
		if err := verifyFile(path, manifest); err != nil {
			return err
		}
		m.cfg.fault("export.verified")
		a.File, a.Rows = path, manifest.Rows
		if err := m.note(ctx, p.OID, `state = 'exported', row_count = $2, sha256 = $3`, manifest.Rows, manifest.FileSHA256); err != nil {
			return err
		}
		m.cfg.fault("export.noted")
		return nil
	})
}

// exportPath is where the partition goes; it is written down before anything else is, so
// that the next pass writes over what this one leaves, and over nothing else.
func (m *manager) exportPath(ctx context.Context, p part, r retired) (string, error) {
	if m.cfg.ExportDir == "" {
		return "", errors.New("the policy says export, and no folder is given for that: use --export-dir")
	}
	dir, err := filepath.Abs(m.cfg.ExportDir)
	if err != nil {
		return "", err
	}
	if r.File != "" && filepath.Dir(r.File) == dir {
		return r.File, nil
	}
	var id string
	if err := m.conn.QueryRow(ctx, sqlRetiredID, p.OID).Scan(&id); err != nil {
		return "", fmt.Errorf("record of the partition: %w", err)
	}
	path := filepath.Join(dir, exportName(p.name(), id))
	return path, m.note(ctx, p.OID, `file = $2`, path)
}

// writable reports why nothing can be written to a folder, if so.
// CheckExportDir says what keeps this user from exporting partitions to a folder.
func CheckExportDir(dir string) error {
	who := fmt.Sprintf("user %d", os.Geteuid())
	if u, err := user.Current(); err == nil {
		who = "user " + u.Username
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %s: make it, for %s or whoever maintains to write to", dir, who)
	case err != nil:
		return fmt.Errorf("the folder for exports: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s is no folder", dir)
	}
	if err := writable(dir); err != nil {
		return fmt.Errorf("%s cannot write there: %w", who, err)
	}
	return nil
}

func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".sluice-*")
	if err != nil {
		return fmt.Errorf("the folder for exports: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// columns of a table that COPY takes: all but generated ones.
func columns(ctx context.Context, tx pgx.Tx, ident string) ([]Column, error) {
	rows, err := tx.Query(ctx, `
		select attname::text, format_type(atttypid, atttypmod), attnotnull from pg_attribute
		where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`, ident)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Column])
}

func columnList(list []Column) string {
	var names []string
	for _, c := range list {
		names = append(names, pgx.Identifier{c.Name}.Sanitize())
	}
	return strings.Join(names, ", ")
}

func definition(ident string, list []Column) string {
	var lines []string
	for _, c := range list {
		line := "  " + pgx.Identifier{c.Name}.Sanitize() + " " + c.Type
		if c.NotNull {
			line += " not null"
		}
		lines = append(lines, line)
	}
	return "create table " + ident + " (\n" + strings.Join(lines, ",\n") + "\n)"
}

func copyOutSQL(ident string, list []Column) string {
	return fmt.Sprintf("copy %s (%s) to stdout", ident, columnList(list))
}

// copyPin makes what COPY writes the same everywhere, and makes it fail rather than leave
// out rows that row security hides.
const copyPin = `set local row_security = off; set local bytea_output = 'hex'; set local extra_float_digits = 1; set local xmlbinary = 'base64'`

// write streams the table to path. The name appears when all of it is on disk.
func (m *manager) write(ctx context.Context, tx pgx.Tx, path, copySQL string) (d Digest, size int64, sum string, err error) {
	if _, err := tx.Exec(ctx, copyPin); err != nil {
		return d, 0, "", err
	}
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return d, 0, "", err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(path + ".tmp")
		}
	}()
	file := &counter{h: sha256.New(), w: f}
	z, err := zstd.NewWriter(file, zstd.WithEncoderConcurrency(2))
	if err != nil {
		return d, 0, "", err
	}
	digest := &digester{}
	tag, err := tx.Conn().PgConn().CopyTo(ctx, io.MultiWriter(digest, z), copySQL)
	if err != nil {
		_ = z.Close()
		return d, 0, "", fmt.Errorf("%s: %w", copySQL, err)
	}
	if err := z.Close(); err != nil {
		return d, 0, "", err
	}
	d = digest.digest()
	if d.Rows != tag.RowsAffected() {
		return d, 0, "", fmt.Errorf("%s: the server sent %d rows and %d lines", copySQL, tag.RowsAffected(), d.Rows)
	}
	m.cfg.fault("export.written")
	if err := f.Sync(); err != nil {
		return d, 0, "", err
	}
	if err := f.Close(); err != nil {
		return d, 0, "", err
	}
	m.cfg.fault("export.synced")
	if err := rename(path); err != nil {
		return d, 0, "", err
	}
	m.cfg.fault("export.renamed")
	return d, file.n, hex.EncodeToString(file.h.Sum(nil)), nil
}

// rename gives path.tmp its name, durably.
func rename(path string) error {
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

func (m *manager) writeManifest(path string, manifest Manifest) error {
	b, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".json.tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return rename(path + ".json")
}

// counter counts and hashes what goes to a file.
type counter struct {
	h hash.Hash
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	_, _ = c.h.Write(b[:n])
	return n, err
}
