package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/projections"
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
	var hits []projections.Hit
	err := a.reader(ctx, func(tx pgx.Tx, tenant id.ID) (err error) {
		hits, err = projections.Match(ctx, tx, tenant, purls)
		return err
	})
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	type matchJSON struct {
		Purl          string   `json:"purl"`
		Vulnerability string   `json:"vulnerability"`
		Aliases       []string `json:"aliases"`
		Advisories    []string `json:"advisories"`
		Source        string   `json:"source"`
		Severity      string   `json:"severity"`
		Score         any      `json:"score"`
		Fixed         []string `json:"fixed_versions"`
		Range         string   `json:"range"`
	}
	type unmatchedJSON struct {
		Purl      string `json:"purl"`
		Unmatched string `json:"unmatched"`
	}
	t := table{head: []string{"purl", "vulnerability", "score", "severity", "advisories", "range", "fixed in"}, empty: "no known vulnerability"}
	list := []any{}
	for _, h := range hits {
		if h.Unmatched != "" {
			list = append(list, unmatchedJSON{h.Purl, h.Unmatched})
			t.add(h.Purl, "unmatched: "+h.Unmatched, "", "", "", "", "")
			continue
		}
		list = append(list, matchJSON{h.Purl, h.Vulnerability, h.Aliases, h.Advisories, h.Source, h.Severity, scoreNumber(h.Score), h.Fixed, h.Range})
		t.add(h.Purl, h.Vulnerability, tenths(h.Score), h.Severity, strings.Join(h.Advisories, " "), h.Range, strings.Join(h.Fixed, " "))
	}
	return a.print(&t, list)
}
