package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/notify"
)

func newNotifyFailedList(a *app) *cobra.Command {
	var rule string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List messages that were given up, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usagef("--limit %d: it is not negative; 0 is all", limit)
			}
			tenant, store, err := a.rules(cmd.Context())
			if err != nil {
				return err
			}
			list, err := store.Failed(cmd.Context(), tenant, rule, limit)
			if err != nil {
				return err
			}
			t := table{head: []string{"id", "rule", "to", "findings", "attempts", "status", "written", "given_up", "error"}, empty: "no message was given up"}
			for _, f := range list {
				t.add(f.ID.String(), f.Rule, f.Destination, fmt.Sprint(f.Findings), fmt.Sprint(f.Attempts), status(f.Status), f.Created.UTC().Format(time.RFC3339), f.GaveUp.UTC().Format(time.RFC3339), short(f.Error, 160))
			}
			return a.print(&t, list)
		},
	}
	cmd.Flags().StringVar(&rule, "rule", "", "only those of this rule")
	cmd.Flags().IntVar(&limit, "limit", 1000, "at most so many; 0 is all")
	return cmd
}

// newNotifyAgain is a command that does something to messages that were given up; did is the word for what was done.
func newNotifyAgain(a *app, use, what string, do func(*notify.Store, context.Context, id.ID, notify.Pick) ([]id.ID, error), did string) *cobra.Command {
	var rule string
	var all bool
	cmd := &cobra.Command{
		Use: use + " [ID...]", Short: what + ": by id, by --rule, or --all", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			pick, err := notifyPick(args, rule, all)
			if err != nil {
				return err
			}
			tenant, store, err := a.rules(cmd.Context())
			if err != nil {
				return err
			}
			if rule != "" {
				if _, err := store.Rule(cmd.Context(), tenant, rule); err != nil {
					return err
				}
			}
			list, err := do(store, cmd.Context(), tenant, pick)
			if err != nil {
				return err
			}
			if a.output == "json" {
				err = printJSON(a.stdout, map[string]int{did: len(list)})
			} else {
				_, err = fmt.Fprintf(a.stdout, "%d %s\n", len(list), did)
			}
			if missing := len(pick.IDs) - len(list); err == nil && missing > 0 {
				err = fmt.Errorf("%d of the %d ids are not messages of this tenant that were given up; see `sluice notify failed list`", missing, len(pick.IDs))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&rule, "rule", "", "all of this rule")
	cmd.Flags().BoolVar(&all, "all", false, "all of the tenant")
	return cmd
}

func notifyPick(args []string, rule string, all bool) (p notify.Pick, err error) {
	given := 0
	for _, b := range []bool{len(args) > 0, rule != "", all} {
		if b {
			given++
		}
	}
	if given != 1 {
		return p, usagef("say which: ids, --rule or --all")
	}
	p.Rule = rule
	seen := map[id.ID]bool{}
	for _, arg := range args {
		of, err := id.Parse(arg)
		if err != nil {
			return p, usagef("%q is not the id of a message; see `sluice notify failed list`", arg)
		}
		if !seen[of] {
			seen[of] = true
			p.IDs = append(p.IDs, of)
		}
	}
	return p, nil
}
