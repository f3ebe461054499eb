package files_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/normalize"
)

func origins(list []found) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.Origin)
	}
	return out
}

func TestOrderAndLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b/2.json", "b/10.json", "a.json", "c.json", "outside/x.json"} {
		write(t, filepath.Join(dir, name), []byte(name))
	}
	in := filepath.Join(dir, "in")
	for link, target := range map[string]string{
		"in/to-file": "../a.json", "in/to-folder": "../b", "in/to-nothing": "gone", "in/circle": "circle", "named": "b",
	} {
		if err := os.MkdirAll(in, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(in, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := walk(t, files.Config{Paths: []string{filepath.Join(dir, "c.json"), filepath.Join(dir, "named"), in, filepath.Join(in, "to-file"), dir + "/b/"}})
	want := []string{"c.json", "named/10.json", "named/2.json", "in/circle", "in/to-file", "in/to-nothing", "in/to-file", "b/10.json", "b/2.json"}
	for i, w := range want {
		want[i] = filepath.Join(dir, w)
	}
	if o := origins(got); !slices.Equal(o, want) {
		t.Fatalf("%q, want %q", o, want)
	}
	for i, f := range got {
		switch filepath.Base(f.Origin) {
		case "circle", "to-nothing":
			if f.Reason != normalize.ReasonUnreadable || f.Message == "" {
				t.Errorf("%+v", f)
			}
		default:
			if f.Reason != "" || f.Content == "" {
				t.Errorf("document %d: %+v", i, f)
			}
		}
	}
	if !strings.Contains(got[5].Message, "link to nothing") {
		t.Errorf("a link to nothing: %s", got[5].Message)
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := files.Open(t.Context(), files.Config{Paths: []string{t.TempDir(), "/no/such/file"}})
	if err == nil || !strings.Contains(err.Error(), "/no/such/file") || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestFolderWithoutRights walks as a plain user, since root may read everything.
func TestFolderWithoutRights(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sluice-rights-*") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.Chmod(filepath.Join(dir, "closed"), 0o755)
		_ = os.Chmod(filepath.Join(dir, "listed"), 0o755)
		os.RemoveAll(dir)
	})
	for _, name := range []string{"closed/a.json", "listed/b.json", "open/c.json", "secret.json"} {
		write(t, filepath.Join(dir, name), []byte(name))
	}
	for name, mode := range map[string]os.FileMode{"closed": 0, "listed": 0o744, "secret.json": 0, "": 0o755} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	if os.Geteuid() == 0 {
		cmd.Path = "/proc/self/exe" // its own path may be closed to others
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if err := os.Chmod(filepath.Join(dir, "listed"), 0o744); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Chmod(filepath.Join(dir, "listed"), 0o400); err != nil {
		t.Fatal(err)
	}
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), envWalk+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []found
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var f found
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	want := []string{"closed", "listed/b.json", "open/c.json", "secret.json"}
	for i, w := range want {
		want[i] = filepath.Join(dir, w)
	}
	if o := origins(got); !slices.Equal(o, want) {
		t.Fatalf("%q, want %q", o, want)
	}
	for i, f := range got {
		if i == 2 {
			if f.Content != "open/c.json" {
				t.Errorf("%+v", f)
			}
		} else if f.Reason != normalize.ReasonUnreadable || !strings.Contains(f.Message, "permission denied") || f.Content != "" {
			t.Errorf("%+v", f)
		}
	}
}

// TestVanishing removes files and folders while the folder is walked.
func TestVanishing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 4 {
		write(t, filepath.Join(dir, fmt.Sprint(i), "x.json"), []byte("x"))
	}
	src, err := files.Open(t.Context(), files.Config{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var got []string
	for i := 0; ; i++ {
		env, err := src.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 { // by now the second may have been read, the third was not
			os.RemoveAll(filepath.Join(dir, "2"))
			os.Remove(filepath.Join(dir, "3", "x.json"))
		}
		reason := ""
		if env.Err != nil {
			reason = ":" + env.Err.Reason
		}
		got = append(got, strings.TrimPrefix(env.Origin, dir)+reason)
	}
	// A folder that went is a line; a file that went before its folder was listed never was.
	if want := []string{"/0/x.json", "/1/x.json", "/2:unreadable"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStandardInputAndPipes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	go func() {
		if f, err := os.OpenFile(fifo, os.O_WRONLY, 0); err == nil {
			fmt.Fprint(f, "through ")
			time.Sleep(20 * time.Millisecond)
			fmt.Fprint(f, "a pipe")
			f.Close()
		}
	}()
	got := walk(t, files.Config{Paths: []string{"-", fifo}, Stdin: reader(packed(t, "from standard input"))})
	want := []found{{Origin: "-", Content: "from standard input"}, {Origin: fifo, Content: "through a pipe"}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := walk(t, files.Config{Paths: []string{"-"}, Stdin: reader("")}); len(got) != 1 || got[0].Content != "" || got[0].Reason != "" {
		t.Errorf("empty standard input: %+v", got)
	}
}

// TestCloseDoesNotWaitForAPipe that nobody writes to.
func TestCloseDoesNotWaitForAPipe(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	defer w.Close()
	src, err := files.Open(t.Context(), files.Config{Paths: []string{"-"}, Stdin: r})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := src.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	start := time.Now()
	src.Close()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Close took %s", took)
	}
}

// TestAClosedSourceIsNotAtItsEnd: else a run that was stopped would pass for done.
func TestAClosedSourceIsNotAtItsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 10 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), []byte("x"))
	}
	src, err := files.Open(t.Context(), files.Config{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	src.Close()
	for range 11 {
		if _, err = src.Next(t.Context()); err != nil {
			break
		}
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was stopped", err)
	}
}

// TestReadingError: a file of which the disk gives nothing is parked without bytes, is not
// taken for done, and its parked row goes when it can be read.
func TestReadingError(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/mem"); err != nil {
		t.Skip("no /proc: where to get a reading error from?")
	}
	h := newHarness(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	if err := os.Symlink("/proc/self/mem", path); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "b.json"), []byte(cdx("")))
	if c := h.run(t, normalize.DefaultLimits, dir); c.Accepted != 1 || c.ByReason[normalize.ReasonUnreadable] != 1 {
		t.Errorf("%+v", c)
	}
	if r := h.receipt(t, path); !strings.Contains(r.Message, "input/output error") || r.ContentHash != "" {
		t.Errorf("%+v", r)
	}
	if n := h.count(t, `select count(*) from ingest.parked where bytes is null and reason = 'unreadable'`); n != 1 {
		t.Errorf("%d parked rows without bytes", n)
	}
	// Still broken: tried again, one more attempt.
	if c := h.run(t, normalize.DefaultLimits, dir); c.Duplicate != 1 || c.Parked != 1 {
		t.Errorf("%+v", c)
	}
	if n := h.count(t, `select count(*) from ingest.parked where attempts = 2`); n != 1 {
		t.Errorf("%d parked rows with two attempts", n)
	}
	os.Remove(path)
	write(t, path, []byte(cdx(`, "x": 1`)))
	if c := h.run(t, normalize.DefaultLimits, dir); c.Duplicate != 1 || c.Accepted != 1 {
		t.Errorf("%+v", c)
	}
	if n := h.count(t, `select count(*) from ingest.parked`); n != 0 {
		t.Errorf("%d parked rows after the repair", n)
	}
}

// TestTheSamePathTwice, also inside a folder that is named beside it.
func TestTheSamePathTwice(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	dir := t.TempDir()
	a, b, z := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json"), filepath.Join(dir, "z.zip")
	write(t, a, []byte(cdx(`, "x": "a"`)))
	write(t, b, []byte(cdx(`, "x": "b"`)))
	write(t, z, zipOf(t, []byte(cdx(`, "x": 1`)), []byte(cdx(`, "x": 2`)), []byte(cdx(`, "x": 3`))))
	c := h.run(t, normalize.DefaultLimits, a, b, a, z, z, dir)
	if c.Documents != 14 || c.Accepted != 5 || c.Duplicate != 9 {
		t.Errorf("%+v", c)
	}
}

// TestNamesThatPostgreSQLCannotHold: neither their bytes nor their length keep a file out.
func TestNamesThatPostgreSQLCannotHold(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	dir := t.TempDir()
	long := dir
	for len(long) < 3500 {
		long = filepath.Join(long, strings.Repeat("d", 200))
	}
	paths := []string{filepath.Join(dir, "x\xff"), filepath.Join(dir, "x\xfe"), filepath.Join(dir, "x\uFFFD"), filepath.Join(long, "x")}
	for i, p := range paths {
		write(t, p, []byte(cdx(fmt.Sprintf(`, "x": %d`, i))))
	}
	run, err := ingest.StartRun(t.Context(), h.pool, h.tenant, "file", paths)
	if err != nil {
		t.Fatal(err)
	}
	// Not ended: what it stored is found by its checkpoints.
	for i, want := range []int64{4, 0} {
		c, err := h.attempt(t, t.Context(), files.Config{ScanRun: run, Paths: paths}, nil)
		if err != nil || c.Accepted != want || c.Documents != want {
			t.Errorf("attempt %d: %v, %+v", i, err, c)
		}
	}
	if n := h.count(t, `select count(*) from ingest.file_checkpoint`); n != 4 {
		t.Errorf("%d checkpoints, want 4", n)
	}
}

// TestGoingOn stops a run at random places again and again and goes on with it: nothing is
// stored twice, nothing is left out, and what was stored is not read again.
func TestGoingOn(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	dir := t.TempDir()
	var tb bytes.Buffer
	tw := tar.NewWriter(&tb)
	const files1, entries = 40, 60
	for i := range entries {
		doc := cdx(fmt.Sprintf(`, "x": "tar %d"`, i))
		if err := tw.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Size: int64(len(doc)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(tw, doc)
	}
	tw.Close()
	write(t, filepath.Join(dir, "m.tar.gz"), []byte(packed(t, tb.String())))
	for i := range files1 {
		write(t, filepath.Join(dir, fmt.Sprintf("%c%02d.json", 'a'+i, i)), []byte(cdx(fmt.Sprintf(`, "x": "file %d"`, i))))
	}
	run, err := ingest.StartRun(t.Context(), h.pool, h.tenant, "file", []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	var sum ingest.Counts
	attempts := 0
	for done := false; !done; attempts++ {
		ctx, cancel := context.WithCancel(t.Context())
		c, err := h.attempt(t, ctx, files.Config{ScanRun: run, Paths: []string{dir}, Parallel: 1 + attempts%3}, func(s ingest.Source) ingest.Source {
			return &stopping{Source: s, after: 5 + attempts*7%30, stop: cancel}
		})
		cancel()
		done = err == nil
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		sum.Accepted += c.Accepted
		sum.Duplicate += c.Duplicate
		if attempts > 100 {
			t.Fatal("it does not get on")
		}
	}
	if sum.Accepted != files1+entries || sum.Duplicate != 0 {
		t.Errorf("%d accepted and %d duplicates in %d attempts, want %d accepted", sum.Accepted, sum.Duplicate, attempts, files1+entries)
	}
	if attempts < 4 {
		t.Errorf("only %d attempts: nothing was tested", attempts)
	}
	// A file that changed is read again, one that did not is not.
	changed := filepath.Join(dir, "a00.json")
	write(t, changed, []byte(cdx(`, "x": "changed"`)))
	c, err := h.attempt(t, t.Context(), files.Config{ScanRun: run, Paths: []string{dir}}, nil)
	if err != nil || c.Accepted != 1 || c.Documents != 1 {
		t.Errorf("%v, %+v", err, c)
	}
}

// stopping cancels the run in the middle of handing over documents.
type stopping struct {
	ingest.Source
	after int
	stop  func()
}

func (s *stopping) Next(ctx context.Context) (ingest.Envelope, error) {
	if s.after--; s.after == 0 {
		s.stop()
	}
	return s.Source.Next(ctx)
}

// TestStandardInputHasNoCheckpoints: another time it gives something else.
func TestStandardInputHasNoCheckpoints(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	run, err := ingest.StartRun(t.Context(), h.pool, h.tenant, "file", []string{"-"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		c, err := h.attempt(t, t.Context(), files.Config{ScanRun: run, Paths: []string{"-"}, Stdin: reader(cdx(fmt.Sprintf(`, "x": %d`, i)))}, nil)
		if err != nil || c.Accepted != 1 {
			t.Errorf("attempt %d: %v, %+v", i, err, c)
		}
	}
}

// TestCheckpointsBelongToTheTransaction: an attempt that is rolled back leaves none.
func TestCheckpointsBelongToTheTransaction(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	path := filepath.Join(t.TempDir(), "a.json")
	write(t, path, []byte(cdx("")))
	run, err := ingest.StartRun(t.Context(), h.pool, h.tenant, "file", []string{path})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.attempt(t, t.Context(), files.Config{ScanRun: run, Paths: []string{path}}, func(s ingest.Source) ingest.Source { return fenced{s} })
	if !errors.Is(err, ingest.ErrFenced) {
		t.Fatal(err)
	}
	if n := h.count(t, `select count(*) from ingest.file_checkpoint`); n != 0 {
		t.Errorf("%d checkpoints of a transaction that was rolled back", n)
	}
}

// fenced is a source that is taken over just before its commit.
type fenced struct{ ingest.Source }

func (f fenced) Advance(ctx context.Context, tx pgx.Tx, done []ingest.Envelope) error {
	if err := f.Source.Advance(ctx, tx, done); err != nil {
		return err
	}
	return ingest.ErrFenced
}

// TestNothingStaysBehind is not parallel: it looks at all goroutines.
func TestNothingStaysBehind(t *testing.T) {
	dir := t.TempDir()
	for i := range 10 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), []byte("x"))
	}
	before := goleak.IgnoreCurrent()
	for n := range 12 {
		src, err := files.Open(t.Context(), files.Config{Paths: []string{dir}})
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if _, err := src.Next(t.Context()); err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
		src.Close()
	}
	goleak.VerifyNone(t, before)
}

// TestImageLayout: a folder that is an OCI image layout is one thing, and links in it lead nowhere else.
func TestImageLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blob := func(content string) string {
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
		write(t, filepath.Join(dir, "images", "app", "blobs", "sha256", sum), []byte(content))
		return "sha256:" + sum
	}
	sbom := `{"bomFormat":"CycloneDX"}`
	outside := fmt.Sprintf("%x", sha256.Sum256([]byte("{}")))
	write(t, filepath.Join(dir, "secret"), []byte("{}"))
	subject := blob(`{"schemaVersion":2,"layers":[]}`)
	referrer := blob(fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","subject":{"digest":%q},"layers":[{"mediaType":"application/vnd.cyclonedx+json","digest":%q},{"mediaType":"application/spdx+json","digest":"sha256:%s"}]}`,
		subject, blob(sbom), outside))
	write(t, filepath.Join(dir, "images", "app", "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`))
	write(t, filepath.Join(dir, "images", "app", "index.json"), fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":%q}]}`, referrer))
	write(t, filepath.Join(dir, "images", "z.json"), []byte("z"))
	if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(dir, "images", "app", "blobs", "sha256", outside)); err != nil {
		t.Fatal(err)
	}
	got := walk(t, files.Config{Paths: []string{filepath.Join(dir, "images")}})
	if len(got) != 3 || got[0].Content != sbom || !strings.HasPrefix(got[0].Origin, filepath.Join(dir, "images", "app", "blobs", "sha256")) || got[1].Reason == "" || got[1].Content == "{}" || got[2].Content != "z" {
		t.Errorf("%q", got)
	}
}

func TestArchivesTouchNoPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inner := filepath.Join(dir, "in", "deep")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"../../evil.json", filepath.Join(dir, "absolute.json"), "a/../../../up.json"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 2}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "{}")
	}
	w.Close()
	write(t, filepath.Join(inner, "evil.tar"), b.Bytes())
	write(t, filepath.Join(inner, "evil.zip"), zipNamed(t, []string{"../../evil.json", "/absolute.json"}, []byte("{}"), []byte("{}")))
	if got := walk(t, files.Config{Paths: []string{inner}}); len(got) != 5 {
		t.Errorf("%q", got)
	}
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if !d.IsDir() {
			all = append(all, filepath.Base(path))
		}
		return err
	})
	if err != nil || !slices.Equal(all, []string{"evil.tar", "evil.zip"}) {
		t.Errorf("files afterwards: %q, %v", all, err)
	}
}
