package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory"
	"sluice/maintenance"
)

func newFeeds(a *app) *cobra.Command {
	var staleAfter time.Duration
	cmd := &cobra.Command{
		Use:   "feeds",
		Short: "Show what vulnerability facts there are and how old they are; say where they are fetched from",
		Long: `Lists the sources of vulnerability facts that the tenant's packages are matched against: how many records,
when the newest was modified, when one was imported last. Without records of an ecosystem nobody can say
anything about its packages.

` + "`feeds add`" + ` names public sources (OSV, CISA's KEV, EPSS, CVE), or mirrors of them; ` + "`serve`" + ` and ` + "`sluice maintain feed`" + `
fetch what is new of them, for every tenant.`,
		Example: "  sluice feeds\n  sluice feeds add osv npm PyPI Go Debian\n  sluice feeds add kev\n  sluice feeds refresh",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.feeds(cmd.Context(), staleAfter) },
	}
	cmd.Flags().DurationVar(&staleAfter, "stale-after", 7*24*time.Hour, "warn of shared facts of which nothing was imported for so long")
	cmd.AddCommand(newFeedsAdd(a), newFeedsRemove(a), newFeedsSources(a), newFeedsRefresh(a))
	return cmd
}

func (a *app) feeds(ctx context.Context, staleAfter time.Duration) error {
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Feed, error) {
		return inv.Feeds(ctx, tenant)
	})
	if err != nil {
		return err
	}
	t := table{
		head:  []string{"source", "for", "records", "newest", "imported"},
		empty: "no vulnerability facts: nothing can be found. `sluice feeds add osv npm` names a public source, `sluice ingest file FILE --shared` imports files",
	}
	var stale []string
	for _, f := range list {
		whose, newest := "tenant", ""
		if f.Shared {
			whose = "all"
			if age := time.Since(f.Imported); age > staleAfter {
				stale = append(stale, fmt.Sprintf("%s (%d days)", f.Source, int(age.Hours()/24)))
			}
		}
		if f.Newest != nil {
			newest = f.Newest.Format(time.DateOnly)
		}
		t.add(f.Source, whose, fmt.Sprint(f.Records), newest, f.Imported.Format(time.RFC3339))
	}
	if err := a.print(&t, list); err != nil {
		return err
	}
	if stale != nil {
		a.note("sluice: nothing new for more than %s: %s; is it fetched? (`sluice feeds sources`, `sluice maintain --list`)", days(staleAfter), strings.Join(stale, ", "))
	}
	return nil
}

// days writes a time as people do.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}

func newFeedsAdd(a *app) *cobra.Command {
	var mirror string
	cmd := &cobra.Command{
		Use:   "add osv ECOSYSTEM... | kev | epss | cve | url NAME URL",
		Short: "Fetch vulnerability facts for every tenant from a public source, a mirror or a URL",
		Long: `Notes a source. It is fetched by ` + "`serve`" + ` and ` + "`sluice maintain feed`" + `, first and then only where it has changed
(ETag, else the time of change); ` + "`sluice feeds refresh`" + ` does it now. Proxies are taken from HTTPS_PROXY and NO_PROXY.

  osv ECOSYSTEM...  records of OSV.dev, as its ecosystems are written: npm, PyPI, Go, Maven, Debian, "Rocky Linux"
  kev               vulnerabilities known to be exploited, by CISA
  epss              how likely each is exploited, by FIRST, of every day
  cve               CVE records, all of them: some hundred megabytes
  url NAME URL      an archive or document of any format that Sluice reads

--mirror is a URL that stands for the publisher's: of osv the folder with ECOSYSTEM/all.zip, of the others the file.`,
		Example: "  sluice feeds add osv npm PyPI\n  sluice feeds add osv Debian --mirror https://mirror.example/osv\n  sluice feeds add url ours https://security.example/advisories.zip",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.addFeeds(cmd.Context(), args[0], args[1:], mirror)
		},
	}
	cmd.Flags().StringVar(&mirror, "mirror", "", "URL to fetch from instead of the publisher's")
	return cmd
}

func (a *app) addFeeds(ctx context.Context, kind string, names []string, mirror string) error {
	var list []maintenance.Source
	if kind == "url" {
		if len(names) != 2 || mirror != "" {
			return usagef("say a name and a URL: `sluice feeds add url ours https://security.example/advisories.zip`")
		}
		list = []maintenance.Source{{Name: names[0], URL: names[1]}}
	} else {
		var err error
		if list, err = maintenance.PublicSources(kind, names, mirror); err != nil {
			return err
		}
	}
	pool, err := a.db.Maintainer(ctx)
	if err != nil {
		return err
	}
	t := table{head: []string{"name", "url", "changed"}}
	type added struct {
		Name    string `json:"name"`
		URL     string `json:"url"`
		Changed bool   `json:"changed"`
	}
	out := []added{}
	for _, s := range list {
		changed, err := maintenance.AddSource(ctx, pool, s)
		if err != nil {
			return err
		}
		out = append(out, added{s.Name, s.URL, changed})
		t.add(s.Name, s.URL, fmt.Sprint(changed))
	}
	if err := a.print(&t, out); err != nil {
		return err
	}
	a.note("sluice: `serve` fetches them in its next round, `sluice feeds refresh` now")
	return nil
}

func newFeedsRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME...", Short: "Fetch nothing from these sources any more; what was imported stays",
		Example: "  sluice feeds remove osv/npm", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pool, err := a.db.Maintainer(cmd.Context())
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := maintenance.RemoveSource(cmd.Context(), pool, name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func newFeedsSources(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "sources", Short: "List where facts are fetched from, and when each was", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pool, err := a.db.Maintainer(cmd.Context())
			if err != nil {
				return err
			}
			list, err := maintenance.Sources(cmd.Context(), pool)
			if err != nil {
				return err
			}
			t := table{head: []string{"name", "fetched", "checked", "bytes", "url"}, empty: "no sources; `sluice feeds add --help` names public ones"}
			for _, s := range list {
				fetched, checked, bytes := "never", "never", ""
				if f := s.Fetched; f != nil {
					fetched, checked, bytes = f.At.Format(time.RFC3339), f.Checked.Format(time.RFC3339), megabytes(f.Bytes)
				}
				t.add(s.Name, fetched, checked, bytes, s.URL)
			}
			return a.print(&t, list)
		},
	}
}

func newFeedsRefresh(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "refresh [NAME...]", Short: "Fetch what is new from the sources, or from some of them, now",
		Long: `Does what the task feed of ` + "`serve`" + ` does. A transfer that breaks off is gone on with; what arrives has to have the
checksum that the server gives, and at most 8 GiB.`,
		Example: "  sluice feeds refresh\n  sluice feeds refresh kev epss",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.refreshFeeds(cmd.Context(), args) },
	}
}

func (a *app) refreshFeeds(ctx context.Context, names []string) error {
	pool, err := a.db.Maintainer(ctx)
	if err != nil {
		return err
	}
	list, err := maintenance.Sources(ctx, pool)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, s := range list {
		known[s.Name] = true
	}
	for _, name := range names {
		if !known[name] {
			return ask.NotFound("there is no source %q; see `sluice feeds sources`", name)
		}
	}
	if len(list) == 0 {
		return usagef("there are no sources; `sluice feeds add --help` names public ones")
	}
	out, err := maintenance.Once(ctx, pool, a.db.FetchFeeds(importer(), names), false)
	if err != nil {
		return err
	}
	if out.Elsewhere {
		return fmt.Errorf("another process is fetching already; `sluice feeds sources` says when it is done")
	}
	t := table{head: []string{"what", "bytes", "seconds"}}
	t.add(out.What, megabytes(out.Bytes), fmt.Sprintf("%.1f", out.Seconds))
	return a.print(&t, out)
}
