package maintenance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/url"
	"path"
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
func (f *feed) mirror(ctx context.Context) error {
	urls, err := f.listing(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, u := range urls {
		if err := f.fetch(ctx, u); err != nil {
			failed = append(failed, err)
			if ctx.Err() != nil {
				break
			}
		}
	}
	return errors.Join(failed...)
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
	res, err := f.get(ctx, f.Path, feedFile{}, 0)
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
