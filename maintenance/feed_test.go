package maintenance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// imports notes what a feed hands over: base name and content.
type imports struct {
	got    []string
	fail   string // base name that cannot be imported
	parked int64
}

func (i *imports) take(_ context.Context, paths []string) (int64, error) {
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return 0, err
		}
		if filepath.Base(p) == i.fail {
			return 0, errors.New("no luck")
		}
		i.got = append(i.got, filepath.Base(p)+"="+string(b))
	}
	return i.parked, nil
}

func (i *imports) taken() string {
	slices.Sort(i.got)
	s := strings.Join(i.got, " ")
	i.got = nil
	return s
}

func TestFeedOfAFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	write := func(name, content string, age time.Duration) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	var i imports
	task := Feed(FeedConfig{Path: dir, Import: i.take})
	write("a.zip", "1", time.Hour)
	write("sub/b.zip", "2", time.Hour)
	if out := w.twice(task); i.taken() != "a.zip=1 b.zip=2" || out.Rows != 2 || out.Bytes != 2 {
		t.Errorf("%+v", out)
	}
	if out := w.twice(task); out.Rows != 0 || out.What != "" || i.taken() != "" {
		t.Errorf("nothing changed: %+v", out)
	}
	write("a.zip", "3", time.Minute) // another time, the same size
	i.parked = 4
	if out := w.run(task, false); i.taken() != "a.zip=3" || out.What != "1 changed files, 4 documents parked (`sluice parked list --shared`)" {
		t.Errorf("%+v", out)
	}
	i.fail = "a.zip"
	write("a.zip", "55", time.Minute)
	if out, err := Once(t.Context(), w.pool, task, false); err == nil || !strings.Contains(out.Error, "no luck") {
		t.Errorf("%+v, %v", out, err)
	}
	i.fail = ""
	i.taken()
	if w.run(task, false); i.taken() != "a.zip=55" {
		t.Error("what failed was not tried again")
	}
	gone := Feed(FeedConfig{Path: filepath.Join(dir, "nowhere"), Import: i.take})
	if out, err := Once(t.Context(), w.pool, gone, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestFeedOfAMirror(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"etag", "modified", "neither"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			content := map[string]string{"/osv/a.zip": "1", "/osv/sub/b.json": "2", "/elsewhere/c.zip": "3"}
			var sent atomic.Int64
			mirror := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
				body, ok := content[in.URL.Path]
				switch {
				case in.URL.Path == "/osv/":
					out.Header().Set("Content-Type", "text/html; charset=utf-8")
					fmt.Fprint(out, `<a href="../">up</a> <a href='a.zip'>a</a> <A HREF="sub/b.json?x=1&amp;y=2">b</A> <a href="/elsewhere/c.zip">c</a>
						<a href="https://example.org/d.zip">d</a> <a href="readme.txt">e</a> <a href="a.zip#again">a</a>`)
					return
				case !ok:
					http.NotFound(out, in)
					return
				}
				tag := fmt.Sprintf("%q", body)
				at := time.Date(2026, 1, len(body), 0, 0, 0, 0, time.UTC).Format(http.TimeFormat)
				switch kind {
				case "etag":
					out.Header().Set("ETag", tag)
				case "modified":
					out.Header().Set("Last-Modified", at)
				}
				if kind == "etag" && in.Header.Get("If-None-Match") == tag || kind == "modified" && in.Header.Get("If-Modified-Since") == at {
					out.WriteHeader(http.StatusNotModified)
					return
				}
				sent.Add(1)
				fmt.Fprint(out, body)
			}))
			t.Cleanup(mirror.Close)
			var i imports
			temp := t.TempDir()
			task := Feed(FeedConfig{Path: mirror.URL + "/osv/", Import: i.take, TempDir: temp, MaxBytes: 10})
			if out := w.run(task, true); out.Rows != 2 || i.taken() != "" {
				t.Errorf("dry run: %+v", out)
			}
			if out := w.run(task, false); i.taken() != "a.zip=1 b.json=2" || out.Rows != 2 {
				t.Errorf("%+v", out)
			}
			sent.Store(0)
			if out := w.run(task, false); out.Rows != 0 || i.taken() != "" || kind != "neither" && sent.Load() != 0 {
				t.Errorf("nothing changed: %+v, %d sent", out, sent.Load())
			}
			content["/osv/a.zip"], content["/osv/sub/b.json"] = "much too large", "222"
			out, err := Once(t.Context(), w.pool, task, false)
			if err == nil || !strings.Contains(out.Error, "larger than 10 bytes") || i.taken() != "b.json=222" {
				t.Errorf("one that fails does not stop the other: %+v", out)
			}
			delete(content, "/osv/a.zip")
			if out, err := Once(t.Context(), w.pool, task, false); err == nil || !strings.Contains(out.Error, "404") {
				t.Errorf("%+v, %v", out, err)
			}
			if left, _ := os.ReadDir(temp); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestListings(t *testing.T) {
	t.Parallel()
	got := links([]byte("# feeds\n\nall.zip\n https://example.org/x.zip \n"), "text/plain")
	if strings.Join(got, " ") != "all.zip https://example.org/x.zip" {
		t.Errorf("%q", got)
	}
	empty := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { fmt.Fprint(out, "nothing here") }))
	t.Cleanup(empty.Close)
	f := feed{FeedConfig: FeedConfig{Path: empty.URL + "/", Client: empty.Client()}}
	if _, err := f.listing(t.Context()); err == nil || !strings.Contains(err.Error(), "lists no archive") {
		t.Errorf("%v", err)
	}
}
