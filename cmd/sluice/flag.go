package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/routing/flags"
)

func newFlag(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "flag",
		Short: "Switch parts of the pipeline on and off, for all tenants or some",
		Long: `Feature flags: what is switched on, for whom. A tenant that has not set a flag has what is
set with --shared for all; where nobody has, the flag is as the program has it. Every
change is a new version and is seen by every process within 2 seconds.`,
	}
	cmd.AddCommand(newFlagList(a), newFlagSet(a), newFlagHistory(a), newFlagEval(a), newFlagDelete(a))
	return cmd
}

// flagTenant is the tenant whose flags are meant.
func (a *app) flagTenant(ctx context.Context, shared bool) (id.ID, error) {
	if shared {
		return id.Shared, nil
	}
	return a.db.Tenant(ctx, a.tenant, false)
}

const sharedFlag = "for every tenant that has not set it itself"

func newFlagList(a *app) *cobra.Command {
	var shared bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the flags and how they stand for the tenant", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listFlags(cmd.Context(), shared) },
	}
	cmd.Flags().BoolVar(&shared, "shared", false, "what is set for all tenants")
	return cmd
}

// flagRow is a flag as `flag list` shows it.
type flagRow struct {
	Key     string          `json:"key"`
	State   string          `json:"state"` // on, off, rules
	From    string          `json:"from"`
	Version int             `json:"version,omitempty"`
	Rules   json.RawMessage `json:"rules,omitempty"`
	Updated *time.Time      `json:"updated_at,omitempty"`
	What    string          `json:"what"`
}

func (a *app) listFlags(ctx context.Context, shared bool) error {
	tenant, err := a.flagTenant(ctx, shared)
	if err != nil {
		return err
	}
	pool, err := a.db.Operator(ctx)
	if err != nil {
		return err
	}
	stored, err := flags.List(ctx, pool, tenant)
	if err != nil {
		return err
	}
	rows := []flagRow{}
	for _, d := range definitions() {
		r := flagRow{Key: d.Key, State: onOff(d.Default), From: flags.FromProgram, What: d.What}
		if i := slices.IndexFunc(stored, func(f flags.Flag) bool { return f.Key == d.Key }); i >= 0 {
			r.take(stored[i])
		}
		rows = append(rows, r)
	}
	for _, f := range stored {
		if !slices.ContainsFunc(rows, func(r flagRow) bool { return r.Key == f.Key }) {
			r := flagRow{Key: f.Key, What: "no part of this program asks for it"}
			r.take(f)
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(x, y flagRow) int { return strings.Compare(x.Key, y.Key) })
	t := table{head: []string{"flag", "state", "from", "version", "what"}}
	for _, r := range rows {
		version := ""
		if r.Version > 0 {
			version = fmt.Sprint(r.Version)
		}
		t.add(r.Key, r.State, r.From, version, r.What)
	}
	return a.print(&t, rows)
}

// take is how a stored flag stands.
func (r *flagRow) take(f flags.Flag) {
	r.From, r.Version, r.Rules, r.Updated = flags.FromTenant, f.Version, f.Rules, &f.Updated
	if f.Tenant == id.Shared {
		r.From = flags.FromAll
	}
	switch {
	case !f.Enabled:
		r.State = "off"
	case string(f.Rules) == "{}":
		r.State = "on"
	default:
		r.State = "rules"
	}
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func definitions() []flags.Definition {
	var names []string
	for _, f := range formats() {
		names = append(names, f.Name())
	}
	return flags.Definitions(names)
}

func newFlagSet(a *app) *cobra.Command {
	var shared bool
	var rules string
	cmd := &cobra.Command{
		Use:   "set FLAG [on|off]",
		Short: "Switch a flag on or off, or give it rules",
		Long: `Switches a flag on or off for everybody, or gives it rules: JSON, the name of a file, or - for
standard input. "off" keeps the rules, and "on" without --rules is on for everybody.

  {"rules": [{"if": [CONDITION, ...], "then": true}, ...], "else": false}

A CONDITION is {"tenant": ["acme"]}, {"attribute": "issuer", "equals": "…"},
{"attribute": "issuer", "in": ["…", "…"]} or {"percentage": 25, "of": "issuer"}; docs/flags.md has
all of it.`,
		Example: `  sluice flag set receipts off --tenant acme
  sluice flag set format.osv-yaml off --shared
  sluice flag set vex.issuer --rules '{"rules": [{"if": [{"attribute": "issuer", "in": ["https://vendor.example"]}], "then": true}], "else": false}'`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := flags.Change{Key: args[0]}
			state := ""
			if len(args) == 2 {
				state = args[1]
			}
			if err := a.flagChange(cmd.Context(), &c, state, rules); err != nil {
				return err
			}
			return a.setFlag(cmd.Context(), shared, c)
		},
	}
	cmd.Flags().BoolVar(&shared, "shared", false, sharedFlag)
	cmd.Flags().StringVar(&rules, "rules", "", "rules: JSON, a file, or - for standard input")
	return cmd
}

// flagChange is what on, off and --rules ask for.
func (a *app) flagChange(ctx context.Context, c *flags.Change, state, rules string) error {
	on := state != "off"
	switch {
	case state == "" && rules == "":
		return usagef("say on, off or --rules; see `sluice flag set --help`")
	case state != "" && state != "on" && state != "off":
		return usagef("%q: a flag is on or off, or has --rules", state)
	case state == "on" && rules == "":
		c.Rules = []byte("{}")
	}
	c.Enabled = &on
	if rules == "" {
		return nil
	}
	var err error
	switch {
	case rules == "-":
		c.Rules, err = io.ReadAll(a.stdin)
	case strings.HasPrefix(strings.TrimSpace(rules), "{"):
		c.Rules = []byte(rules)
	default:
		c.Rules, err = os.ReadFile(rules)
	}
	if err != nil {
		return usagef("--rules: %w", err)
	}
	c.Find = func(name string) (id.ID, error) { return a.db.Tenant(ctx, name, false) }
	return nil
}

func (a *app) setFlag(ctx context.Context, shared bool, c flags.Change) error {
	if strings.HasPrefix(c.Key, flags.Format) && !slices.ContainsFunc(definitions(), func(d flags.Definition) bool { return d.Key == c.Key }) {
		return ask.Wrong("", "flag %q: there is no such format; see `sluice flag list`", c.Key)
	}
	tenant, err := a.flagTenant(ctx, shared)
	if err != nil {
		return err
	}
	pool, err := a.db.Operator(ctx)
	if err != nil {
		return err
	}
	f, err := flags.Put(ctx, pool, tenant, c)
	if err != nil {
		return err
	}
	r := flagRow{Key: f.Key}
	r.take(f)
	if i := slices.IndexFunc(definitions(), func(d flags.Definition) bool { return d.Key == f.Key }); i >= 0 {
		r.What = definitions()[i].What
	} else {
		a.log.Warn("no part of this program asks for this flag; see `sluice flag list`", "flag", f.Key)
	}
	t := table{head: []string{"flag", "state", "from", "version"}}
	t.add(r.Key, r.State, r.From, fmt.Sprint(r.Version))
	return a.print(&t, r)
}

func newFlagHistory(a *app) *cobra.Command {
	var shared bool
	var limit int
	cmd := &cobra.Command{
		Use: "history [FLAG]", Short: "Who changed a flag, when and to what; the newest first", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key := ""
			if len(args) == 1 {
				key = args[0]
			}
			if limit < 1 {
				return usagef("--limit %d: it is at least 1", limit)
			}
			return a.flagHistory(cmd.Context(), shared, key, limit)
		},
	}
	cmd.Flags().BoolVar(&shared, "shared", false, "of what is set for all tenants")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many")
	return cmd
}

func (a *app) flagHistory(ctx context.Context, shared bool, key string, limit int) error {
	tenant, err := a.flagTenant(ctx, shared)
	if err != nil {
		return err
	}
	pool, err := a.db.Operator(ctx)
	if err != nil {
		return err
	}
	list, err := flags.History(ctx, pool, tenant, key, limit)
	if err != nil {
		return err
	}
	t := table{head: []string{"flag", "version", "changed", "by", "login", "state", "rules"}, empty: "nothing was set here"}
	for _, v := range list {
		by, state := "", onOff(v.Enabled)
		if v.By != nil {
			by = v.By.String()
		}
		if v.Deleted {
			state = "deleted"
		}
		t.add(v.Key, fmt.Sprint(v.Version), v.At.Format(time.RFC3339), by, v.Login, state, string(v.Rules))
	}
	return a.print(&t, list)
}

func newFlagEval(a *app) *cobra.Command {
	var attributes map[string]string
	cmd := &cobra.Command{
		Use: "eval FLAG", Short: "What a flag says for the tenant, and why",
		Example: "  sluice flag eval vex.issuer --attribute issuer=https://vendor.example --tenant acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tenant, err := a.db.Tenant(cmd.Context(), a.tenant, false)
			if err != nil {
				return err
			}
			f, err := a.db.Flags(cmd.Context(), pg.Maintainer)
			if err != nil {
				return err
			}
			set, err := f.Of(cmd.Context(), tenant)
			if err != nil {
				return err
			}
			d := set.Eval(args[0], attributes)
			t := table{head: []string{"flag", "says", "from", "version", "rule"}}
			rule := "none fits"
			if d.Rule >= 0 {
				rule = fmt.Sprint(d.Rule)
			}
			t.add(args[0], onOff(d.On), d.From, fmt.Sprint(d.Version), rule)
			return a.print(&t, d)
		},
	}
	cmd.Flags().StringToStringVar(&attributes, "attribute", nil, "an attribute of what is asked about, NAME=VALUE; may be repeated")
	return cmd
}

func newFlagDelete(a *app) *cobra.Command {
	return a.deletion("delete FLAG", "Take a flag away: what is set for all holds again, or what the program has", "  sluice flag delete receipts --tenant acme", func(ctx context.Context, tenant id.ID, name string) error {
		pool, err := a.db.Operator(ctx)
		if err != nil {
			return err
		}
		return flags.Delete(ctx, pool, tenant, name)
	})
}

// deletion is the command that takes away what is set by name, for a tenant or for all.
func (a *app) deletion(use, short, example string, drop func(ctx context.Context, tenant id.ID, name string) error) *cobra.Command {
	var shared bool
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tenant, err := a.flagTenant(cmd.Context(), shared)
			if err != nil {
				return err
			}
			return drop(cmd.Context(), tenant, args[0])
		},
	}
	cmd.Flags().BoolVar(&shared, "shared", false, "the one for all tenants")
	return cmd
}
