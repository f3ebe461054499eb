package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"sluice/internal/embedpg"
	"sluice/migrations"
	"sluice/normalize"
)

// version is the program's own; the CHANGELOG says what is in it.
const version = "0.1.0"

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of the program, its schema and its formats", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			schema := map[string]int{}
			for _, s := range migrations.Scripts() {
				schema[s.Module] = s.Version
			}
			var names []string
			for _, f := range formats() {
				names = append(names, f.Name())
			}
			if a.output == "json" {
				return printJSON(a.stdout, map[string]any{
					"version": version, "go": runtime.Version(), "revision": revision(), "schema": schema, "formats": names,
					"normalize_revision": normalize.Revision, "embedded_postgresql": embedpg.Version,
				})
			}
			_, err := fmt.Fprintln(a.stdout, versionLine())
			return err
		},
	}
}

// versionLine is what somebody copies into a report: what runs, built from what by what, and the
// server that it brings.
func versionLine() string {
	commit := revision()
	if commit == "" {
		commit = "unknown"
	}
	return fmt.Sprintf("sluice %s (%s, %s/%s, commit %s, embedded PostgreSQL %s)", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, commit, embedpg.Version)
}

// revision is the commit that the program was built from; "" where the build did not know, as
// that of a tarball or a test.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var commit, changed string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "-changed"
		}
	}
	if commit == "" {
		return ""
	}
	return commit + changed
}
