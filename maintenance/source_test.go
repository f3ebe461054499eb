package maintenance

import (
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/ask"
)

// publisher serves one file as public ones do: with an ETag, a checksum, in parts. It cuts the first
// answers off after some bytes.
type publisher struct {
	mu      sync.Mutex
	body    string
	cuts    []int // bytes that the next answers have
	tag     bool
	sum     string // instead of the right one
	asked   []string
	changed string // what is there after the first cut
}

func (p *publisher) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, strings.TrimSpace(in.URL.Path+" "+in.Header.Get("Range")))
	if p.tag {
		out.Header().Set("ETag", fmt.Sprintf("%q", p.body))
	}
	sum := md5.Sum([]byte(p.body))
	if p.sum == "" {
		out.Header().Set("X-Goog-Hash", "crc32c=AAAAAA==")
		out.Header().Add("X-Goog-Hash", "md5="+base64.StdEncoding.EncodeToString(sum[:]))
	} else {
		out.Header().Set("X-Goog-Hash", "md5="+p.sum)
	}
	if len(p.cuts) > 0 {
		// As many bytes as said, then the connection is closed.
		var from int
		_, _ = fmt.Sscanf(in.Header.Get("Range"), "bytes=%d-", &from)
		if from > 0 {
			out.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(p.body)-1, len(p.body)))
		}
		out.Header().Set("Content-Length", fmt.Sprint(len(p.body)-from))
		if from > 0 {
			out.WriteHeader(http.StatusPartialContent)
		}
		n := p.cuts[0]
		p.cuts = p.cuts[1:]
		_, _ = out.Write([]byte(p.body[from : from+n]))
		out.(http.Flusher).Flush()
		if p.changed != "" {
			p.body, p.changed = p.changed, ""
		}
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(out, in, "", time.Time{}, strings.NewReader(p.body))
}

func (p *publisher) set(body string, cuts ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.body, p.cuts, p.asked = body, cuts, nil
}

func (p *publisher) requests() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.asked, ", ")
}

// TestSources: what is added is fetched, again only where it is another one, gone on with where it broke
// off, and refused where it is not what the server says; one that fails does not stop another.
func TestSources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	osv, kev := &publisher{body: "0123456789", tag: true}, &publisher{body: "{}", tag: true}
	mirror := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if in.URL.Path == "/kev.json" {
			kev.ServeHTTP(out, in)
			return
		}
		osv.ServeHTTP(out, in)
	}))
	t.Cleanup(mirror.Close)
	mirror.Config.ErrorLog = nil
	var i imports
	task := Feed(FeedConfig{Import: i.take, TempDir: t.TempDir(), MaxBytes: 100, Pause: time.Millisecond})
	if out := w.run(task, false); out.Rows != 0 {
		t.Errorf("without sources: %+v", out)
	}
	add := func(kind, mirror string, names ...string) {
		t.Helper()
		list, err := PublicSources(kind, names, mirror)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if changed, err := AddSource(ctx, w.pool, s); err != nil || !changed {
				t.Fatalf("%+v: %v, %v", s, changed, err)
			}
			if changed, err := AddSource(ctx, w.pool, s); err != nil || changed {
				t.Fatalf("%+v again: %v, %v", s, changed, err)
			}
		}
	}
	add("osv", mirror.URL+"/", "github actions")
	add("kev", mirror.URL+"/kev.json")

	osv.set("0123456789", 4, 3)
	if out := w.run(task, false); out.Rows != 2 || i.taken() != "all.zip=0123456789 kev.json={}" {
		t.Errorf("%+v", out)
	}
	if got := osv.requests(); got != "/GitHub Actions/all.zip, /GitHub Actions/all.zip bytes=4-, /GitHub Actions/all.zip bytes=7-" {
		t.Errorf("it was asked for %s", got)
	}
	list, err := Sources(ctx, w.pool)
	if err != nil || len(list) != 2 || list[1].Name != "osv/GitHub Actions" || list[1].Fetched == nil || list[1].Fetched.Bytes != 10 || list[1].Fetched.At.IsZero() {
		t.Fatalf("%+v, %v", list, err)
	}
	fetched := list[1].Fetched.At
	if out := w.run(task, false); out.Rows != 0 || i.taken() != "" {
		t.Errorf("nothing is new: %+v", out)
	}
	if list, err = Sources(ctx, w.pool); err != nil || !list[1].Fetched.At.Equal(fetched) || !list[1].Fetched.Checked.After(fetched) {
		t.Errorf("%+v, %v", list[1].Fetched, err)
	}

	// Another version by the time that the rest is asked for: it is taken from its start.
	osv.set("first version", 5)
	osv.changed = "second"
	if w.run(task, false); i.taken() != "all.zip=second" {
		t.Error("the parts of two versions are one file")
	}
	// Broken off for good, larger than allowed, another checksum: the other source is fetched all the same.
	kev.set("{1}")
	for _, c := range []struct {
		name string
		harm func()
		want string
	}{
		{"cut off", func() { osv.set("0123456789abc", 1, 1, 1, 1, 1, 1, 1, 1) }, "osv/GitHub Actions: fetch " + mirror.URL + "/GitHub%20Actions/all.zip: it broke off after 6 bytes"},
		{"large", func() { osv.set(strings.Repeat("x", 101)) }, "larger than 100 bytes"},
		{"checksum", func() { osv.set("abc"); osv.sum = "bm90IHRoaXMgb25lIQ==" }, "and the server says bm90IHRoaXMgb25lIQ=="},
	} {
		c.harm()
		kev.set("{" + c.name + "}")
		out, err := Once(ctx, w.pool, task, false)
		if got := i.taken(); err == nil || !strings.Contains(out.Error, c.want) || got != "kev.json={"+c.name+"}" {
			t.Errorf("%s: %q, %v, %s", c.name, out.Error, err, got)
		}
	}
	osv.sum = ""
	// Only one of them.
	osv.set("new")
	kev.set("{new}")
	only := Feed(FeedConfig{Import: i.take, TempDir: t.TempDir(), OnlySources: true, Only: []string{"kev"}})
	if w.run(only, false); i.taken() != "kev.json={new}" {
		t.Error("more than the one that was asked for")
	}
	mirror.Close()
	if out, err := Once(ctx, w.pool, task, false); err == nil || !strings.Contains(out.Error, "is there a network?") {
		t.Errorf("%q, %v", out.Error, err)
	}
	var missing *ask.NotFoundError
	if err := RemoveSource(ctx, w.pool, "kv"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "did you mean kev?") {
		t.Error(err)
	}
	for _, s := range list {
		if err := RemoveSource(ctx, w.pool, s.Name); err != nil {
			t.Error(err)
		}
	}
	if out := w.run(task, false); out.Rows != 0 {
		t.Errorf("%+v", out)
	}
}

// TestPublicSources: names as OSV has them, others only of a mirror; what is wrong is said.
func TestPublicSources(t *testing.T) {
	list, err := PublicSources("osv", []string{"NPM", "Rocky Linux"}, "")
	if err != nil || len(list) != 2 || list[0].Name != "osv/npm" || list[0].URL != osvBase+"/npm/all.zip" || list[1].URL != osvBase+"/Rocky%20Linux/all.zip" {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := PublicSources("osv", []string{"Ours"}, "https://mirror.example/osv"); err != nil || list[0].URL != "https://mirror.example/osv/Ours/all.zip" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, kind := range []string{"kev", "epss", "cve"} {
		if list, err := PublicSources(kind, nil, ""); err != nil || len(list) != 1 || !strings.HasPrefix(list[0].URL, "https://") {
			t.Errorf("%+v, %v", list, err)
		}
	}
	var wrong *ask.WrongError
	for name, c := range map[string][]string{"did you mean PyPI?": {"osv", "pipy"}, "say of which": {"osv"}, "takes no names": {"kev", "npm"}, "the public sources are": {"nvd"}} {
		if _, err := PublicSources(c[0], c[1:], ""); !errors.As(err, &wrong) || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v", c, err)
		}
	}
	for _, s := range []Source{{Name: "Bad name!", URL: "https://x"}, {Name: "x", URL: "ftp://x"}, {Name: "x", URL: "https://"}, {Name: "x", URL: "/srv"}} {
		if _, err := AddSource(t.Context(), nil, s); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
