package detect

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
)

// realSBOMs returns up to limit bytes of real SBOMs.
func realSBOMs(tb testing.TB, limit int) (docs [][]byte, size int64) {
	tb.Helper()
	f, err := os.Open(filepath.Join(testdocs.Corpora(tb), "load", "real-sboms.tar.zst"))
	if err != nil {
		tb.Skip(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	for t := tar.NewReader(z); size < int64(limit); {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			tb.Fatal(err)
		}
		b, err := io.ReadAll(t)
		if err != nil {
			tb.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg && len(bytes.TrimSpace(b)) > 0 {
			docs = append(docs, b)
			size += int64(len(b))
		}
	}
	return docs, size
}

func BenchmarkScan(b *testing.B) {
	docs, size := realSBOMs(b, 60<<20)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, d := range docs {
			if _, err := Scan(d, normalize.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkMeaningHash(b *testing.B) {
	m := normalize.MeaningOf(cyclonedx.JSON{})
	docs, size := realSBOMs(b, 60<<20)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, d := range docs {
			if _, err := MeaningHash(d, m); err != nil {
				b.Fatal(err)
			}
		}
	}
}
