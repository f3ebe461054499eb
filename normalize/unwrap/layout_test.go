package unwrap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sluice/normalize"
	"sluice/normalize/seal"
)

// image is an OCI image layout under construction.
type image map[string]string

func (i image) blob(content string) (digest string) {
	digest = fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	i["blobs/sha256/"+digest] = content
	return "sha256:" + digest
}

func (i image) json(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

type m = map[string]any

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
)

func descr(mediaType, digest string, annotations m) m {
	return m{"mediaType": mediaType, "digest": digest, "size": 1, "annotations": annotations}
}

// newImage is an image with an SBOM that refers to it, an attestation of docker buildx, one of cosign, provenance, a
// signature, and what every image has.
func newImage() image {
	i := image{"oci-layout": `{"imageLayoutVersion":"1.0.0"}`}
	config := i.blob(`{"architecture":"amd64"}`)
	layer := i.blob("\x1f\x8b\x08 not really a layer")
	app := i.blob(i.json(m{"schemaVersion": 2, "mediaType": manifestType, "config": descr("application/vnd.oci.image.config.v1+json", config, nil), "layers": []m{descr("application/vnd.oci.image.layer.v1.tar+gzip", layer, nil)}}))

	sbom := i.blob(`{"spdxVersion":"SPDX-2.3"}`)
	referrer := i.blob(i.json(m{
		"schemaVersion": 2, "mediaType": manifestType, "artifactType": "application/spdx+json", "config": descr("application/vnd.oci.empty.v1+json", i.blob("{}"), nil),
		"layers": []m{descr("application/json", sbom, nil), descr("image/png", i.blob("png"), nil)}, "subject": descr(manifestType, app, nil),
	}))

	buildx := i.blob(i.json(m{"schemaVersion": 2, "mediaType": manifestType, "config": descr("application/vnd.oci.image.config.v1+json", config, nil), "layers": []m{
		descr("application/vnd.in-toto+json", i.blob(statementOf("https://spdx.dev/Document", `{"spdxVersion":"SPDX-2.3","name":"buildx"}`)), m{"in-toto.io/predicate-type": "https://spdx.dev/Document"}),
		descr("application/vnd.in-toto+json", i.blob(statementOf("https://slsa.dev/provenance/v1", `{}`)), m{"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"}),
	}}))
	platforms := i.blob(i.json(m{"schemaVersion": 2, "mediaType": indexType, "manifests": []m{
		descr(manifestType, app, nil), descr(manifestType, buildx, m{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": app}),
		descr(manifestType, "sha256:"+strings.Repeat("00", 32), nil), // another platform, which was not fetched
	}}))
	cosign := i.blob(i.json(m{"schemaVersion": 2, "mediaType": manifestType, "layers": []m{
		descr("application/vnd.dsse.envelope.v1+json", i.blob(envelopeOf(inToto, statementOf("https://cyclonedx.org/bom", `{"bomFormat":"CycloneDX"}`))), nil),
	}}))
	i["index.json"] = i.json(m{"schemaVersion": 2, "manifests": []m{
		descr(indexType, platforms, m{"io.containerd.image.name": "registry.example.org/app:1.2"}), descr(manifestType, referrer, nil),
		descr(manifestType, cosign, m{"org.opencontainers.image.ref.name": strings.Replace(app, ":", "-", 1) + ".att"}), descr(manifestType, app, m{"org.opencontainers.image.ref.name": "1.2"}),
	}})
	return i
}

func (i image) fs() fs.FS {
	out := fstest.MapFS{}
	for name, content := range i {
		out[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return out
}

// tar packs the layout, its mark and index last, as builders do that sort names.
func (i image) tar() []byte {
	var files []file
	for _, name := range slices.Sorted(mapKeys(i)) {
		files = append(files, file{name, i[name]})
	}
	return tarOf(files...)
}

func mapKeys(i image) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range i {
			if !yield(k) {
				return
			}
		}
	}
}

func layoutEntries(t *testing.T, i image, lim normalize.Limits) []Entry {
	t.Helper()
	var list []Entry
	if err := WalkLayout(t.Context(), "image", i.fs(), lim, func(e Entry) error { list = append(list, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return list
}

func contents(list []Entry) (documents, passed []string) {
	for _, e := range list {
		switch {
		case e.Err != nil:
			documents = append(documents, e.Err.Reason)
		case e.Pass != "":
			passed = append(passed, e.Pass)
		default:
			documents = append(documents, string(e.Bytes))
		}
	}
	slices.Sort(documents)
	return documents, passed
}

func TestLayout(t *testing.T) {
	t.Parallel()
	i := newImage()
	want := []string{`{"bomFormat":"CycloneDX"}`, `{"spdxVersion":"SPDX-2.3","name":"buildx"}`, `{"spdxVersion":"SPDX-2.3"}`}
	for name, list := range map[string][]Entry{
		"folder": layoutEntries(t, i, normalize.Limits{}),
		"tar":    walk(t, i.tar(), normalize.Limits{}), "tar.gz": walk(t, gz(i.tar()), normalize.Limits{}), "tar in zip": walk(t, zipOf(file{"image.tar", string(i.tar())}), normalize.Limits{}),
	} {
		documents, passed := contents(list)
		if !slices.Equal(documents, want) || !slices.Equal(passed, []string{"an attestation of https://slsa.dev/provenance/v1"}) {
			t.Errorf("%s: %q, passed over %q", name, documents, passed)
		}
		for _, e := range list {
			if !strings.Contains(e.Origin, "/blobs/sha256/") {
				t.Errorf("%s: origin %s", name, e.Origin)
			}
			if e.Err == nil && e.Pass == "" && !strings.Contains(string(e.Bytes), "buildx") && !strings.Contains(string(e.Bytes), "CycloneDX") {
				if s := e.Seal; s == nil || s.Kind != seal.OCI || s.Subjects[0].Name != "registry.example.org/app:1.2" || len(s.Subjects[0].Digest["sha256"]) != 64 {
					t.Errorf("%s: what the SBOM is attached to: %+v", name, e.Seal)
				}
			}
		}
	}
}

// TestLayoutHoldsBlobsToDigests: what was changed is no document, and is not silently left out.
func TestLayoutHoldsBlobsToDigests(t *testing.T) {
	t.Parallel()
	i := newImage()
	for name, content := range i {
		if content == `{"spdxVersion":"SPDX-2.3"}` {
			i[name] = `{"spdxVersion":"SPDX-2.2"}`
		}
	}
	documents, _ := contents(layoutEntries(t, i, normalize.Limits{}))
	if want := []string{normalize.ReasonHash, `{"bomFormat":"CycloneDX"}`, `{"spdxVersion":"SPDX-2.3","name":"buildx"}`}; !sameSet(documents, want) {
		t.Errorf("changed: %q", documents)
	}
	for name, content := range i {
		if content == `{"spdxVersion":"SPDX-2.2"}` {
			delete(i, name)
		}
	}
	if documents, _ := contents(layoutEntries(t, i, normalize.Limits{})); !slices.Contains(documents, normalize.ReasonCorruptArchive) {
		t.Errorf("gone: %q", documents)
	}
	i["index.json"] = "{"
	if documents, _ := contents(layoutEntries(t, i, normalize.Limits{})); !slices.Equal(documents, []string{normalize.ReasonInvalid}) {
		t.Errorf("broken index: %q", documents)
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// TestTarThatIsNoLayout: a tar that begins like one is an archive like any other.
func TestTarThatIsNoLayout(t *testing.T) {
	t.Parallel()
	for _, b := range [][]byte{tarOf(file{"index.json", `{"id":"1"}`}, file{"blobs/a.json", "{}"}), gz(tarOf(file{"blobs/sha256/x", `{"id":"1"}`}, file{"oci-layout", "{}"}))} {
		if list := walk(t, b, normalize.Limits{}); len(list) != 2 || list[0].Err != nil || list[1].Err != nil {
			t.Errorf("%s", show(list))
		}
	}
	empty := image{"oci-layout": "{}", "index.json": `{"manifests":[]}`}
	if documents, passed := contents(walk(t, empty.tar(), normalize.Limits{})); len(documents) != 0 || len(passed) != 1 {
		t.Errorf("%q, %q", documents, passed)
	}
}

func FuzzLayout(f *testing.F) {
	i := newImage()
	f.Add([]byte(i["index.json"]), []byte(i["oci-layout"]), []byte("{}"))
	for _, content := range i {
		f.Add([]byte(i["index.json"]), []byte(content), []byte(content))
	}
	f.Fuzz(func(t *testing.T, index, one, two []byte) {
		i := newImage()
		a, b := i.blob(string(one)), i.blob(string(two))
		i["index.json"] = string(index)
		if !bytes.Contains(index, []byte("sha256")) {
			i["index.json"] = i.json(m{"manifests": []m{descr(manifestType, a, nil), descr(indexType, b, nil), descr("application/spdx+json", b, nil)}})
		}
		n := 0
		err := WalkLayout(context.Background(), "image", i.fs(), normalize.Limits{MaxBytes: 1 << 16, MaxArchive: 1 << 20, MaxEntries: 100}, func(e Entry) error {
			if e.Index != n {
				t.Errorf("index %d of entry %d", e.Index, n)
			}
			n++
			return nil
		})
		if err != nil || n == 0 {
			t.Errorf("%d entries, %v", n, err)
		}
	})
}
