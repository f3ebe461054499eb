package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/id"
	"sluice/notify"
	"sluice/serve"
)

func newNotify(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notify",
		Short: "Tell people and programs of findings: by webhook, in Slack, on the topic of findings",
		Long: `A rule says which findings are told, and where. ` + "`sluice serve`" + ` looks for open findings that meet its conditions
and that it has not told of, and sends one message about all of them, at most one in --every. A finding is told
once, whichever way it comes to meet the conditions: it opens, is listed in KEV, gets worse, or its artifact gets the tag.

Messages to a receiver that does not take them are tried again for a day, later and later, and then given up; nobody
else waits for that. docs/notifications.md says what receivers get, and how they check the signature.`,
		Example: `  sluice notify rule add urgent --severity critical --tag production --url https://hooks.example/sluice > secret
  SLUICE_WEBHOOK_URL=https://hooks.slack.com/services/… sluice notify rule add channel --kev --format slack
  sluice notify rule test channel
  sluice notify failed list`,
	}
	rule := &cobra.Command{Use: "rule", Short: "Which findings are told, and where"}
	rule.AddCommand(newNotifyAdd(a), newNotifyList(a), newNotifyShow(a), newNotifyRemove(a), newNotifyTest(a))
	failed := &cobra.Command{
		Use: "failed", Short: "Messages that were given up",
		Long: `A message is given up when its receiver did not take it for a day, or answered that it never will. It stays for 30
days. What came to be told since then is in the next message: only what this one says is missing there.`,
	}
	failed.AddCommand(newNotifyFailedList(a),
		newNotifyAgain(a, "retry", "Send messages that were given up again, at once, with the same ids", (*notify.Store).Retry, "retried"),
		newNotifyAgain(a, "drop", "Delete messages that were given up", (*notify.Store).Drop, "dropped"))
	cmd.AddCommand(rule, failed, newNotifySend(a))
	return cmd
}

// networkFlag is the flag of whoever posts webhooks.
func networkFlag(n *serve.Notify, f *pflag.FlagSet) {
	f.StringSliceVar(&n.Networks, "webhook-network", nil, "networks that webhooks may go to beyond public addresses, and by http: 10.1.0.0/16,... (env SLUICE_WEBHOOK_NETWORK)")
}

func newNotifySend(a *app) *cobra.Command {
	var n serve.Notify
	cmd := &cobra.Command{
		Use: "send", Short: "Look for what is to be told and send what waits, once, for every tenant", Args: cobra.NoArgs,
		Long: `What ` + "`sluice serve`" + ` does all the time, once: for cron where there is no service. Every message that waits is tried
once, whether its time has come or not.`,
		Example: "  sluice notify send\n  sluice notify send --webhook-network 10.1.0.0/16",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := n.Check(); err != nil {
				return err
			}
			notifier, err := a.db.Notifier(cmd.Context(), n)
			if err != nil {
				return err
			}
			tally, err := notifier.Once(cmd.Context())
			if err != nil {
				return err
			}
			t := table{head: []string{"told", "sent", "waiting", "failed"}}
			t.add(fmt.Sprint(tally.Told), fmt.Sprint(tally.Sent), fmt.Sprint(tally.Waiting), fmt.Sprint(tally.Failed))
			return a.print(&t, tally)
		},
	}
	networkFlag(&n, cmd.Flags())
	return cmd
}

func newNotifyTest(a *app) *cobra.Command {
	var dry bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "test NAME", Short: "Send an example to the receiver of a rule, and wait for what comes of it", Args: cobra.ExactArgs(1),
		Long: `Has an example, which says that it is one, sent by whoever sends notifications: ` + "`sluice serve`" + `, or ` + "`sluice notify send`" + `. So it
goes the way that every message goes. --dry-run prints its body and sends nothing.`,
		Example: "  sluice notify rule test channel\n  sluice notify rule test channel --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait < 0 {
				return usagef("--wait %s: it is not negative", wait)
			}
			return a.testRule(cmd.Context(), args[0], dry, wait)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print what would be sent")
	cmd.Flags().DurationVar(&wait, "wait", 30*time.Second, "how long to wait for what comes of it")
	return cmd
}

func (a *app) testRule(ctx context.Context, name string, dry bool, wait time.Duration) error {
	tenant, store, err := a.rules(ctx)
	if err != nil {
		return err
	}
	if dry {
		body, err := store.Example(ctx, tenant, name)
		if err == nil {
			_, err = fmt.Fprintf(a.stdout, "%s\n", body)
		}
		return err
	}
	of, err := store.Test(ctx, tenant, name)
	if err != nil {
		return err
	}
	var o notify.Outcome
	for end := time.Now().Add(wait); ; {
		if o, err = store.Outcome(ctx, tenant, of); err != nil {
			return err
		}
		if o.State != "waiting" || o.Attempts > 0 || !time.Now().Before(end) {
			break
		}
		select {
		case <-time.After(min(200*time.Millisecond, wait)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t := table{head: []string{"message", "state", "attempts", "status", "error"}}
	t.add(o.Message.String(), o.State, fmt.Sprint(o.Attempts), status(o.Status), short(o.Error, 160))
	if err := a.print(&t, o); err != nil {
		return err
	}
	switch {
	case o.State == "sent":
	case o.Error != "":
		return fmt.Errorf("rule %s: the receiver did not take the example: %s", name, o.Error)
	case wait > 0:
		return fmt.Errorf("rule %s: nobody has sent the example within %s; is `sluice serve` running? `sluice notify send` sends it too", name, wait)
	}
	return nil
}

// rules is the tenant, and where its rules are.
func (a *app) rules(ctx context.Context) (id.ID, *notify.Store, error) {
	tenant, err := a.db.Tenant(ctx, a.tenant, false)
	if err != nil {
		return tenant, nil, err
	}
	store, err := a.db.Notifications(ctx)
	return tenant, store, err
}

func status(s *int32) string {
	if s == nil {
		return ""
	}
	return fmt.Sprint(*s)
}
