package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// made is the folder that `make image` wrote, which these tests look at.
func made(t *testing.T) *build {
	t.Helper()
	out, err := filepath.Abs("../../bin/image")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out, "index.json")); err != nil {
		t.Skip("there is no image yet: make image builds it, then runs these tests")
	}
	version, err := versionOf("../../cmd/sluice/version.go")
	if err != nil {
		t.Fatal(err)
	}
	return &build{source: "../..", out: out, version: version}
}

// contents reads the layout: the image for this architecture and what refers to it.
func contents(t *testing.T, b *build) (image v1.Image, referrer v1.Image) {
	t.Helper()
	top, err := layout.ImageIndexFromPath(b.out)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var referrers []v1.Image
	for _, d := range manifest.Manifests {
		if !d.MediaType.IsIndex() {
			r, err := top.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			referrers = append(referrers, r)
			continue
		}
		if got := d.Annotations["org.opencontainers.image.ref.name"]; got != b.version {
			t.Errorf("the index is named %q, want %q", got, b.version)
		}
		index, err := top.ImageIndex(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		platforms, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range platforms.Manifests {
			if p.Platform.OS == "linux" && p.Platform.Architecture == runtime.GOARCH {
				if image, err = index.Image(p.Digest); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if image == nil {
		t.Skipf("the image was built for other architectures than %s", runtime.GOARCH)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range referrers {
		m, err := r.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject != nil && m.Subject.Digest == digest && m.Config.MediaType == sbomType {
			referrer = r
		}
	}
	if referrer == nil {
		t.Fatal("no SBOM refers to the image")
	}
	return image, referrer
}

type file struct {
	*tar.Header
	data []byte
}

func extract(t *testing.T, image v1.Image) map[string]file {
	t.Helper()
	r := mutate.Extract(image)
	defer r.Close()
	files := map[string]file{}
	for packed := tar.NewReader(r); ; {
		header, err := packed.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(packed)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = file{header, data}
	}
}

func TestConfiguration(t *testing.T) {
	image, _ := contents(t, made(t))
	f, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := f.Config
	if c.User != "10001:10001" || !slices.Equal(c.Entrypoint, []string{"/usr/local/bin/sluice"}) || !slices.Equal(c.Cmd, []string{"serve"}) {
		t.Errorf("user %q, entry point %q, command %q", c.User, c.Entrypoint, c.Cmd)
	}
	if f.OS != "linux" || f.Architecture != runtime.GOARCH || !f.Created.IsZero() && f.Created.Unix() != 0 {
		t.Errorf("%s/%s of %s", f.OS, f.Architecture, f.Created)
	}
	for _, e := range c.Env {
		if key, _, _ := strings.Cut(e, "="); strings.Contains(key, "PASSWORD") || strings.Contains(key, "DATABASE_URL") {
			t.Errorf("the image sets %s", key)
		}
	}
}

// TestFiles: the image holds these files and no other; nothing that starts a shell, nothing that
// its user may change, nothing that runs with another's rights.
func TestFiles(t *testing.T) {
	image, _ := contents(t, made(t))
	want := map[string]bool{}
	for _, e := range append(roots(), sluice(nil, nil)...) {
		want[e.name] = true
	}
	files := extract(t, image)
	for name, f := range files {
		if !want[name] && !want[name+"/"] {
			t.Errorf("the image holds %s", name)
		}
		switch mode := f.FileInfo().Mode(); {
		case f.Uid != 0 || f.Gid != 0:
			t.Errorf("%s belongs to %d:%d, who could change it", name, f.Uid, f.Gid)
		case mode&(os.ModeSetuid|os.ModeSetgid) != 0, mode&0o022 != 0 && strings.Trim(name, "/") != "tmp":
			t.Errorf("%s has mode %s", name, mode)
		case mode.IsRegular() && mode&0o111 != 0 && name != programPath:
			t.Errorf("%s can be run", name)
		}
	}
	if len(files) != len(want) {
		t.Errorf("%d files, want %d", len(files), len(want))
	}

	program, err := elf.NewFile(bytes.NewReader(files[programPath].data))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program is not static: it has a segment %s", p.Type)
		}
	}

	certificates := 0
	for rest := files[rootsPath].data; ; certificates++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err != nil || !c.IsCA {
			t.Errorf("certificate %d is no authority's: %v", certificates, err)
		}
	}
	if certificates < 100 {
		t.Errorf("%d certificates", certificates)
	}
}

// TestSBOM: the three copies are one, and it lists every module that the program says it has.
func TestSBOM(t *testing.T) {
	b := made(t)
	image, referrer := contents(t, b)
	files := extract(t, image)
	sbom := files[sbomPath].data
	beside, err := os.ReadFile(b.beside("-" + runtime.GOARCH + ".cdx.json"))
	if err != nil || !bytes.Equal(beside, sbom) {
		t.Errorf("the SBOM beside the image is another: %v", err)
	}
	layers, err := referrer.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	r, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if attached, err := io.ReadAll(r); err != nil || !bytes.Equal(attached, sbom) {
		t.Errorf("the SBOM that refers to the image is another: %v", err)
	}

	var bom cdx.BOM
	if err := json.Unmarshal(sbom, &bom); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, c := range *bom.Components {
		listed[c.PackageURL] = true
	}
	info, err := buildinfo.Read(bytes.NewReader(files[programPath].data))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Deps {
		if !listed[golang(m.Path, m.Version)] {
			t.Errorf("the SBOM does not list %s %s", m.Path, m.Version)
		}
	}
	if len(info.Deps) < 10 || len(listed) != len(info.Deps)+1 {
		t.Errorf("%d components for %d modules and Go's library", len(listed), len(info.Deps))
	}
}

// TestReproducible: the same source gives the same image, and the file for docker load holds it.
func TestReproducible(t *testing.T) {
	b := made(t)
	image, _ := contents(t, b)
	want, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	again := *b
	again.out = filepath.Join(t.TempDir(), "image")
	program := again.beside(".program")
	if err := again.compile(program, runtime.GOARCH); err != nil {
		t.Fatal(err)
	}
	p, err := newPlatform(program, runtime.GOARCH, b.version)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.image.Digest(); err != nil || got != want {
		t.Errorf("built again it is %s, %v; was %s", got, err, want)
	}
	loaded, err := tarball.ImageFromPath(b.beside(".tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	wantConfig, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := loaded.ConfigName(); err != nil || got != wantConfig {
		t.Errorf("docker load would get %s, %v; want %s", got, err, wantConfig)
	}
}

// TestOwnSBOM imports the image's SBOM with the program of the image.
func TestOwnSBOM(t *testing.T) {
	if testing.Short() {
		t.Skip("short: starts a database server")
	}
	b := made(t)
	image, _ := contents(t, b)
	files := extract(t, image)
	dir := t.TempDir()
	program, sbom := filepath.Join(dir, "sluice"), filepath.Join(dir, "sluice.cdx.json")
	if err := errors.Join(os.WriteFile(program, files[programPath].data, 0o755), os.WriteFile(sbom, files[sbomPath].data, 0o644)); err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, program, args...)
		// A home of the tests of this module: the server's program is fetched once.
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "SLUICE_HOME=" + filepath.Join(cache, "sluice", "image-test")}
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("sluice %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
		}
		return string(out)
	}
	run("ingest", "file", "--wait", sbom)
	var bom cdx.BOM
	if err := json.Unmarshal(files[sbomPath].data, &bom); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(files[sbomPath].data)
	type document struct {
		ContentHash string `json:"content_hash"`
		Artifact    string
		Components  int
		Warnings    []any
	}
	var documents []document
	if err := json.Unmarshal([]byte(run("document", "list", "--output", "json")), &documents); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(documents, func(d document) bool { return d.ContentHash == "sha256:"+hex.EncodeToString(hash[:]) })
	if i < 0 {
		t.Fatalf("the SBOM is not among %v", documents)
	}
	if d := documents[i]; d.Artifact != own(b.version) || d.Components != len(*bom.Components) || len(d.Warnings) > 0 {
		t.Errorf("stored as %+v, with %d components", d, len(*bom.Components))
	}
	if unknown := run("unknowns", "--artifact", own(b.version), "--output", "json"); strings.TrimSpace(unknown) != "[]" {
		t.Errorf("components that cannot be matched: %s", unknown)
	}
}
