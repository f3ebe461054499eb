package storage

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/test/brief"
)

// TestFolder and TestBucket are the contract of a Store, for both kinds.
func TestFolder(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	contract(t, s)

	for _, name := range []string{"../x", "/etc/passwd", "a/../../x", ""} {
		if err := s.Create(t.Context(), name, strings.NewReader("x"), 1); err == nil {
			t.Errorf("%q: created", name)
		}
	}
	info, err := os.Stat(s.String())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may look into it: %v, %v", info.Mode(), err)
	}
}

// TestBucket needs a minute to build its server where nobody has built it yet, so not in the short tests.
// SLUICE_TEST_S3 names the bucket of another server, as --backup-to does.
func TestBucket(t *testing.T) {
	where := os.Getenv("SLUICE_TEST_S3")
	if where == "" {
		if brief.Run(t) {
			t.Skip("builds a server")
		}
		where = serve(t, "backups")
		t.Setenv("AWS_ACCESS_KEY_ID", "test")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	}
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = fmt.Sprintf("/run-%d/deep", time.Now().UnixNano())
	s, err := Open(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	contract(t, s)
	u.Host = "no-such-bucket"
	if _, err := Open(t.Context(), u.String()); err == nil || !strings.Contains(err.Error(), "no bucket no-such-bucket") {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

// serve builds and starts internal/test/s3server.
func serve(t *testing.T, bucket string) (where string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "s3server")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "../../internal/test/s3server"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, bucket)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	endpoint, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "s3://" + bucket + "?region=us-east-1&endpoint=" + url.QueryEscape(strings.TrimSpace(endpoint))
}

func contract(t *testing.T, s Store) {
	ctx := t.Context()
	read := func(name string) string {
		t.Helper()
		r, err := s.Open(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	names := func(prefix string) (list []string) {
		t.Helper()
		objects, err := s.List(ctx, prefix)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			list = append(list, fmt.Sprint(o.Name, " ", o.Bytes))
			if age := time.Since(o.Modified); age < -time.Minute || age > time.Hour {
				t.Errorf("%s is of %s", o.Name, o.Modified)
			}
		}
		return list
	}
	if got := names(""); len(got) != 0 {
		t.Fatalf("not empty: %v", got)
	}
	for _, name := range []string{"a/b/one", "a/b/two", "a/bc/three", "a/b.four"} {
		if err := s.Create(ctx, name, strings.NewReader(name), int64(len(name))); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := names("a/b"), []string{"a/b.four 8", "a/b/one 7", "a/b/two 7", "a/bc/three 10"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := names("a/b/"), []string{"a/b/one 7", "a/b/two 7"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := names("nowhere/"); len(got) != 0 {
		t.Errorf("%v", got)
	}

	// Never overwritten, with a size or without.
	for _, size := range []int64{5, -1} {
		if err := s.Create(ctx, "a/b/one", strings.NewReader("other"), size); !errors.Is(err, ErrExists) {
			t.Errorf("created again: %v", err)
		}
	}
	if got := read("a/b/one"); got != "a/b/one" {
		t.Errorf("overwritten: %q", got)
	}
	var won int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			text := fmt.Sprint("by ", i)
			err := s.Create(ctx, "race", strings.NewReader(text), int64(len(text)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !errors.Is(err, ErrExists) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	all.Wait()
	if won != 1 || len(names("race")) != 1 {
		t.Errorf("%d of 8 created it", won)
	}

	// Large, of a size that nobody knows, and one that breaks off.
	large := bytes.Repeat([]byte("0123456789abcdef"), (partBytes+partBytes/2)/16)
	if err := s.Create(ctx, "large", io.MultiReader(bytes.NewReader(large)), -1); err != nil {
		t.Fatal(err)
	}
	if got := read("large"); got != string(large) {
		t.Errorf("%d bytes, want %d", len(got), len(large))
	}
	broken := errors.New("broken off")
	for _, size := range []int64{int64(len(large)), -1} {
		err := s.Create(ctx, "half", io.MultiReader(bytes.NewReader(large[:len(large)-1]), failing{broken}), size)
		if !errors.Is(err, broken) {
			t.Errorf("want the reader's error, got %v", err)
		}
		if got := names("half"); len(got) != 0 {
			t.Errorf("half an object: %v", got)
		}
		if _, err := s.Sweep(ctx, time.Hour); err != nil {
			t.Error(err)
		}
	}

	missing := func(name string) {
		t.Helper()
		r, err := s.Open(ctx, name)
		if err == nil {
			_, err = r.Read(make([]byte, 1))
			r.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	missing("nowhere")
	for range 2 {
		if err := s.Remove(ctx, "a/b/one"); err != nil {
			t.Error(err)
		}
	}
	missing("a/b/one")
	if got := names("a/b/"); !slices.Equal(got, []string{"a/b/two 7"}) {
		t.Errorf("%v", got)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestOpen(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]string{
		"ftp://x":                   "a folder or to s3://",
		"s3://":                     "a bucket is named",
		"s3://key:secret@b":         "AWS_ACCESS_KEY_ID",
		"s3://b?endpoint=localhost": "the endpoint is a URL",
		"s3://b?verify=no":          `no setting "verify"`,
	} {
		if _, err := Open(t.Context(), where); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", where, err, want)
		}
	}
}
