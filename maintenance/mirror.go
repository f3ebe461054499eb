package maintenance

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// archives are the ends of names that a listing is searched for.
var archives = []string{".zip", ".tar", ".gz", ".tgz", ".zst", ".bz2", ".xz", ".json", ".jsonl", ".yaml", ".yml"}

// maxListing bounds the page that lists archives.
const maxListing = 16 << 20

// mirror imports the archives of a mirror that are new or have changed, one at a time. What
// fails for one does not stop the others.
func (f *feed) mirror(ctx context.Context) (Result, error) {
	urls, err := f.listing(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("feed: %w", err)
	}
	var failed []error
	for _, u := range urls {
		if err := f.fetch(ctx, u); err != nil {
			failed = append(failed, fmt.Errorf("feed: %w", err))
			if ctx.Err() != nil {
				break
			}
		}
	}
	return f.done(), errors.Join(failed...)
}

// listing is the archives that Path names: itself, or those that its page links to, below it.
func (f *feed) listing(ctx context.Context) ([]string, error) {
	base, err := url.Parse(f.Path)
	if err != nil {
		return nil, err
	}
	if isArchive(base.Path) {
		return []string{f.Path}, nil
	}
	res, err := f.get(ctx, f.Path, feedFile{})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	page, err := io.ReadAll(io.LimitReader(res.Body, maxListing+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", base.Redacted(), err)
	}
	if len(page) > maxListing {
		return nil, fmt.Errorf("%s is larger than %d bytes: name the archive itself, or a page that lists archives", base.Redacted(), maxListing)
	}
	base = res.Request.URL // after redirects
	var out []string
	for _, link := range links(page, res.Header.Get("Content-Type")) {
		u, err := base.Parse(link)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || !strings.HasPrefix(u.Path, path.Dir(base.Path)) || !isArchive(u.Path) {
			continue // not of this listing: a mirror does not send us elsewhere
		}
		u.Fragment = ""
		if s := u.String(); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if out == nil {
		return nil, fmt.Errorf("%s lists no archive (a name that ends in %s)", base.Redacted(), strings.Join(archives, ", "))
	}
	return out, nil
}

func isArchive(name string) bool {
	return slices.ContainsFunc(archives, func(end string) bool { return strings.HasSuffix(strings.ToLower(name), end) })
}

var href = regexp.MustCompile(`(?i)href\s*=\s*(?:"([^"]*)"|'([^']*)')`)

// links are those of an HTML page, or the lines of a text.
func links(page []byte, contentType string) (out []string) {
	if strings.Contains(contentType, "html") {
		for _, m := range href.FindAllStringSubmatch(string(page), -1) {
			out = append(out, html.UnescapeString(m[1]+m[2]))
		}
		return out
	}
	lines := bufio.NewScanner(strings.NewReader(string(page)))
	for lines.Scan() {
		if s := strings.TrimSpace(lines.Text()); s != "" && !strings.HasPrefix(s, "#") {
			out = append(out, s)
		}
	}
	return out
}

// get asks for a URL, unless it is still the version that have tells of: then the status is 304.
func (f *feed) get(ctx context.Context, u string, have feedFile) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "sluice")
	switch {
	case have.ETag != "":
		req.Header.Set("If-None-Match", have.ETag)
	case have.Modified != "":
		req.Header.Set("If-Modified-Since", have.Modified)
	}
	res, err := f.Client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNotModified {
		res.Body.Close()
		return nil, fmt.Errorf("%s: the mirror answers %s", req.URL.Redacted(), res.Status)
	}
	return res, nil
}

// fetch imports one archive if it is another than the last time.
func (f *feed) fetch(ctx context.Context, u string) error {
	have := f.state.Files[u]
	res, err := f.get(ctx, u, have)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	now := feedFile{Size: max(0, res.ContentLength), Modified: res.Header.Get("Last-Modified"), ETag: res.Header.Get("ETag")}
	told := now.ETag != "" || now.Modified != ""
	if res.StatusCode == http.StatusNotModified || told && now.Size == have.Size && now.ETag == have.ETag && now.Modified == have.Modified {
		return nil
	}
	if f.dryRun {
		return f.imported(ctx, []string{u}, map[string]feedFile{u: now})
	}
	dir, err := os.MkdirTemp(f.TempDir, "sluice-feed-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, path.Base(res.Request.URL.Path))
	hash, size, err := f.download(res.Body, file)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", res.Request.URL.Redacted(), err)
	}
	if !told {
		if now.SHA256 = hash; hash == have.SHA256 {
			return nil
		}
	}
	if now.Size == 0 {
		now.Size = size
	}
	return f.imported(ctx, []string{file}, map[string]feedFile{u: now})
}

func (f *feed) download(body io.Reader, file string) (hash string, size int64, err error) {
	out, err := os.Create(file)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(out, h), io.LimitReader(body, f.MaxBytes+1))
	if err = errors.Join(err, out.Close()); err != nil {
		return "", 0, err
	}
	if size > f.MaxBytes {
		return "", 0, fmt.Errorf("it is larger than %d bytes", f.MaxBytes)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
