package backup

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"sluice/backup/storage"
	"sluice/internal/embedpg"
)

// envChild makes the test binary a process that does one thing with a store which stops in the
// middle of an object, and waits there to be killed.
const envChild = "BACKUP_TEST_CHILD"

type childSpec struct {
	Verb          string // run, wal, archive, recover or folder
	URL, Dir, Key string
	Recipient     string
	Path          string // of the file that is archived, the home or folder that is restored
	Stall         string // in the object whose name has this
	After         int    // bytes of it
	WhenOpened    bool   // when it is read, not when it is written
}

func childMain(text string) int {
	var spec childSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return 2
	}
	if err := spec.do(context.Background()); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("it was not stopped")
	return 0
}

func (c childSpec) do(ctx context.Context) error {
	keys, err := ReadKeys([]string{c.Recipient}, c.Key)
	if err != nil {
		return err
	}
	folder, err := storage.OpenFolder(c.Dir)
	if err != nil {
		return err
	}
	cfg := Config{URL: c.URL, Store: stalling{folder, c}, Keys: keys}
	switch c.Verb {
	case "run":
		_, err = Run(ctx, cfg)
	case "wal":
		_, err = ArchiveAll(ctx, cfg)
	case "archive":
		_, err = ArchiveFile(ctx, cfg.Store, keys, c.Path)
	case "recover", "folder":
		var s Source
		if s, err = Find(ctx, cfg.Store, keys, "", "", Target{}); err != nil {
			return err
		}
		if c.Verb == "folder" {
			_, err = s.Folder(ctx, c.Path)
			return err
		}
		_, err = embedpg.Recover(ctx, embedpg.Config{Home: c.Path}, embedpg.Recovery{
			Superuser: s.Backup.Superuser, Settings: s.Settings(),
			Fill: func(data, beside string) error { _, err := s.Fill(ctx, data, beside); return err },
		})
	}
	return err
}

// stalling is a store that stops in the middle of an object.
type stalling struct {
	storage.Store
	childSpec
}

func (s stalling) Create(ctx context.Context, name string, body io.Reader, size int64) error {
	if !s.WhenOpened && strings.Contains(name, s.Stall) {
		body = &staller{body, s.After}
	}
	return s.Store.Create(ctx, name, body, size)
}

func (s stalling) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := s.Store.Open(ctx, name)
	if err == nil && s.WhenOpened && strings.Contains(name, s.Stall) {
		return struct {
			io.Reader
			io.Closer
		}{&staller{r, s.After}, r}, nil
	}
	return r, err
}

type staller struct {
	r    io.Reader
	left int
}

func (s *staller) Read(p []byte) (int, error) {
	if s.left <= 0 {
		fmt.Println("half")
		select {} // until we are killed
	}
	n, err := s.r.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

// killed starts a child, waits until it is in the middle, and kills it.
func (w *world) killed(c childSpec) {
	w.Helper()
	c.URL, c.Dir, c.Key = w.cfg.URL, w.dir, w.key
	public, err := os.ReadFile(w.key)
	if err != nil {
		w.Fatal(err)
	}
	c.Recipient = strings.Fields(strings.TrimPrefix(string(public), "# public key:"))[0]
	spec, err := json.Marshal(c)
	if err != nil {
		w.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		w.Fatal(err)
	}
	cmd := exec.CommandContext(w.Context(), self)
	cmd.Env = append(os.Environ(), envChild+"="+string(spec))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		w.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if line != "half\n" {
		w.Fatalf("%s: the child said %q", c.Verb, line)
	}
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
