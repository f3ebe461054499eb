package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/ingest/kafka"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory"
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
	var keys sealFlags
	var limits limitFlags
	var maxDocument int64
	var limit int
	cmd.PersistentFlags().BoolVar(&of.shared, "shared", false, "those of the shared feed")
	cmd.PersistentFlags().BoolVar(&of.operator, "operator", false, "those that came without a known tenant")
	list := &cobra.Command{
		Use: "list", Short: "List parked documents", Args: cobra.NoArgs,
		Example: "  sluice parked list --reason syntax",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listParked(cmd.Context(), of, reason, limit) },
	}
	list.Flags().IntVar(&limit, "limit", 0, "at most so many; 0 is all; by default as many as a terminal shows, else all")
	list.Flags().StringVar(&reason, "reason", "", "only those with this reason")
	show := &cobra.Command{
		Use: "show ID", Short: "Write the bytes of a parked document to standard output", Args: cobra.ExactArgs(1),
		Example: "  sluice parked show 17 > document",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.showParked(cmd.Context(), of, args[0]) },
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
			if err := limits.check(); err != nil {
				return err
			}
			limits.MaxBytes = maxDocument
			return a.replay(cmd.Context(), of, filter, prefixes, keys, limits)
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
	keys.add(replay.Flags())
	limits.add(replay.Flags())
	replay.Flags().Int64Var(&maxDocument, "max-document-bytes", normalize.DefaultLimits.MaxBytes, "largest document, unpacked, in bytes; larger ones stay parked")
	replay.Flags().StringSliceVar(&prefixes, "document-prefix", nil, "folders and http(s) URLs below which document-ref may lead; {tenant} in one is the tenant's id")
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
	if err := ask.OneOf("reason", reason, slices.Concat([]string{""}, normalize.Reasons)...); err != nil {
		return ingest.ParkedFilter{}, err
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

// askParked asks the inventory about the parked documents of the tenant, of the shared feed or
// of the operator.
func askParked[T any](ctx context.Context, a *app, of parkedOf, ask func(*inventory.Inventory, id.ID) (T, error)) (T, error) {
	switch {
	case of.shared && of.operator:
		var none T
		return none, usagef("--shared and --operator exclude each other")
	case of.operator:
		return askedOf(a, id.Operator, ask)
	}
	return ofTenant(ctx, a, of.shared, ask)
}

func (a *app) listParked(ctx context.Context, of parkedOf, reason string, limit int) error {
	if err := ask.Limit(limit); err != nil {
		return err
	}
	list, err := askParked(ctx, a, of, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Parked, error) {
		return inv.Parked(ctx, tenant, reason)
	})
	if err != nil {
		return err
	}
	list, more := cut(a, list, limit)
	t := table{head: []string{"id", "reason", "where", "origin", "attempts", "message"}, empty: "nothing is parked"}
	for _, r := range list {
		t.add(n(r.ID), r.Reason, r.Pointer, r.Origin, strconv.Itoa(r.Attempts), a.hint(short(r.Message, 160)))
	}
	if err := a.printListing(&t, list, listing{wide: []string{"message", "origin", "where"}, drop: []string{"attempts", "where"}}); err != nil {
		return err
	}
	a.moreBelow(more, "parked documents")
	return nil
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
	b, err := askParked(ctx, a, of, func(inv *inventory.Inventory, tenant id.ID) ([]byte, error) {
		return inv.ParkedBytes(ctx, tenant, filter.IDs[0])
	})
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(b)
	return err
}

func (a *app) replay(ctx context.Context, of parkedOf, filter ingest.ParkedFilter, prefixes []string, keys sealFlags, limits limitFlags) error {
	refs, err := kafka.NewReferences(prefixes, limits.MaxBytes)
	if err != nil {
		return usageError{err}
	}
	in := importer()
	if err := keys.set(&in); err != nil {
		return err
	}
	in.Limits = limits.Limits
	cfg := a.db.Replay(in)
	if len(prefixes) > 0 {
		cfg.Fetch = refs.Fetch
	}
	did, err := askParked(ctx, a, of, func(inv *inventory.Inventory, tenant id.ID) (inventory.Replayed, error) {
		return inv.Replay(ctx, tenant, filter, cfg)
	})
	if err != nil {
		return err
	}
	if did.EventsLanded+did.EventsStay > 0 && a.output != "json" {
		fmt.Fprintf(a.stdout, "events: %d landed, %d stay parked\n", did.EventsLanded, did.EventsStay)
	}
	a.printSummary(did.Counts, did.Run, 0, did.Took, true)
	if did.Counts.Parked > 0 || did.EventsStay > 0 {
		return errParked
	}
	return nil
}

func (a *app) dropParked(ctx context.Context, of parkedOf, filter ingest.ParkedFilter) error {
	tried := false
	dropped, err := askParked(ctx, a, of, func(inv *inventory.Inventory, tenant id.ID) (int64, error) {
		tried = true
		return inv.DropParked(ctx, tenant, filter)
	})
	var missing *ask.NotFoundError
	if err != nil && !(tried && errors.As(err, &missing)) {
		return err
	}
	// Those that were there are dropped even where others were not.
	if a.output == "json" {
		if err := printJSON(a.stdout, map[string]int64{"dropped": dropped}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "%d dropped\n", dropped)
	}
	return err
}
