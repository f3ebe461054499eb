package partitions

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"os"
	"strings"
	"time"

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

// ReadManifest reads the manifest of an exported partition, of which the data file or the
// manifest itself may be named.
func ReadManifest(path string) (file string, m Manifest, err error) {
	file = strings.TrimSuffix(path, ".json")
	b, err := os.ReadFile(file + ".json")
	if err != nil {
		return file, m, fmt.Errorf("manifest: %w", err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return file, m, fmt.Errorf("manifest %s.json: %w", file, err)
	}
	if m.Format != manifestFormat {
		return file, m, fmt.Errorf("manifest %s.json is of format %q; this program knows %q", file, m.Format, manifestFormat)
	}
	return file, m, nil
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
