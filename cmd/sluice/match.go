package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

func newMatch(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "match [PURL... | -]",
		Short: "Which known vulnerabilities hit these purls; no SBOM needed",
		Long: `Matches purls against the stored vulnerability facts, the tenant's and the shared ones,
exactly as components of an SBOM are. With - or without arguments the purls come from
standard input, one a line. VEX statements are not applied: they are about products.`,
		Example: "  sluice match pkg:npm/lodash@4.17.20\n  sluice match - < purls.txt --output json",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			purls, err := readPurls(args, a.stdin)
			if err != nil {
				return err
			}
			return a.match(cmd.Context(), purls)
		},
	}
}

// readPurls returns the arguments, with standard input in the place of -.
func readPurls(args []string, stdin io.Reader) ([]string, error) {
	if len(args) == 0 {
		args = []string{"-"}
	}
	var out []string
	for _, arg := range args {
		if arg != "-" {
			out = append(out, arg)
			continue
		}
		lines := bufio.NewScanner(stdin)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if s := strings.TrimSpace(lines.Text()); s != "" && !strings.HasPrefix(s, "#") {
				out = append(out, s)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("purls from standard input: %w", err)
		}
	}
	return out, nil
}

func (a *app) match(ctx context.Context, purls []string) error {
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Match, error) {
		return inv.Match(ctx, tenant, purls)
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"purl", "vulnerability", "score", "severity", "advisories", "range", "fixed in"}, empty: "no known vulnerability"}
	for _, m := range list {
		if m.Unmatched != "" {
			t.add(m.Purl, "unmatched: "+m.Unmatched, "", "", "", "", "")
			continue
		}
		t.add(m.Purl, m.Vulnerability, optional(m.Score), m.Severity, strings.Join(m.Advisories, " "), m.Range, strings.Join(m.Fixed, " "))
	}
	if unjudged := inventory.UnjudgedMatches(list); len(unjudged) > 0 {
		defer a.tellUnjudged(unjudged)
	}
	return a.print(&t, list)
}
