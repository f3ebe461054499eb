package maintenance

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// source imports what was added by name, and notes when it was looked at.
func (f *feed) source(ctx context.Context, s Source) error {
	before := f.state.Files[s.URL]
	if err := f.fetch(ctx, s.URL); err != nil {
		if netErr := new(net.OpError); errors.As(err, &netErr) && ctx.Err() == nil {
			err = fmt.Errorf("%w (is there a network? A proxy is named by HTTPS_PROXY, a mirror by `sluice feeds add … --mirror URL`, a folder with the files by --feed-path)", err)
		}
		return err
	}
	if f.dryRun {
		return nil
	}
	now := f.state.Files[s.URL]
	now.Checked = time.Now().UTC()
	if now.Fetched.IsZero() || now.ETag != before.ETag || now.Modified != before.Modified || now.SHA256 != before.SHA256 || now.Size != before.Size {
		now.Fetched = now.Checked
	}
	f.state.Files[s.URL] = now
	return saveState(ctx, f.pool, feedTask, f.state)
}

// get asks for a URL, unless it is still the version that have tells of: then the status is 304. With
// from above 0 it asks for the rest of that version: 206, or 200 where there is another one by now.
func (f *feed) get(ctx context.Context, u string, have feedFile, from int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "sluice")
	req.Header.Set("Accept-Encoding", "identity") // the file as it is: its size, checksum and ranges
	switch {
	case from > 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
		req.Header.Set("If-Range", have.validator())
	case have.ETag != "":
		req.Header.Set("If-None-Match", have.ETag)
	case have.Modified != "":
		req.Header.Set("If-Modified-Since", have.Modified)
	}
	res, err := f.Client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK && (from > 0 || res.StatusCode != http.StatusNotModified) && (from == 0 || res.StatusCode != http.StatusPartialContent) {
		res.Body.Close()
		return nil, fmt.Errorf("%s: the mirror answers %s", req.URL.Redacted(), res.Status)
	}
	return res, nil
}

// validator names a version for If-Range; "" where nothing does: a weak ETag is none.
func (f feedFile) validator() string {
	if f.ETag != "" && !strings.HasPrefix(f.ETag, "W/") {
		return f.ETag
	}
	return f.Modified
}

func versionOf(res *http.Response) feedFile {
	return feedFile{Size: max(0, res.ContentLength), Modified: res.Header.Get("Last-Modified"), ETag: res.Header.Get("ETag")}
}

// fetch imports one archive if it is another than the last time.
func (f *feed) fetch(ctx context.Context, u string) error {
	have := f.state.Files[u]
	res, err := f.get(ctx, u, have, 0)
	if err != nil {
		return err
	}
	defer func() { res.Body.Close() }()
	now := versionOf(res)
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
	d := download{feed: f, url: u, res: res, version: now, file: filepath.Join(dir, path.Base(res.Request.URL.Path))}
	err = d.run(ctx)
	res, now = d.res, d.version
	if err != nil {
		return fmt.Errorf("fetch %s: %w", res.Request.URL.Redacted(), err)
	}
	if !told {
		if now.SHA256 = hex.EncodeToString(d.sum.Sum(nil)); now.SHA256 == have.SHA256 {
			return nil
		}
	}
	if now.Size == 0 {
		now.Size = d.size
	}
	return f.imported(ctx, []string{d.file}, map[string]feedFile{u: now})
}

// resumes is how often a transfer that broke off is gone on with.
const resumes = 5

// download is the transfer of one file.
type download struct {
	*feed
	url     string
	res     *http.Response
	version feedFile
	file    string

	out      *os.File
	sum, md5 hash.Hash
	size     int64
}

// run writes the file. Where the connection breaks off it asks for the rest, if the server says that
// it is still the same version, else for the new one; what the server says of the checksum has to be so.
func (d *download) run(ctx context.Context) (err error) {
	if d.out, err = os.Create(d.file); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.out.Close()) }()
	d.sum, d.md5 = sha256.New(), md5.New()
	for tries := 0; ; tries++ {
		n, err := io.Copy(io.MultiWriter(d.out, d.sum, d.md5), io.LimitReader(d.res.Body, d.MaxBytes+1-d.size))
		if d.size += n; d.size > d.MaxBytes {
			return fmt.Errorf("it is larger than %d bytes", d.MaxBytes)
		}
		if err == nil {
			break
		}
		if ctx.Err() != nil || tries == resumes || d.version.validator() == "" {
			return fmt.Errorf("it broke off after %d bytes: %w", d.size, err)
		}
		select {
		case <-time.After(time.Duration(tries) * d.Pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := d.resume(ctx); err != nil {
			return fmt.Errorf("it broke off after %d bytes, and cannot be gone on with: %w", d.size, err)
		}
	}
	return d.verify()
}

// resume asks for the rest.
func (d *download) resume(ctx context.Context) error {
	have := d.version
	if d.size == 0 {
		have = feedFile{} // nothing came: from the start
	}
	res, err := d.get(ctx, d.url, have, d.size)
	if err != nil {
		return err
	}
	d.res.Body.Close()
	d.res = res
	if res.StatusCode == http.StatusPartialContent {
		return nil
	}
	// Another version, from its start.
	d.version, d.size = versionOf(res), 0
	d.sum.Reset()
	d.md5.Reset()
	if err := d.out.Truncate(0); err != nil {
		return err
	}
	_, err = d.out.Seek(0, io.SeekStart)
	return err
}

// verify compares the file with the checksums that the server gives: X-Goog-Hash of Google's storage,
// where OSV is, Content-MD5, and Repr-Digest or Digest of the standards.
func (d *download) verify() error {
	got := map[string]string{"md5": base64.StdEncoding.EncodeToString(d.md5.Sum(nil)), "sha-256": base64.StdEncoding.EncodeToString(d.sum.Sum(nil))}
	told := func(header string) (parts []string) {
		for _, v := range d.res.Header.Values(header) {
			parts = append(parts, strings.Split(v, ",")...)
		}
		return parts
	}
	said := told("X-Goog-Hash")
	if d.res.StatusCode == http.StatusOK {
		for _, v := range told("Content-MD5") { // of what this answer has
			said = append(said, "md5="+v)
		}
	}
	for _, header := range []string{"Repr-Digest", "Digest"} { // of the whole, also of a part
		said = append(said, told(header)...)
	}
	for _, s := range said {
		name, want, _ := strings.Cut(strings.TrimSpace(s), "=")
		want = strings.Trim(want, ":")
		if have, ok := got[strings.ToLower(name)]; ok && have != want {
			return fmt.Errorf("its %s is %s, and the server says %s", name, have, want)
		}
	}
	return nil
}
