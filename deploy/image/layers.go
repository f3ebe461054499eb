package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is whom the program runs as. A number, because Kubernetes refuses a name with runAsNonRoot.
const user = 10001

const (
	programPath = "usr/local/bin/sluice"
	sbomPath    = "usr/share/sbom/sluice.cdx.json"
	rootsPath   = "etc/ssl/certs/ca-certificates.crt"
)

// entry is a file of a layer, or a folder when its name ends with a slash.
type entry struct {
	name string
	mode int64
	data []byte
}

// roots are what every program expects to find in a file system, as far as this one looks.
func roots() []entry {
	var certificates bytes.Buffer
	for root := range bundle.Roots() {
		// An authority that is trusted for some certificates only: a PEM file cannot say so.
		if root.Constraint != nil {
			continue
		}
		// Encoding to a buffer cannot fail.
		_ = pem.Encode(&certificates, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
	}
	return []entry{
		{"etc/", 0o755, nil},
		{"etc/group", 0o644, fmt.Appendf(nil, "root:x:0:\nsluice:x:%d:\n", user)},
		{"etc/passwd", 0o644, fmt.Appendf(nil, "root:x:0:0::/:/sbin/nologin\nsluice:x:%d:%[1]d::/:/sbin/nologin\n", user)},
		{"etc/ssl/", 0o755, nil},
		{"etc/ssl/certs/", 0o755, nil},
		{rootsPath, 0o644, certificates.Bytes()},
		{"tmp/", 0o1777, nil}, // for a volume: the image is read-only where it is run as in deploy/
	}
}

// sluice is the program and what it consists of.
func sluice(program, sbom []byte) []entry {
	return []entry{
		{"usr/", 0o755, nil},
		{"usr/local/", 0o755, nil},
		{"usr/local/bin/", 0o755, nil},
		{programPath, 0o755, program},
		{"usr/share/", 0o755, nil},
		{"usr/share/sbom/", 0o755, nil},
		{sbomPath, 0o644, sbom},
	}
}

// layer packs entries in their order, all of them of root and of the beginning of time.
func layer(entries []entry) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, e := range entries {
		header := &tar.Header{
			Name: e.name, Mode: e.mode, Size: int64(len(e.data)), Typeflag: tar.TypeReg,
			ModTime: time.Unix(0, 0).UTC(), Format: tar.FormatUSTAR,
		}
		if e.data == nil {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(packed.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
}
