package maintenance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// FeedConfig tells Feed where the shared vulnerability feed comes from.
type FeedConfig struct {
	// Path is a folder, a file, or the http(s) URL of an archive or of a page that lists
	// archives: HTML links or a line per archive.
	Path string
	// Import stores the files as shared vulnerability facts and returns how many documents
	// were parked. It may be called several times in a run.
	Import func(ctx context.Context, paths []string) (parked int64, err error)
	// Every is how often to look. Default 6 h.
	Every time.Duration
	// Client fetches; default one that gives up when nothing comes for a minute.
	Client *http.Client
	// MaxBytes is the largest archive that is fetched. Default 8 GiB.
	MaxBytes int64
	// TempDir is where an archive is kept while it is imported; one at a time. Default os.TempDir.
	TempDir string
}

// Feed imports what changed in a folder or on a mirror since the last time, by size and
// time of change or by ETag. What is unchanged is not read.
func Feed(cfg FeedConfig) Task {
	if cfg.Every <= 0 {
		cfg.Every = 6 * time.Hour
	}
	if cfg.Client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.ResponseHeaderTimeout = time.Minute
		cfg.Client = &http.Client{Transport: transport}
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 8 << 30
	}
	return Task{
		Name: feedTask, Does: "import what is new in the vulnerability feed's folder or mirror", Every: cfg.Every,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (Result, error) {
			f := feed{FeedConfig: cfg, pool: pool, dryRun: dryRun}
			if err := f.load(ctx); err != nil {
				return Result{}, err
			}
			if isURL(cfg.Path) {
				return f.mirror(ctx)
			}
			return f.folder(ctx)
		},
	}
}

const feedTask = "feed"

func isURL(path string) bool {
	return strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://")
}

// feed is one run.
type feed struct {
	FeedConfig
	pool   *pgxpool.Pool
	dryRun bool
	state  feedState
	result Result
	parked int64
}

// feedState is what is known of the files that are imported: core.maintenance.state.
type feedState struct {
	Path  string              `json:"path"`
	Files map[string]feedFile `json:"files"`
}

// feedFile tells one version of a file from another.
type feedFile struct {
	Size     int64  `json:"size"`
	Modified string `json:"modified,omitempty"` // time of change, or the header Last-Modified
	ETag     string `json:"etag,omitempty"`
	SHA256   string `json:"sha256,omitempty"` // of a mirror that gives neither
}

func (f *feed) load(ctx context.Context) error {
	if err := loadState(ctx, f.pool, feedTask, &f.state); err != nil {
		return err
	}
	if f.state.Path != f.Path || f.state.Files == nil {
		f.state = feedState{Path: f.Path, Files: map[string]feedFile{}}
	}
	return nil
}

// imported hands files over and notes them: what is noted is not imported again, also when
// the next one fails. Parked documents are in the database; trying them again is parked replay's.
func (f *feed) imported(ctx context.Context, paths []string, files map[string]feedFile) error {
	f.result.Rows += int64(len(paths))
	for _, file := range files {
		f.result.Bytes += file.Size
	}
	if f.dryRun {
		return nil
	}
	parked, err := f.Import(ctx, paths)
	if err != nil {
		return fmt.Errorf("import %s: %w", strings.Join(paths[:min(3, len(paths))], ", "), err)
	}
	f.parked += parked
	for name, file := range files {
		f.state.Files[name] = file
	}
	return saveState(ctx, f.pool, feedTask, f.state)
}

func (f *feed) done() Result {
	f.result.What = counted(f.result.Rows, "changed files")
	if f.parked > 0 {
		f.result.What += fmt.Sprintf(", %d documents parked (`sluice parked list --shared`)", f.parked)
	}
	return f.result
}

// folder imports the files below Path whose size or time of change is another than noted.
func (f *feed) folder(ctx context.Context) (Result, error) {
	var paths []string
	there, files := map[string]bool{}, map[string]feedFile{}
	var failed []error
	err := filepath.WalkDir(f.Path, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return ctx.Err()
		}
		var info fs.FileInfo
		if err == nil {
			info, err = os.Stat(path) // through a link: mirrors are often swapped by one
		}
		switch {
		case errors.Is(err, fs.ErrNotExist) && path != f.Path:
			return nil // gone since the folder was read
		case err != nil && path == f.Path:
			return err
		case err != nil:
			failed = append(failed, err)
			return nil
		case !info.Mode().IsRegular():
			return nil
		}
		there[path] = true
		now := feedFile{Size: info.Size(), Modified: info.ModTime().UTC().Format(time.RFC3339Nano)}
		if f.state.Files[path] != now {
			paths, files[path] = append(paths, path), now
		}
		return ctx.Err()
	})
	if err != nil {
		return Result{}, fmt.Errorf("feed: %w", err)
	}
	for name := range f.state.Files {
		if !there[name] {
			delete(f.state.Files, name)
		}
	}
	if len(paths) > 0 {
		if err := f.imported(ctx, paths, files); err != nil {
			failed = append(failed, err)
		}
	}
	return f.done(), errors.Join(failed...)
}
