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
			revision := ""
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = s.Value
					}
				}
			}
			if a.output == "json" {
				return printJSON(a.stdout, map[string]any{
					"version": version, "go": runtime.Version(), "revision": revision, "schema": schema, "formats": names,
					"normalize_revision": normalize.Revision, "embedded_postgresql": embedpg.Version,
				})
			}
			fmt.Fprintf(a.stdout, "sluice %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
