package files_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/ingest/sourcetest"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestContractOfAFolder(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	sourcetest.Run(t, func(t *testing.T, documents [][]byte) sourcetest.Fixture {
		dir := t.TempDir()
		for i, d := range documents {
			write(t, filepath.Join(dir, fmt.Sprintf("%02d.json", i)), d)
		}
		return fixture(t, db, dir)
	})
}

func TestContractOfAnArchive(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	sourcetest.Run(t, func(t *testing.T, documents [][]byte) sourcetest.Fixture {
		path := filepath.Join(t.TempDir(), "documents.zip")
		write(t, path, zipOf(t, documents...))
		return fixture(t, db, path)
	})
}

// TestContractOfSeveralArguments reads a plain file, an archive and a folder.
func TestContractOfSeveralArguments(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	sourcetest.Run(t, func(t *testing.T, documents [][]byte) sourcetest.Fixture {
		dir := t.TempDir()
		one, some, rest := filepath.Join(dir, "one.json"), filepath.Join(dir, "some"), filepath.Join(dir, "rest")
		write(t, one, documents[0])
		write(t, some, zipOf(t, documents[1:4]...))
		for i, d := range documents[4:] {
			write(t, filepath.Join(rest, fmt.Sprint(i), "document"), d)
		}
		return fixture(t, db, one, some, rest)
	})
}

// fixture reads paths as one scan run that is taken up again and again.
func fixture(t *testing.T, db *dbtest.DB, paths ...string) sourcetest.Fixture {
	t.Helper()
	pool := db.Pool(t, pg.Ingest, ingest.PoolConfig(6))
	tenant := db.Tenant(t, strings.ToLower(filepath.Base(t.Name())))
	run, err := ingest.StartRun(t.Context(), pool, tenant, "file", paths)
	if err != nil {
		t.Fatal(err)
	}
	return sourcetest.Fixture{Pool: pool, Open: func(t *testing.T) ingest.Source {
		checkpoints, err := files.LoadCheckpoints(t.Context(), pool, tenant, run)
		if err != nil {
			t.Fatal(err)
		}
		src, err := files.Open(t.Context(), files.Config{Tenant: tenant, ScanRun: run, Paths: paths, Checkpoints: checkpoints})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(src.Close)
		return src
	}}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func zipOf(t *testing.T, documents ...[]byte) []byte {
	t.Helper()
	var names []string
	for i := range documents {
		names = append(names, fmt.Sprintf("%03d.json", i))
	}
	return zipNamed(t, names, documents...)
}

func zipNamed(t *testing.T, names []string, documents ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, d := range documents {
		w, err := z.Create(names[i])
		if err == nil {
			_, err = w.Write(d)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
