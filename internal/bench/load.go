package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/fixtures"
	"sluice/normalize"
	"sluice/normalize/unwrap"
)

// load is one set of documents to measure with.
type load struct {
	name string
	dir  string
}

// What FilesConfig.Load may name.
const (
	Generated = "generated"
	Real      = "real"
)

// loads lays the documents out as files in dir: what a user imports, and no decompressor
// or generator is measured with it.
func (b FilesConfig) loads(ctx context.Context, dir string) ([]load, error) {
	var loads []load
	if b.Load != Real {
		l, err := b.generated(dir)
		if err != nil {
			return nil, err
		}
		loads = append(loads, l)
	}
	if b.Load == Generated {
		return loads, nil
	}
	l, err := b.real(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) && b.Load == "" {
		return loads, nil // the generated ones must do
	}
	return append(loads, l), err
}

func (b FilesConfig) generated(dir string) (load, error) {
	l := load{fmt.Sprintf("%d generated SBOMs of %d components", b.Documents, b.Components), filepath.Join(dir, Generated)}
	return l, fixtures.Load{Documents: b.Documents, Components: b.Components, Seed: 1}.Each(func(name string, doc []byte) error {
		return writeFile(filepath.Join(l.dir, name), doc)
	})
}

func (b FilesConfig) real(ctx context.Context, dir string) (load, error) {
	corpora := b.Corpora
	if corpora == "" {
		corpora = filepath.Join("..", "shared", "corpora")
	}
	archive := filepath.Join(corpora, "load", "real-sboms.tar.zst")
	f, err := os.Open(archive)
	if err != nil {
		return load{}, err
	}
	defer f.Close()
	unpacked, n := filepath.Join(dir, Real), 0
	err = unwrap.Walk(ctx, unwrap.Source{Origin: archive, Reader: f}, normalize.DefaultLimits, func(e unwrap.Entry) error {
		if e.Err != nil {
			return e.Err
		}
		n++
		return writeFile(filepath.Join(unpacked, fmt.Sprintf("%04d", n)), e.Bytes)
	})
	return load{fmt.Sprintf("%d real SBOMs", n), unpacked}, err
}

func writeFile(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}
