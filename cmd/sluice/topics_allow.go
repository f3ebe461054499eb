package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/tenants"
)

// newTopicsAllow makes the commands that say which topics may carry what is of which tenant.
func newTopicsAllow(a *app) []*cobra.Command {
	var shared bool
	allow := &cobra.Command{
		Use: "allow TOPIC...", Short: "Let topics carry what is of the tenant", Args: cobra.MinimumNArgs(1),
		Long: `Lets topics carry documents and events of the tenant; * at the end of a name stands for all that begin so. It counts
for consumers with --producers-must-be-allowed, within seconds: they park a message that names a tenant whose
documents its topic may not carry, for the operator. Kafka does not tell a consumer who has written a message; who
may write to a topic is for the brokers' ACLs to say.`,
		Example: "  sluice topics allow 'team-a.*' --tenant acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setTopics(cmd.Context(), shared, args, "allowed", tenants.AllowTopic)
		},
	}
	deny := &cobra.Command{
		Use: "deny TOPIC...", Short: "Take that back", Args: cobra.MinimumNArgs(1),
		Example: "  sluice topics deny 'team-a.*' --tenant acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setTopics(cmd.Context(), shared, args, "denied", tenants.DenyTopic)
		},
	}
	allowed := &cobra.Command{
		Use: "allowed", Short: "List the topics that may carry what is of the tenant", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.allowedTopics(cmd.Context(), shared) },
	}
	list := []*cobra.Command{allow, deny, allowed}
	for _, c := range list {
		c.Flags().BoolVar(&shared, "shared", false, "the shared feed instead of a tenant")
	}
	return list
}

func (a *app) topicsTenant(ctx context.Context, shared bool) (id.ID, error) {
	if shared {
		return id.Shared, nil
	}
	return a.db.Tenant(ctx, a.tenant, false)
}

func (a *app) setTopics(ctx context.Context, shared bool, topics []string, did string, set tenants.SetTopic) error {
	tenant, err := a.topicsTenant(ctx, shared)
	if err != nil {
		return err
	}
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	count := 0
	for _, t := range topics {
		changed, err := set(ctx, pool, tenant, t)
		if err != nil {
			return err
		}
		if changed {
			count++
		}
	}
	if a.output == "json" {
		return printJSON(a.stdout, map[string]int{did: count})
	}
	fmt.Fprintf(a.stdout, "%d %s\n", count, did)
	return nil
}

func (a *app) allowedTopics(ctx context.Context, shared bool) error {
	tenant, err := a.topicsTenant(ctx, shared)
	if err != nil {
		return err
	}
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	list, err := tenants.Producers(ctx, pool, tenant)
	if err != nil {
		return err
	}
	t := table{head: []string{"topic", "since", "by"}, empty: "no topic is allowed; see `sluice topics allow --help`"}
	for _, p := range list {
		t.add(p.Topic, p.CreatedAt.UTC().Format(time.RFC3339), optional(p.CreatedBy))
	}
	return a.print(&t, list)
}
