package main

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/dbtest"
)

// TestFeeds: a source that is added is fetched and imported for every tenant, once; what there is and how
// old it is is told; without a network there is a message that helps.
func TestFeeds(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	env := []string{"SLUICE_DATABASE_URL=" + db.URL, "HTTPS_PROXY=", "HTTP_PROXY="}
	say := func(want int, args ...string) string {
		t.Helper()
		p := launch(t, env, args...)
		if status := p.finish(t, time.Minute); status != want {
			t.Fatalf("%s: status %d: %s", strings.Join(args, " "), status, tail(p.err.String()))
		}
		return p.out.String() + p.err.String()
	}
	has := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not in:\n%s", part, text)
			}
		}
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	if err := z.AddFS(os.DirFS(filepath.Join("..", "..", "fixtures", "feed", "npm"))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	mirror := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if in.URL.Path != "/osv/npm/all.zip" {
			http.NotFound(out, in)
			return
		}
		out.Header().Set("ETag", `"1"`)
		http.ServeContent(out, in, "", time.Time{}, bytes.NewReader(archive.Bytes()))
	}))
	t.Cleanup(mirror.Close)

	has(say(0, "feeds"), "nothing can be found", "sluice feeds add osv npm")
	has(say(2, "feeds", "refresh"), "there are no sources")
	has(say(2, "feeds", "add", "osv", "npn"), "did you mean npm?")
	has(say(0, "feeds", "add", "osv", "NPM", "--mirror", mirror.URL+"/osv"), "osv/npm", mirror.URL+"/osv/npm/all.zip")
	has(say(0, "feeds", "sources"), "never")
	has(say(0, "feeds", "refresh"), "1 changed files")
	has(say(0, "feeds", "refresh", "osv/npm", "--output", "json"), `"rows":0`)
	has(say(1, "feeds", "refresh", "osv/pypi"), "there is no source")
	has(say(0, "feeds", "--output", "csv"), "source,for,records,newest,imported", ",all,")
	has(say(0, "feeds", "--stale-after", "1ms"), "nothing new for more than 1ms")
	mirror.Close()
	has(say(1, "feeds", "refresh"), "is there a network?", "--mirror")
	say(0, "feeds", "remove", "osv/npm")
	has(say(0, "feeds", "sources"), "no sources")
}
