package kafka

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/id"
	"sluice/normalize"
)

// References fetches documents that are too large for a message: the message holds where
// they are and their hash.
type References struct {
	places   places
	own      []string // folders and prefixes with {tenant} in them
	maxBytes int64
	pause    time.Duration // between two tries

	mu      sync.Mutex
	slow    map[string]time.Time // hosts that have used a budget up, and until when nobody waits for them
	running map[string]bool      // files that are being read: a file system that hangs cannot be interrupted
}

// places are where documents may come from.
type places struct {
	files []folder
	urls  []*url.URL // prefixes
}

// folder is where it was said to be, and where it is with links resolved.
type folder struct{ given, real string }

// names reports whether a path leads into the folder by its text alone. Whether there is
// something at a path that does not, nobody shall learn.
func (f folder) names(path string) bool {
	return slices.ContainsFunc([]string{f.given, f.real}, func(base string) bool {
		inside, err := filepath.Rel(base, filepath.Clean(path))
		return err == nil && filepath.IsLocal(inside)
	})
}

// perTenant stands in a prefix for the id of the tenant that a message is of: each has a place
// of its own then, and cannot name what lies in another's.
const perTenant = "{tenant}"

// avoidSlow is how long a host that did not answer in time is not waited for in a lane.
const avoidSlow = 30 * time.Second

// fetchTries is how often a fetch is tried before the message is parked.
const fetchTries = 4

// NewReferences allows documents below the given prefixes: folders ("/srv/inbox" or
// "file:///srv/inbox") and URLs ("https://artifacts.example.org/sboms/"). {tenant} in one is the
// tenant's id.
func NewReferences(prefixes []string, maxBytes int64) (*References, error) {
	r := &References{maxBytes: maxBytes, pause: 500 * time.Millisecond, slow: map[string]time.Time{}, running: map[string]bool{}}
	for _, p := range prefixes {
		if strings.Contains(p, perTenant) {
			if err := new(places).add(strings.ReplaceAll(p, perTenant, id.Shared.String())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			r.own = append(r.own, p)
		} else if err := r.places.add(p); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (p *places) add(prefix string) error {
	if u, err := url.Parse(prefix); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		if u.Host == "" || u.RawQuery != "" || u.User != nil {
			return fmt.Errorf("document prefix %q: it is scheme://host/path without user and query", prefix)
		}
		if !strings.HasSuffix(u.Path, "/") {
			u.Path += "/"
		}
		p.urls = append(p.urls, u)
		return nil
	}
	given := strings.TrimPrefix(prefix, "file://")
	if !filepath.IsAbs(given) {
		return fmt.Errorf("document prefix %q is neither an absolute path nor an http(s) URL", prefix)
	}
	real, err := filepath.EvalSymlinks(given)
	if err != nil {
		return fmt.Errorf("document prefix %q: %w", prefix, err)
	}
	p.files = append(p.files, folder{filepath.Clean(given), real})
	return nil
}

// of are the places of a tenant's documents. A folder of its own that is not there yet holds none.
func (r *References) of(tenant id.ID) places {
	p := places{slices.Clip(r.places.files), slices.Clip(r.places.urls)}
	for _, own := range r.own {
		_ = p.add(strings.ReplaceAll(own, perTenant, tenant.String()))
	}
	return p
}

// client fetches from the allowed URLs and follows redirects to those only.
func (p places) client() *http.Client {
	return &http.Client{
		Timeout: 5 * time.Minute,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= 5 {
				return errors.New("more than 5 redirects")
			}
			if !p.allowed(req.URL) {
				return fmt.Errorf("redirected to %s, which is under no allowed prefix", req.URL.Redacted())
			}
			return nil
		},
	}
}

// Fetch gets the document at ref and checks its hash. Troubles that may pass are tried
// again for some seconds; then the message is parked and can be replayed.
func (r *References) Fetch(ctx context.Context, tenant id.ID, ref string, sum []byte) ([]byte, *normalize.ParkError, error) {
	var park *normalize.ParkError
	for try := 1; ; try++ {
		var b []byte
		var passes bool
		b, park, passes = r.once(ctx, tenant, ref)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if park == nil {
			if got := sha256.Sum256(b); !bytes.Equal(got[:], sum) {
				return nil, otherHash(ref, sum), nil
			}
			return b, nil, nil
		}
		if !passes || try == fetchTries {
			return nil, park, nil
		}
		select {
		case <-time.After(r.pause << (try - 1)):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// any reports whether there is a place that documents may come from.
func (r *References) any() bool {
	return r != nil && len(r.places.files)+len(r.places.urls)+len(r.own) > 0
}

// Within gets the document at ref in one try of at most budget, and checks its hash. late says
// that another try may succeed; park then says what was wrong with this one. hurry: a host that has
// used up somebody's budget a moment ago is not waited for at all.
func (r *References) Within(ctx context.Context, budget time.Duration, hurry bool, tenant id.ID, ref string, sum []byte) (b []byte, park *normalize.ParkError, late bool, err error) {
	place := ref // a file
	if u, err := url.Parse(ref); err == nil && u.Host != "" {
		place = u.Host
	}
	if hurry && r.avoid(place) {
		return nil, normalize.Park(normalize.ReasonReference, "header "+headerRef, "%.200s does not answer in time", place), true, nil
	}
	short, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	b, park, late = r.interruptible(short, tenant, ref)
	switch {
	case ctx.Err() != nil:
		return nil, nil, false, ctx.Err()
	case short.Err() != nil && (park == nil || late):
		r.mu.Lock()
		r.slow[place] = time.Now().Add(avoidSlow)
		r.mu.Unlock()
		return nil, normalize.Park(normalize.ReasonReference, "header "+headerRef, "%.200q did not come within %v", ref, budget), true, nil
	case park != nil:
		return nil, park, late, nil
	}
	if got := sha256.Sum256(b); !bytes.Equal(got[:], sum) {
		return nil, otherHash(ref, sum), false, nil
	}
	return b, nil, false, nil
}

func (r *References) avoid(place string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.slow[place]
	if ok && time.Now().After(until) {
		delete(r.slow, place)
		ok = false
	}
	return ok
}

// interruptible is once that returns when ctx ends, although reading a file may go on.
func (r *References) interruptible(ctx context.Context, tenant id.ID, ref string) ([]byte, *normalize.ParkError, bool) {
	r.mu.Lock()
	hangs := r.running[ref]
	r.running[ref] = true
	r.mu.Unlock()
	if hangs {
		return nil, normalize.Park(normalize.ReasonReference, "header "+headerRef, "%.200q is still being read since an earlier try", ref), true
	}
	type answer struct {
		b    []byte
		park *normalize.ParkError
		late bool
	}
	done := make(chan answer, 1)
	go func() {
		b, park, late := r.once(ctx, tenant, ref)
		r.mu.Lock()
		delete(r.running, ref)
		r.mu.Unlock()
		done <- answer{b, park, late}
	}()
	select {
	case a := <-done:
		return a.b, a.park, a.late
	case <-ctx.Done():
		return nil, normalize.Park(normalize.ReasonReference, "header "+headerRef, "%.200q: %w", ref, ctx.Err()), true
	}
}

// otherHash does not say which hash the document has: whoever knows it is given the document, and
// the folders are everybody's.
func otherHash(ref string, want []byte) *normalize.ParkError {
	return normalize.Park(normalize.ReasonHash, "header "+headerSHA256, "the SHA-256 of %.200s is not %s, as the message says; send the message again with the right one",
		ref, hex.EncodeToString(want))
}

// once tries to fetch. passes says that another try may succeed.
func (r *References) once(ctx context.Context, tenant id.ID, ref string) (b []byte, park *normalize.ParkError, passes bool) {
	refuse := func(format string, args ...any) *normalize.ParkError {
		return normalize.Park(normalize.ReasonReference, "header "+headerRef, format, args...)
	}
	p := r.of(tenant)
	u, err := url.Parse(ref)
	if err != nil {
		return nil, refuse("%.200q is no URL: %w", ref, err), false
	}
	switch u.Scheme {
	case "http", "https":
		if !p.allowed(u) {
			return nil, refuse("%s is under no allowed prefix; the operator sets them with --document-prefix", u.Redacted()), false
		}
		return r.get(ctx, p.client(), u, refuse)
	case "file", "":
		if u.Host != "" && u.Host != "localhost" {
			return nil, refuse("%.200q names another host; a file is file:///path", ref), false
		}
		return r.open(p, u.Path, refuse)
	}
	return nil, refuse("%.200q: documents are fetched by file, http and https", ref), false
}

// allowed compares scheme, host and whole path elements, after the dots are resolved.
func (p places) allowed(u *url.URL) bool {
	if u.User != nil {
		return false
	}
	path := u.JoinPath().EscapedPath()
	return slices.ContainsFunc(p.urls, func(prefix *url.URL) bool {
		return u.Scheme == prefix.Scheme && strings.EqualFold(u.Host, prefix.Host) && strings.HasPrefix(path, prefix.EscapedPath()) && !strings.Contains(strings.ToLower(path), "%2e%2e")
	})
}

func (r *References) get(ctx context.Context, client *http.Client, u *url.URL, refuse func(string, ...any) *normalize.ParkError) ([]byte, *normalize.ParkError, bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, refuse("%w", err), false
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, refuse("%w", err), true
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		passes := resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout
		return nil, refuse("%s answers %s", u.Redacted(), resp.Status), passes
	}
	return r.read(resp.Body, u.Redacted(), refuse)
}

func (r *References) open(p places, path string, refuse func(string, ...any) *normalize.ParkError) ([]byte, *normalize.ParkError, bool) {
	if !filepath.IsAbs(path) {
		return nil, refuse("%.200q is no absolute path", path), false
	}
	notHere := func() *normalize.ParkError {
		return refuse("%s is under no allowed prefix; the operator sets them with --document-prefix", path)
	}
	if !slices.ContainsFunc(p.files, func(f folder) bool { return f.names(path) }) {
		return nil, notHere(), false
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, refuse("%w", err), true // the document may still be on its way
	}
	for _, f := range p.files {
		inside, err := filepath.Rel(f.real, real)
		if err != nil || !filepath.IsLocal(inside) {
			continue
		}
		// Opened below the folder, so that a link made meanwhile does not lead out of it.
		root, err := os.OpenRoot(f.real)
		if err != nil {
			return nil, refuse("%w", err), true
		}
		defer root.Close()
		info, err := root.Stat(inside)
		if err == nil && !info.Mode().IsRegular() {
			return nil, refuse("%s is no regular file", path), false
		}
		if err != nil {
			return nil, refuse("%w", err), true
		}
		file, err := root.Open(inside)
		if err != nil {
			return nil, refuse("%w", err), true
		}
		defer file.Close()
		return r.read(file, path, refuse)
	}
	return nil, notHere(), false
}

func (r *References) read(from io.Reader, name string, refuse func(string, ...any) *normalize.ParkError) ([]byte, *normalize.ParkError, bool) {
	b, err := io.ReadAll(io.LimitReader(from, r.maxBytes+1))
	if err != nil {
		return nil, refuse("%s: %w", name, err), true
	}
	if int64(len(b)) > r.maxBytes {
		return nil, normalize.Park(normalize.ReasonTooLarge, "header "+headerRef, "%s has more than %d bytes, the limit for one document (--max-document-bytes)", name, r.maxBytes), false
	}
	return b, nil, false
}
