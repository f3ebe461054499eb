package maintenance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// FeedConfig tells Feed where the shared vulnerability feed comes from.
type FeedConfig struct {
	// Path is a folder, a file, or the http(s) URL of an archive or of a page that lists
	// archives: HTML links or a line per archive. "": there is none but the sources that were
	// added (AddSource).
	Path string
	// OnlySources leaves Path alone, and what is noted of it. Only are names of sources: the others
	// are left alone; none: all.
	OnlySources bool
	Only        []string
	// Import stores the files as shared vulnerability facts and returns how many documents
	// were parked. It may be called several times in a run.
	Import func(ctx context.Context, paths []string) (parked int64, err error)
	// Every is how often to look. Default 6 h.
	Every time.Duration
	// Client fetches; default one that gives up when nothing comes for a minute.
	Client *http.Client
	// Pause is how long to wait before a transfer that broke off again is gone on with, and is added each
	// time. Default 5 s.
	Pause time.Duration
	// MaxBytes is the largest archive that is fetched. Default 8 GiB.
	MaxBytes int64
	// TempDir is where an archive is kept while it is imported; one at a time. Default os.TempDir.
	TempDir string
}

// Feed imports what changed in a folder, on a mirror or at the sources that were added since the last
// time, by size and time of change or by ETag. What is unchanged is not read.
func Feed(cfg FeedConfig) Task {
	if cfg.Every <= 0 {
		cfg.Every = 6 * time.Hour
	}
	if cfg.Client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.ResponseHeaderTimeout = time.Minute
		cfg.Client = &http.Client{Transport: transport}
	}
	if cfg.Pause <= 0 {
		cfg.Pause = 5 * time.Second
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 8 << 30
	}
	return Task{
		Name: feedTask, Does: "import what is new in the vulnerability feed's folder or mirror, and at the sources of `sluice feeds`", Every: cfg.Every,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (Result, error) {
			f := feed{FeedConfig: cfg, pool: pool, dryRun: dryRun}
			return f.run(ctx)
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
	// Of a source: when this version was imported, and when it was the newest one.
	Fetched time.Time `json:"fetched,omitzero"`
	Checked time.Time `json:"checked,omitzero"`
}

// run looks at all there is. What fails for one does not stop the others.
func (f *feed) run(ctx context.Context) (Result, error) {
	sources, err := f.load(ctx)
	if err != nil {
		return Result{}, err
	}
	var failed []error
	if f.Path != "" && !f.OnlySources {
		look := f.folder
		if isURL(f.Path) {
			look = f.mirror
		}
		if err := look(ctx); err != nil {
			failed = append(failed, err)
		}
	}
	for _, s := range sources {
		if len(f.Only) > 0 && !slices.Contains(f.Only, s.Name) {
			continue
		}
		if err := f.source(ctx, s); err != nil {
			failed = append(failed, fmt.Errorf("feed %s: %w", s.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return f.done(), errors.Join(failed...)
}

// load reads what was noted, less what is of another folder or mirror than now and of no source.
func (f *feed) load(ctx context.Context) ([]Source, error) {
	sources, err := Sources(ctx, f.pool)
	if err != nil {
		return nil, err
	}
	if err := loadState(ctx, f.pool, feedTask, &f.state); err != nil {
		return nil, err
	}
	if f.state.Path != f.Path && !f.OnlySources || f.state.Files == nil {
		files := map[string]feedFile{}
		for _, s := range sources {
			if file, ok := f.state.Files[s.URL]; ok {
				files[s.URL] = file
			}
		}
		f.state.Files = files
		if !f.OnlySources {
			f.state.Path = f.Path
		}
	}
	return sources, nil
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
func (f *feed) folder(ctx context.Context) error {
	var paths []string
	there, files := map[string]bool{}, map[string]feedFile{}
	var failed []error
	if _, err := os.Stat(f.Path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no folder %s (--feed-path)", f.Path)
	}
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
		return err
	}
	for name := range f.state.Files {
		if !there[name] && !isURL(name) {
			delete(f.state.Files, name)
		}
	}
	if len(paths) > 0 {
		if err := f.imported(ctx, paths, files); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
