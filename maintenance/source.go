package maintenance

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/near"
	"sluice/internal/pg"
)

// Source is where facts for every tenant are fetched from, by the task feed.
type Source struct {
	Name  string    `json:"name"` // osv/npm, kev, epss, cve, or a name of the operator's own
	URL   string    `json:"url"`
	Added time.Time `json:"added_at"`
	// Fetched is what was imported of it last; nil: nothing yet.
	Fetched *Fetched `json:"fetched"`
}

// Fetched is a version of a source's file that was imported.
type Fetched struct {
	At       time.Time `json:"at"`
	Checked  time.Time `json:"checked_at"` // when the source said last that there is none newer
	Bytes    int64     `json:"bytes"`
	ETag     string    `json:"etag,omitempty"`
	Modified string    `json:"last_modified,omitempty"`
}

// Where the public sources are, each by who publishes it.
const (
	osvBase = "https://osv-vulnerabilities.storage.googleapis.com" // docs of OSV.dev, "Data dumps"
	kevURL  = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
	epssURL = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz" // FIRST names it
	cveURL  = "https://github.com/CVEProject/cvelistV5/archive/refs/heads/main.zip"
)

// OSVEcosystems are those that OSV publishes records of, as its ecosystems.txt names them; what it
// adds later is taken as it is written.
var OSVEcosystems = []string{
	"AlmaLinux", "Alpine", "Android", "Bitnami", "Chainguard", "ConanCenter", "CRAN", "crates.io", "Debian", "GHC", "GIT", "GitHub Actions", "Go", "Hackage", "Hex", "Julia",
	"Linux", "Mageia", "Maven", "MinimOS", "npm", "NuGet", "openEuler", "openSUSE", "OSS-Fuzz", "Packagist", "Pub", "PyPI", "Red Hat", "Rocky Linux", "RubyGems", "SUSE",
	"SwiftURL", "Ubuntu", "VSCode", "Wolfi",
}

// PublicSources are the public sources of a kind: osv with its ecosystems, kev, epss or cve. mirror is
// the URL that stands for the publisher's: of osv the folder that has ECOSYSTEM/all.zip, of the others the
// file; "" is the publisher.
func PublicSources(kind string, names []string, mirror string) ([]Source, error) {
	if kind != "osv" && len(names) > 0 {
		return nil, ask.Wrong("", "%s: it is one source and takes no names", kind)
	}
	one := func(standard string) []Source {
		if mirror != "" {
			standard = mirror
		}
		return []Source{{Name: kind, URL: standard}}
	}
	switch kind {
	case "kev":
		return one(kevURL), nil
	case "epss":
		return one(epssURL), nil
	case "cve":
		return one(cveURL), nil
	case "osv":
		if len(names) == 0 {
			return nil, ask.Wrong("", "osv: say of which ecosystems: %s", strings.Join(OSVEcosystems, ", "))
		}
		base := strings.TrimRight(mirror, "/")
		if base == "" {
			base = osvBase
		}
		var out []Source
		for _, name := range names {
			if i := slices.IndexFunc(OSVEcosystems, func(e string) bool { return strings.EqualFold(e, name) }); i >= 0 {
				name = OSVEcosystems[i]
			} else if mirror == "" {
				return nil, ask.Wrong("", "ecosystem %q: OSV publishes none of that name%s", name, near.Hint(name, OSVEcosystems))
			}
			out = append(out, Source{Name: "osv/" + name, URL: base + "/" + url.PathEscape(name) + "/all.zip"})
		}
		return out, nil
	}
	return nil, ask.Wrong("", "%q: the public sources are osv, kev, epss and cve; `url` is for others", kind)
}

var goodSource = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9 :._/-]{0,99}$`)

// AddSource has the task feed fetch from s too, or from another URL than before. Nothing is fetched yet.
// pool acts as the maintainer.
func AddSource(ctx context.Context, pool *pgxpool.Pool, s Source) (changed bool, err error) {
	if !goodSource.MatchString(s.Name) {
		return false, ask.Wrong("", "source name %q: use up to 100 letters, digits, spaces and any of : . _ / -, a small letter or digit first", s.Name)
	}
	u, err := url.Parse(s.URL)
	if err != nil || !isURL(s.URL) || u.Host == "" {
		return false, ask.Wrong("", "URL %q of source %s: it is one of http or https; a folder is named by --feed-path", s.URL, s.Name)
	}
	err = pg.Tenant(ctx, pool, id.Operator, func(tx pgx.Tx) error {
		var before any
		switch old, err := sourceURL(ctx, tx, s.Name); {
		case err != nil:
			return err
		case old != "":
			before = map[string]string{"url": old}
		}
		tag, err := tx.Exec(ctx, sqlAddSource, s.Name, s.URL)
		if changed = tag.RowsAffected() == 1; err != nil || !changed {
			return err
		}
		return audit.Note(ctx, tx, id.Operator, audit.Entry{Action: "feed.add", Entity: "feed source " + s.Name, Diff: audit.Change(before, map[string]string{"url": u.Redacted()})})
	})
	if err != nil {
		return false, fmt.Errorf("add source %s: %w", s.Name, err)
	}
	return changed, nil
}

func sourceURL(ctx context.Context, tx pgx.Tx, name string) (old string, err error) {
	err = tx.QueryRow(ctx, sqlSourceURL, name).Scan(&old)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if u, perr := url.Parse(old); perr == nil {
		old = u.Redacted()
	}
	return old, err
}

// RemoveSource has nothing fetched from there any more. What was imported stays.
func RemoveSource(ctx context.Context, pool *pgxpool.Pool, name string) error {
	list, err := Sources(ctx, pool)
	if err != nil {
		return err
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	err = pg.Tenant(ctx, pool, id.Operator, func(tx pgx.Tx) error {
		old, err := sourceURL(ctx, tx, name)
		if err != nil {
			return err
		}
		if old == "" {
			return ask.NotFound("there is no source %q%s; see `sluice feeds sources`", name, near.Hint(name, names))
		}
		if _, err := tx.Exec(ctx, sqlRemoveSource, name); err != nil {
			return err
		}
		return audit.Note(ctx, tx, id.Operator, audit.Entry{Action: "feed.remove", Entity: "feed source " + name, Diff: audit.Change(map[string]string{"url": old}, nil)})
	})
	if err != nil {
		return fmt.Errorf("remove source: %w", err)
	}
	return nil
}

// Sources are those that were added, by name, with what was fetched of each.
func Sources(ctx context.Context, pool *pgxpool.Pool) ([]Source, error) {
	rows, err := pool.Query(ctx, sqlSources)
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	list, err := pgx.AppendRows([]Source{}, rows, func(r pgx.CollectableRow) (s Source, err error) {
		err = r.Scan(&s.Name, &s.URL, &s.Added)
		s.Added = s.Added.UTC()
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	var state feedState
	if err := loadState(ctx, pool, feedTask, &state); err != nil {
		return nil, err
	}
	for i, s := range list {
		if f, ok := state.Files[s.URL]; ok {
			list[i].Fetched = &Fetched{At: f.Fetched, Checked: f.Checked, Bytes: f.Size, ETag: f.ETag, Modified: f.Modified}
		}
	}
	return list, nil
}
