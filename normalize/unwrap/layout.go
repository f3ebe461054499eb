package unwrap

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"

	"sluice/normalize"
	"sluice/normalize/seal"
)

// Files of an OCI image layout (image-layout.md of the image specification).
const (
	layoutMark  = "oci-layout"
	layoutIndex = "index.json"
)

// IsLayout reports whether a folder is an OCI image layout.
func IsLayout(fsys fs.FS) bool {
	for _, name := range []string{layoutMark, layoutIndex} {
		if info, err := fs.Stat(fsys, name); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// WalkLayout calls yield for each document that is attached to an image in an OCI image layout: those of
// manifests that refer to it (subject), of docker's attestation manifests, and of cosign's tags. Every blob that is
// read is held to its digest. What is no document is passed over.
func WalkLayout(ctx context.Context, origin string, fsys fs.FS, lim normalize.Limits, yield func(Entry) error) error {
	w := &walker{ctx: ctx, lim: lim.OrDefault(), yield: yield}
	w.source = &stream{w: w}
	defer w.close()
	open := func(name string) (io.ReadCloser, error) { return fsys.Open(name) }
	return w.layout(item{origin: origin}, open, func(name string) string { return origin + "/" + name })
}

// layout is an OCI image layout that is read.
type layout struct {
	w     *walker
	it    item
	open  func(name string) (io.ReadCloser, error)
	at    func(name string) string // the origin of a file
	seen  map[string]bool          // manifests
	names map[string]string        // of images, by digest
	given int
}

type descriptor struct {
	MediaType    string            `json:"mediaType"`
	ArtifactType string            `json:"artifactType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	Annotations  map[string]string `json:"annotations"`
}

// manifest is an index or a manifest: each has what the other lacks.
type manifest struct {
	MediaType    string       `json:"mediaType"`
	ArtifactType string       `json:"artifactType"`
	Manifests    []descriptor `json:"manifests"`
	Layers       []descriptor `json:"layers"`
	Blobs        []descriptor `json:"blobs"` // of the artifact manifest that was dropped again
	Config       *descriptor  `json:"config"`
	Subject      *descriptor  `json:"subject"`
}

func (w *walker) layout(it item, open func(string) (io.ReadCloser, error), at func(string) string) error {
	l := &layout{w: w, it: it, open: open, at: at, seen: map[string]bool{}, names: map[string]string{}}
	b, err := l.read(layoutIndex, nil)
	if err != nil {
		return w.give(it, nil, w.explain(it, fmt.Errorf("OCI image layout: %s: %w", layoutIndex, err)))
	}
	var index manifest
	if err := json.Unmarshal(b, &index); err != nil {
		return w.give(l.child(layoutIndex), b, normalize.Park(normalize.ReasonInvalid, jsonPlace(err), "the index of the OCI image layout cannot be read: %w", err))
	}
	l.nameImages(index.Manifests)
	for _, d := range index.Manifests {
		if err := l.descriptor(d, "", 0); err != nil || w.over() {
			return err
		}
	}
	if l.given == 0 {
		return w.passOver(it, nil, "an OCI image layout with nothing attached that is read")
	}
	return nil
}

// Annotations that are looked at.
const (
	refName        = "org.opencontainers.image.ref.name"
	containerdName = "io.containerd.image.name"
	dockerType     = "vnd.docker.reference.type"
	dockerDigest   = "vnd.docker.reference.digest"
)

// nameImages notes what images are called.
func (l *layout) nameImages(list []descriptor) {
	for _, d := range list {
		name := d.Annotations[containerdName]
		if ref := d.Annotations[refName]; name == "" && strings.Contains(ref, "/") {
			name = ref
		}
		if name != "" {
			l.names[d.Digest] = name
		}
	}
}

// cosignTag is how cosign names what belongs to an image where a registry cannot list referrers.
var cosignTag = regexp.MustCompile(`^(sha256|sha512)-([0-9a-f]{64,128})(\.(att|sbom|sig))?$`)

// maxIndexes is how deep indexes may lie in each other.
const maxIndexes = 8

// descriptor follows what an index names. subject is the digest of what it is about, as far as it is known.
func (l *layout) descriptor(d descriptor, subject string, depth int) error {
	if isDocument(d.MediaType, "") {
		return l.document(d, subject, nil)
	}
	if l.seen[d.Digest] || depth > maxIndexes || !strings.Contains(d.MediaType, "manifest") && !strings.Contains(d.MediaType, "index") {
		return nil
	}
	if len(l.seen) >= l.w.lim.MaxEntries {
		return l.w.tooMany(l.it)
	}
	l.seen[d.Digest] = true
	name, sum, ok := blobName(d.Digest)
	if !ok {
		return nil
	}
	b, err := l.read(name, sum)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // a layout may hold one platform of several
	case err != nil:
		return l.broken(name, b, err)
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return l.w.give(l.child(name), b, normalize.Park(normalize.ReasonInvalid, jsonPlace(err), "the manifest in an OCI image layout cannot be read: %w", err))
	}
	own := subject
	switch tag := cosignTag.FindStringSubmatch(d.Annotations[refName]); {
	case m.Subject != nil:
		own = m.Subject.Digest
	case d.Annotations[dockerDigest] != "":
		own = d.Annotations[dockerDigest]
	case tag != nil:
		own = tag[1] + ":" + tag[2]
	}
	if m.Manifests != nil {
		l.nameImages(m.Manifests)
		for _, inner := range m.Manifests {
			if l.names[inner.Digest] == "" && l.names[d.Digest] != "" {
				l.names[inner.Digest] = l.names[d.Digest] // a platform of the image
			}
		}
	}
	for _, inner := range m.Manifests {
		if err := l.descriptor(inner, own, depth+1); err != nil || l.w.over() {
			return err
		}
	}
	artifact := m.ArtifactType
	if artifact == "" && m.Config != nil {
		artifact = m.Config.MediaType
	}
	if artifact == "" {
		artifact = d.ArtifactType
	}
	if d.Annotations[dockerType] == "attestation-manifest" {
		artifact = "application/vnd.in-toto+json"
	}
	for _, layer := range append(m.Layers, m.Blobs...) {
		if !isDocument(layer.MediaType, artifact) {
			continue
		}
		if err := l.document(layer, own, b); err != nil || l.w.over() {
			return err
		}
	}
	return nil
}

// documentTypes are parts of media types whose blobs may be documents.
var documentTypes = []string{"cyclonedx", "spdx", "openvex", "csaf", "in-toto", "dsse", "sigstore.bundle", "syft", "vex+json"}

// plainTypes are media types that say nothing; what the artifact is called decides.
var plainTypes = []string{"application/json", "application/xml", "text/plain", "text/xml", "application/octet-stream", "text/spdx"}

func isDocument(mediaType, artifact string) bool {
	mediaType, artifact = strings.ToLower(mediaType), strings.ToLower(artifact)
	says := func(t string) bool {
		for _, p := range documentTypes {
			if strings.Contains(t, p) {
				return true
			}
		}
		return false
	}
	if says(mediaType) {
		return true
	}
	media, _, _ := strings.Cut(mediaType, ";")
	for _, p := range plainTypes {
		if media == p || media == p+"+gzip" || media == p+"+zstd" {
			return says(artifact)
		}
	}
	return false
}

// document hands over one that is attached. manifest is what attaches it; may be nil.
func (l *layout) document(d descriptor, subject string, manifest []byte) error {
	name, sum, ok := blobName(d.Digest)
	if !ok {
		return nil
	}
	b, err := l.read(name, sum)
	if err != nil {
		return l.broken(name, b, err)
	}
	l.given++
	child := l.child(name)
	child.lenient = true
	if algorithm, digest, found := strings.Cut(subject, ":"); found && manifest != nil {
		child.attached = &seal.Seal{Kind: seal.OCI, Bytes: manifest, PayloadType: d.MediaType, Subjects: []seal.Subject{{Name: l.names[subject], Digest: map[string]string{algorithm: digest}}}}
	}
	return l.w.inner(child, b)
}

func (l *layout) child(name string) item {
	return item{origin: l.at(name), size: unknown, layer: l.it.layer + 1, around: l.it.around}
}

// broken reports a blob that is not what it is said to be.
func (l *layout) broken(name string, b []byte, err error) error {
	return l.w.trouble(l.child(name), b, err)
}

// blobName is where a layout keeps a blob, and what its hash has to be.
func blobName(digest string) (name string, sum []byte, ok bool) {
	algorithm, text, found := strings.Cut(digest, ":")
	sum, err := hex.DecodeString(text)
	if !found || err != nil || !(algorithm == "sha256" && len(sum) == sha256.Size || algorithm == "sha512" && len(sum) == sha512.Size) {
		return "", nil, false
	}
	return path.Join("blobs", algorithm, hex.EncodeToString(sum)), sum, true
}

// read reads a file of the layout, and holds it to a hash. With an error it returns what it read, if that is the
// reason.
func (l *layout) read(name string, sum []byte) ([]byte, error) {
	f, err := l.open(name)
	if errors.Is(err, fs.ErrNotExist) && sum != nil {
		return nil, fmt.Errorf("%w: the OCI image layout names it, and it is not there", err)
	}
	if err != nil {
		return nil, &systemError{err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(&stream{w: l.w, r: f}, l.w.lim.MaxBytes+1))
	if err != nil {
		return nil, &systemError{err}
	}
	if err := l.w.count(int64(len(b))); err != nil {
		return nil, err
	}
	if int64(len(b)) > l.w.lim.MaxBytes {
		return nil, errTooLarge
	}
	if sum != nil {
		var h hash.Hash = sha256.New()
		if len(sum) == sha512.Size {
			h = sha512.New()
		}
		h.Write(b)
		if got := h.Sum(nil); !bytes.Equal(got, sum) {
			return b, normalize.Park(normalize.ReasonHash, "", "the blob's digest is %x, and its name says %x; fetch the image again", got, sum)
		}
	}
	return b, nil
}

// mayBeLayout reports whether a tar that begins with head is perhaps an OCI image layout: builders write its files in
// any order.
func mayBeLayout(head []byte) bool {
	if len(head) < block {
		return false
	}
	name, _, _ := bytes.Cut(head[:100], []byte{0})
	text := strings.TrimPrefix(string(name), "./")
	switch text {
	case layoutMark, layoutIndex, "manifest.json", "repositories", "blobs", "blobs/", "blobs/sha256/", "":
		return true
	}
	return strings.HasPrefix(text, "blobs/sha256/")
}

// tarLayout reads a tar as an OCI image layout; done is false where it is none, and rest has its bytes then.
func (w *walker) tarLayout(it item) (rest item, done bool, err error) {
	at, size := it.at, it.size
	if at == nil || it.layer > 0 {
		b, err := w.seekable(it)
		if err != nil {
			return it, true, w.trouble(it, it.rawBytes(), err)
		}
		// The file goes when the walk is over: what is no layout is read from it.
		w.spools = append(w.spools, b)
		at, size = b, b.size
	}
	rest = it
	rest.r = bufio.NewReaderSize(io.NewSectionReader(at, 0, size), 16<<10)
	rest.raw = it.raw
	files, ok := w.tarFiles(at, size)
	if !ok {
		return rest, false, nil
	}
	open := func(name string) (io.ReadCloser, error) {
		f, ok := files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return io.NopCloser(io.NewSectionReader(at, f[0], f[1])), nil
	}
	return rest, true, w.layout(it, open, func(name string) string { return inside(it.origin, name) })
}

// tarFiles are the files of a tar, offset and length by name, where it is an OCI image layout.
func (w *walker) tarFiles(at io.ReaderAt, size int64) (files map[string][2]int64, ok bool) {
	r := io.NewSectionReader(at, 0, size)
	t := tar.NewReader(r)
	files = map[string][2]int64{}
	for n := 0; n <= w.lim.MaxEntries && w.ctx.Err() == nil; n++ {
		h, err := t.Next()
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			break
		}
		if h.Typeflag != tar.TypeReg || sparse(h) {
			continue
		}
		offset, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			break
		}
		files[strings.TrimPrefix(h.Name, "./")] = [2]int64{offset, h.Size}
	}
	_, mark := files[layoutMark]
	_, index := files[layoutIndex]
	return files, mark && index
}
