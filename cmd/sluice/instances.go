package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/pg"
	"sluice/routing/instances"
)

// program is what this is in the register of instances.
const program = "sluice " + version

func instanceFlag(name *string, f *pflag.FlagSet) {
	f.StringVar(name, "instance", "", "name of this process in `sluice instances`; HOST:PID by default")
}

func newInstances(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "instances",
		Short: "List the processes that serve, and who leads what since when",
		Long: `Lists the processes that serve or consume: how they are, what they do, when they were heard of
last, and what each leads. Maintenance and the relay are done by one process at a time; it has a
lease of 10 seconds that it keeps, and a token that is one higher with each take-over. One that is
silent for 15 seconds is offline, and forgotten after 7 days.`,
		Example: "  sluice instances\n  sluice instances --output json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listInstances(cmd.Context()) },
	}
}

func (a *app) listInstances(ctx context.Context) error {
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	list, err := instances.List(ctx, pool)
	if err != nil {
		return err
	}
	t := table{head: []string{"instance", "status", "started", "heard_of", "domain", "program", "parts", "leads"}, empty: "no process has served yet; `sluice serve` does"}
	for _, i := range list {
		var leads []string
		for _, l := range i.Leads {
			leads = append(leads, fmt.Sprintf("%s since %s (token %d)", l.Job, l.Since.UTC().Format(time.RFC3339), l.Token))
		}
		heard := (time.Duration(i.SilentFor*10) * time.Second / 10).String() + " ago"
		t.add(i.Key, string(i.Status), i.Started.UTC().Format(time.RFC3339), heard, i.Domain, i.Program, strings.Join(i.Parts, " "), strings.Join(leads, "; "))
	}
	return a.print(&t, orEmpty(list))
}
