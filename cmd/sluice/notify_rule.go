package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/secret"
	"sluice/notify"
)

// madeRule is a rule with the secret of its messages, which is shown once.
type madeRule struct {
	notify.Rule
	Secret string `json:"secret,omitempty"`
}

func newNotifyAdd(a *app) *cobra.Command {
	var r notify.NewRule
	var topic bool
	var epss float32
	var every time.Duration
	var plain string
	var from, key secretFlags
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a rule; the secret that its messages are signed with is shown once",
		Long: `Adds a rule. Findings have to meet every condition that is given; without any, all are told. Those that are open already
count as told, but with --existing.

A webhook in the format json is signed by the convention of Standard Webhooks, with a secret that is made and printed
here, or that --webhook-secret-file holds. One in the format slack is what incoming webhooks of Slack, Mattermost and others
take: there the URL is the secret, so give it by a file or the environment and not by --url. Neither is shown to anybody
afterwards. Public addresses are sent to by https; the operator allows other networks by ` + "`serve --webhook-network`" + `.`,
		Example: `  sluice notify rule add urgent --severity critical --tag production --url https://hooks.example/sluice > secret
  sluice notify rule add channel --kev --format slack --webhook-url-file slack-url
  sluice notify rule add log4j --package pkg:maven/org.apache.logging.log4j/* --closed --existing --url https://hooks.example/sluice
  sluice notify rule add stream --severity high --topic`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Name = args[0]
			if cmd.Flags().Changed("epss") {
				r.EPSS = &epss
			}
			if topic {
				r.Target = notify.Topic
			}
			if every%time.Second != 0 || every <= 0 || every > 24*time.Hour {
				return usagef("--every %s: it is 1s to 24h, in whole seconds", every)
			}
			r.Every = int32(every / time.Second)
			return a.addRule(cmd.Context(), r, plain, &from, &key)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Severity, "severity", "", "least severity: critical, high, medium, low or none")
	f.StringVar(&r.Tag, "tag", "", "only in artifacts with this tag")
	f.BoolVar(&r.KEV, "kev", false, "only vulnerabilities that are known to be exploited")
	f.Float32Var(&epss, "epss", 0, "least probability of exploitation, above 0 to 1")
	f.StringVar(&r.Package, "package", "", "only of this package, by purl, in every version where it has none; or with * for any text: pkg:npm/*")
	f.BoolVar(&r.Closed, "closed", false, "tell too when they are closed or suppressed")
	f.BoolVar(&r.Existing, "existing", false, "tell of those too that are open already")
	f.DurationVar(&every, "every", notify.DefaultEvery*time.Second, "least time between two messages; what comes meanwhile is told in one")
	f.StringVar(&r.Format, "format", "json", "form of a webhook: "+strings.Join(notify.Formats, " or "))
	f.BoolVar(&topic, "topic", false, "write messages to the Kafka topic PREFIX.findings instead of posting them")
	f.StringVar(&plain, "url", "", "where the webhook is, where that is no secret")
	from.add(f, "webhook-url", "where the webhook is")
	key.add(f, "webhook-secret", "the secret that messages are signed with, whsec_ and base64 of 24 to 64 bytes")
	return cmd
}

func (a *app) addRule(ctx context.Context, r notify.NewRule, plain string, from, key *secretFlags) error {
	var err error
	if r.Target != notify.Topic {
		if r.URL = secret.Secret(plain); plain == "" {
			r.URL, err = from.get(ctx)
		} else if from.asked() {
			err = usagef("--url and --webhook-url-file or --webhook-url-command exclude each other")
		}
		if err != nil {
			return err
		}
		if r.Format != "slack" || key.asked() {
			if r.Secret, err = key.get(ctx); err != nil {
				return err
			}
		}
	} else if plain != "" || from.asked() || key.asked() {
		return usagef("--topic and the flags of webhooks exclude each other")
	}
	given := r.Secret != ""
	if err := r.Check(); err != nil {
		return err
	}
	tenant, store, err := a.rules(ctx)
	if err != nil {
		return err
	}
	made, text, err := store.Add(ctx, tenant, r)
	if err != nil {
		return err
	}
	if text == "" || given {
		return a.printRules(made, notify.Standing{Rule: made})
	}
	return a.shownOnce(fmt.Sprintf("secret of rule %s: %s, to %s", made.Name, made.Conditions(), made.Destination), string(text), madeRule{made, string(text)})
}

func newNotifyList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the rules and how their messages fare", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tenant, store, err := a.rules(cmd.Context())
			if err != nil {
				return err
			}
			list, err := store.Rules(cmd.Context(), tenant)
			if err != nil {
				return err
			}
			return a.printRules(list, list...)
		},
	}
}

func newNotifyShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a rule, without its secret", Args: cobra.ExactArgs(1),
		Example: "  sluice notify rule show team-chat --tenant acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			tenant, store, err := a.rules(cmd.Context())
			if err != nil {
				return err
			}
			s, err := store.Rule(cmd.Context(), tenant, args[0])
			if err != nil {
				return err
			}
			return a.printRules(s, s)
		},
	}
}

func newNotifyRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Tell no more by a rule: it goes, with its secret and what is on its way", Args: cobra.ExactArgs(1),
		Example: "  sluice notify rule remove team-chat --tenant acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			tenant, store, err := a.rules(cmd.Context())
			if err != nil {
				return err
			}
			return store.Remove(cmd.Context(), tenant, args[0])
		},
	}
}

func (a *app) printRules(form any, list ...notify.Standing) error {
	t := table{head: []string{"rule", "tells of", "to", "format", "every", "looked", "sent", "waiting", "failed", "error"}, empty: "no rules: nobody is told of findings; see `sluice notify rule add --help`"}
	for _, s := range list {
		what := s.Conditions()
		if s.Closed {
			what += "; closed too"
		}
		t.add(s.Name, what, s.Destination, s.Format, (time.Duration(s.Every) * time.Second).String(), instant(s.LookedAt), instant(s.SentAt), fmt.Sprint(s.Waiting), fmt.Sprint(s.Failed), short(s.Error, 160))
	}
	return a.print(&t, form)
}
