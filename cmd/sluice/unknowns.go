package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/normalize/purl"
)

func newUnknowns(a *app) *cobra.Command {
	var artifact, reason string
	cmd := &cobra.Command{
		Use:     "unknowns",
		Short:   "List the components that cannot be matched, with the reason",
		Example: "  sluice unknowns --tenant acme\n  sluice unknowns --reason unknown-distro --output csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if artifact != "" {
				p, err := purl.Parse(artifact)
				if err != nil {
					return usagef("--artifact %q: %w", artifact, err)
				}
				artifact = p.Purl
			}
			return a.unknowns(cmd.Context(), artifact, reason)
		},
	}
	cmd.Flags().StringVar(&artifact, "artifact", "", "only those of this artifact, by purl")
	cmd.Flags().StringVar(&reason, "reason", "", "only those with this reason: no-purl, no-version, unknown-ecosystem, unknown-distro, invalid-purl, invalid-version")
	return cmd
}

func (a *app) unknowns(ctx context.Context, artifact, reason string) error {
	type row struct {
		Artifact  string    `json:"artifact"`
		Stream    string    `json:"stream"`
		Name      string    `json:"name"`
		Version   string    `json:"version"`
		Purl      string    `json:"purl"`
		Reason    string    `json:"reason"`
		ValidFrom time.Time `json:"valid_from"`
	}
	var list []row
	err := a.reader(ctx, func(tx pgx.Tx, tenant id.ID) error {
		rows, err := tx.Query(ctx, `
			select coalesce(context ->> 'artifact', ''), stream, coalesce(context ->> 'name', ''), coalesce(context ->> 'version', ''),
			       coalesce(context ->> 'purl', ''), kind, valid_from
			from unknowns.current
			where tenant_id = $1 and ($2 = '' or artifact_id = $4) and ($3 = '' or kind = $3)
			order by 1, 2, 6, 3, 4, 5, subject_hash`, tenant, artifact, reason, id.Derive(tenant, "artifact", artifact))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[row])
		return err
	})
	if err != nil {
		return fmt.Errorf("unknowns: %w", err)
	}
	t := table{head: []string{"reason", "name", "version", "purl", "artifact"}, empty: "no unknowns: every component can be matched"}
	for _, r := range list {
		t.add(r.Reason, r.Name, r.Version, r.Purl, r.Artifact)
	}
	return a.print(&t, orEmpty(list))
}
