package partitions

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/klauspost/compress/zstd"
)

// manifestFormat names the form of export files, so that a later one can be told apart.
const manifestFormat = "sluice partition 1"

// Column is one column of an exported table.
type Column struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	NotNull bool   `json:"not_null"`
}

// Manifest stands beside an exported partition, FILE.json. The file is what
// `COPY table (columns) TO STDOUT` writes, compressed by zstd: a line per row.
type Manifest struct {
	Format    string    `json:"format"`
	Parent    string    `json:"parent"`
	Partition string    `json:"partition"`
	From      string    `json:"from"` // inside; RFC 3339, or -infinity
	To        time.Time `json:"to"`   // outside
	Key       string    `json:"key"`  // the column that the bounds are of
	Columns   []Column  `json:"columns"`
	// Definition makes a table that the file can be copied into, without Sluice.
	Definition string `json:"definition"`

	File       string `json:"file"`
	FileBytes  int64  `json:"file_bytes"`
	FileSHA256 string `json:"file_sha256"`
	Digest
	Server     string    `json:"server_version"`
	ExportedAt time.Time `json:"exported_at"`
}

// Digest says what rows there are, in whatever order.
type Digest struct {
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"` // of the lines, uncompressed
	// RowsSum is the sum of the SHA-256 of every line without its end, as big-endian
	// numbers, modulo 2^256: the same for the same rows in any order.
	RowsSum string `json:"rows_sum"`
}

// digester computes a Digest of what COPY writes; it does not care where writes end.
type digester struct {
	rows, bytes int64
	sum         [4]uint64 // most significant first
	rest        []byte    // of a line whose end has not come yet
}

func (d *digester) Write(b []byte) (int, error) {
	n := len(b)
	d.bytes += int64(n)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			d.rest = append(d.rest, b...)
			return n, nil
		}
		line := b[:i]
		if len(d.rest) > 0 {
			d.rest = append(d.rest, line...)
			line = d.rest
		}
		h := sha256.Sum256(line)
		var carry uint64
		for k := 3; k >= 0; k-- {
			d.sum[k], carry = bits.Add64(d.sum[k], binary.BigEndian.Uint64(h[8*k:]), carry)
		}
		d.rows++
		d.rest, b = d.rest[:0], b[i+1:]
	}
}

func (d *digester) digest() Digest {
	var b [32]byte
	for k, v := range d.sum {
		binary.BigEndian.PutUint64(b[8*k:], v)
	}
	return Digest{Rows: d.rows, Bytes: d.bytes, RowsSum: hex.EncodeToString(b[:])}
}

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
	if err := m.conn.QueryRow(ctx, `select left(id::text, 8) from core.retired_partition where relid = $1 and state = 'detached'`, p.OID).Scan(&id); err != nil {
		return "", fmt.Errorf("record of the partition: %w", err)
	}
	path := filepath.Join(dir, exportName(p.name(), id))
	return path, m.note(ctx, p.OID, `file = $2`, path)
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

// verifyFile reads an exported partition and compares it with its manifest.
func verifyFile(path string, want Manifest) error {
	digest := &digester{}
	sum, err := readFile(path, digest)
	if err != nil {
		return err
	}
	if sum != want.FileSHA256 {
		return fmt.Errorf("%s: its SHA-256 is %s, and %s in the manifest; fetch it from a backup", path, sum, want.FileSHA256)
	}
	if got := digest.digest(); got != want.Digest {
		return fmt.Errorf("%s: it holds %d rows (sum %.12s), and %d (sum %.12s) in the manifest", path, got.Rows, got.RowsSum, want.Rows, want.RowsSum)
	}
	return nil
}

// readFile decompresses a file into w and returns the SHA-256 of the file itself.
func readFile(path string, w io.Writer) (sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	tee := io.TeeReader(f, h)
	z, err := zstd.NewReader(tee)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	defer z.Close()
	if _, err := io.Copy(w, z); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
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

// span are the bounds of the manifest.
func (m Manifest) span() (Span, error) {
	s := Span{To: m.To.UTC()}
	if m.From != "-infinity" {
		from, err := time.Parse(time.RFC3339Nano, m.From)
		if err != nil {
			return s, fmt.Errorf("bounds of the manifest: %w", err)
		}
		s.From = from.UTC()
	}
	if !s.From.Before(s.To) {
		return s, fmt.Errorf("bounds of the manifest: %s is not before %s", m.From, m.To)
	}
	return s, nil
}

// holdUntil is when a partition that is attached now may be retired again.
func holdUntil(now time.Time, hold time.Duration) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: now.Add(hold), Valid: hold > 0}
}
