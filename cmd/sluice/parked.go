package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/ingest/kafka"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
)

func newParked(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "parked",
		Short: "Documents that were set aside, with their bytes and the reason",
	}
	var reason string
	var all bool
	var of parkedOf
	var prefixes []string
	cmd.PersistentFlags().BoolVar(&of.shared, "shared", false, "those of the shared feed")
	cmd.PersistentFlags().BoolVar(&of.operator, "operator", false, "those that came without a known tenant")
	list := &cobra.Command{
		Use: "list", Short: "List parked documents", Args: cobra.NoArgs,
		Example: "  sluice parked list --reason syntax",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listParked(cmd.Context(), of, reason) },
	}
	list.Flags().StringVar(&reason, "reason", "", "only those with this reason")
	show := &cobra.Command{
		Use: "show ID", Short: "Write the bytes of a parked document to standard output", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.showParked(cmd.Context(), of, args[0]) },
	}
	replay := &cobra.Command{
		Use:   "replay [ID...]",
		Short: "Try parked documents again: by id, by --reason, or --all",
		Long: `Hands parked documents to the importer once more, after a fix. What lands is no longer
parked, in the same transaction; what does not, stays, with one more attempt counted.
With --operator, documents whose tenant there is by now go to that tenant. Documents that
came by Kafka get another receipt.`,
		Example: "  sluice parked replay --operator --all\n  sluice parked replay 17 18\n  sluice parked replay --reason unknown-format",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := parkedFilter(args, reason, all)
			if err != nil {
				return err
			}
			return a.replay(cmd.Context(), of, filter, prefixes)
		},
	}
	drop := &cobra.Command{
		Use: "drop [ID...]", Short: "Delete parked documents: by id, by --reason, or --all", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := parkedFilter(args, reason, all)
			if err != nil {
				return err
			}
			return a.dropParked(cmd.Context(), of, filter)
		},
	}
	for _, c := range []*cobra.Command{replay, drop} {
		c.Flags().StringVar(&reason, "reason", "", "all with this reason")
		c.Flags().BoolVar(&all, "all", false, "all of the tenant")
	}
	replay.Flags().StringSliceVar(&prefixes, "document-prefix", nil, "folders and http(s) URLs below which document-ref may lead")
	cmd.AddCommand(list, show, replay, drop)
	return cmd
}

func parkedFilter(args []string, reason string, all bool) (ingest.ParkedFilter, error) {
	given := 0
	for _, b := range []bool{len(args) > 0, reason != "", all} {
		if b {
			given++
		}
	}
	if given != 1 {
		return ingest.ParkedFilter{}, usagef("say which: ids, --reason or --all")
	}
	f := ingest.ParkedFilter{Reason: reason}
	for _, arg := range args {
		i, err := strconv.ParseInt(arg, 10, 64)
		if err != nil {
			return f, usagef("%q is not the id of a parked document; see `sluice parked list`", arg)
		}
		if !slices.Contains(f.IDs, i) {
			f.IDs = append(f.IDs, i)
		}
	}
	return f, nil
}

// parkedOf says whose parked documents are meant, if not the tenant's.
type parkedOf struct{ shared, operator bool }

// parkedTenant is the tenant, the shared feed or the operator, and the roles to write and to
// read there.
func (a *app) parkedTenant(ctx context.Context, of parkedOf) (tenant id.ID, write, read pg.Role, err error) {
	switch {
	case of.shared && of.operator:
		return tenant, "", "", usagef("--shared and --operator exclude each other")
	case of.shared:
		return id.Shared, pg.Feed, pg.Reader, a.connect(ctx)
	case of.operator:
		return id.Operator, pg.Ingest, pg.Maintainer, a.connect(ctx)
	}
	tenant, err = a.tenantID(ctx, false)
	return tenant, pg.Ingest, pg.Reader, err
}

func (a *app) listParked(ctx context.Context, of parkedOf, reason string) error {
	type row struct {
		ID       int64     `json:"id"`
		Origin   string    `json:"origin"`
		Hash     string    `json:"content_hash"`
		Reason   string    `json:"reason"`
		Pointer  string    `json:"pointer"`
		Message  string    `json:"message"`
		Format   string    `json:"format"`
		Size     int64     `json:"bytes"`
		HasBytes bool      `json:"has_bytes"`
		Attempts int       `json:"attempts"`
		ParkedAt time.Time `json:"parked_at"`
	}
	tenant, _, role, err := a.parkedTenant(ctx, of)
	if err != nil {
		return err
	}
	pool, err := a.pool(ctx, role, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	var list []row
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			select id, origin, 'sha256:' || encode(content_hash, 'hex'), reason, pointer, message, format, size, bytes is not null, attempts, created_at
			from ingest.parked where tenant_id = $1 and ($2 = '' or reason = $2) order by id`, tenant, reason)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[row])
		return err
	})
	if err != nil {
		return fmt.Errorf("parked documents: %w", err)
	}
	t := table{head: []string{"id", "reason", "where", "origin", "attempts", "message"}, empty: "nothing is parked"}
	for _, r := range list {
		t.add(n(r.ID), r.Reason, r.Pointer, r.Origin, strconv.Itoa(r.Attempts), short(r.Message, 160))
	}
	return a.print(&t, orEmpty(list))
}

func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

func (a *app) showParked(ctx context.Context, of parkedOf, arg string) error {
	filter, err := parkedFilter([]string{arg}, "", false)
	if err != nil {
		return err
	}
	tenant, _, role, err := a.parkedTenant(ctx, of)
	if err != nil {
		return err
	}
	pool, err := a.pool(ctx, role, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	b, err := ingest.ParkedBytes(ctx, pool, tenant, filter.IDs[0])
	if err != nil {
		return err
	}
	if b == nil {
		return fmt.Errorf("there is no parked document %s with its bytes kept; see `sluice parked list`", arg)
	}
	_, err = a.stdout.Write(b)
	return err
}

func (a *app) replay(ctx context.Context, of parkedOf, filter ingest.ParkedFilter, prefixes []string) error {
	tenant, role, _, err := a.parkedTenant(ctx, of)
	if err != nil {
		return err
	}
	refs, err := kafka.NewReferences(prefixes, normalize.DefaultLimits.MaxBytes)
	if err != nil {
		return usageError{err}
	}
	pool, err := a.pool(ctx, role, ingest.PoolConfig(3))
	if err != nil {
		return err
	}
	found, err := ingest.NewReplay(ctx, pool, tenant, 0, filter)
	if err != nil {
		return err
	}
	landed, stay, err := kafka.ReplayEvents(ctx, pool, tenant, filter, a.coverEvents)
	if err != nil {
		return err
	}
	if missing := len(filter.IDs) - found.Len() - landed - stay; missing > 0 {
		return fmt.Errorf("%d of the %d ids are not parked documents of this tenant whose bytes are kept; see `sluice parked list`", missing, len(filter.IDs))
	}
	run, err := ingest.StartRun(ctx, pool, tenant, "replay", nil)
	if err != nil {
		return err
	}
	src, err := ingest.NewReplay(ctx, pool, tenant, run, filter)
	if err != nil {
		return err
	}
	if len(prefixes) > 0 {
		src.Configure(ingest.ReplayConfig{Fetch: refs.Fetch})
	}
	start := time.Now()
	var counts ingest.Counts
	counts.Add()
	pipeline, err := ingest.New(pool, ingest.Config{
		Formats: formats(), Volatile: volatile(), Logger: a.log, OnOutage: a.revive,
		OnReceipts: func(list []ingest.Receipt) { counts.Add(list...) },
	})
	if err != nil {
		return err
	}
	if err := pipeline.Run(ctx, src); err != nil {
		_ = ingest.EndRun(context.WithoutCancel(ctx), pool, tenant, run, "failed", counts)
		_ = src.EndRuns(context.WithoutCancel(ctx), "failed")
		return err
	}
	if err := src.EndRuns(ctx, "done"); err != nil {
		return err
	}
	if err := ingest.EndRun(ctx, pool, tenant, run, "done", counts); err != nil {
		return err
	}
	if landed+stay > 0 && a.output != "json" {
		fmt.Fprintf(a.stdout, "events: %d landed, %d stay parked\n", landed, stay)
	}
	a.printSummary(counts, run, 0, time.Since(start), true)
	if counts.Parked > 0 || stay > 0 {
		return errParked
	}
	return nil
}

func (a *app) dropParked(ctx context.Context, of parkedOf, filter ingest.ParkedFilter) error {
	tenant, role, _, err := a.parkedTenant(ctx, of)
	if err != nil {
		return err
	}
	pool, err := a.pool(ctx, role, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	dropped, err := ingest.DropParked(ctx, pool, tenant, filter)
	if err != nil {
		return err
	}
	if a.output == "json" {
		if err := printJSON(a.stdout, map[string]int64{"dropped": dropped}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "%d dropped\n", dropped)
	}
	if int(dropped) < len(filter.IDs) {
		return fmt.Errorf("%d of the %d ids are not parked documents of this tenant", len(filter.IDs)-int(dropped), len(filter.IDs))
	}
	return nil
}
