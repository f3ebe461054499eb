package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/authority"
	"sluice/internal/embedpg"
	"sluice/internal/id"
	"sluice/internal/kafkaclient"
	"sluice/inventory"
	"sluice/inventory/sbomdoc"
	"sluice/inventory/vexdoc"
	"sluice/maintenance"
	"sluice/normalize"
	"sluice/normalize/lockfile"
	"sluice/notify"
	"sluice/projections"
	"sluice/routing/limits"
	"sluice/serve"
)

// What a shell completes: the words that a flag or an argument has, and names out of the database. A
// shell asks while somebody types, so the database has completionTimeout, and nothing is said of what fails.

// completionTimeout bounds what a shell waits for; the embedded server takes most of it to start.
const completionTimeout = 3 * time.Second

// completionMost is how many names of the database are offered at once.
const completionMost = 100

// wordsOfFlags are the words that flags take: of a command where its path stands before the flag, else of every one.
var wordsOfFlags = map[string][]string{
	"--log-level":  {"debug", "info", "warn", "error"},
	"--log-format": {"text", "json"},
	"--kafka-sasl": kafkaclient.Mechanisms,
	"--backup-wal": {"stream", "command", "none"},

	"sluice ingest file --kind":   {"auto", "sbom", "vex", "vuln"},
	"sluice document list --kind": {"sbom", "vex", "vuln"},
	"sluice vex list --kind":      {"decision", "statement"},
	"sluice jobs --kind":          projections.Kinds,

	"sluice findings --status":     {"open", "suppressed", "closed", "all"},
	"sluice findings --severity":   {"critical", "high", "medium", "low", "none"},
	"sluice findings --fail-on":    {"critical", "high", "medium", "low", "any", "kev"},
	"sluice findings --sort":       inventory.FindingSorts,
	"sluice findings --group-by":   {"vulnerability", "package", "artifact"},
	"sluice findings --vex-source": inventory.VEXSources,
	"sluice findings --fields":     fieldNames(),

	"sluice artifact list --state":     {"active", "retired"},
	"sluice document list --signature": {"verified", "bad", "unknown-key", "unchecked", "unsigned", "none"},
	"sluice document list --by":        {"tool", "artifact", "document", "code"},
	"sluice document quality --by":     {"artifact", "tool", "document"},
	"sluice document export --as":      sbomdoc.Targets,
	"sluice unknowns --reason":         inventory.UnknownReasons,
	"sluice unknowns --count":          {"reason", "artifact"},
	"sluice parked list --reason":      normalize.Reasons,
	"sluice parked replay --reason":    normalize.Reasons,
	"sluice parked drop --reason":      normalize.Reasons,

	"sluice match --as":                 lockfile.Kinds(),
	"sluice notify rule add --format":   notify.Formats,
	"sluice notify rule add --severity": {"critical", "high", "medium", "low", "none"},

	"sluice vex list --outcome":         inventory.Outcomes,
	"sluice vex decide --status":        {"not_affected", "affected", "fixed", "under_investigation"},
	"sluice vex export --format":        vexdoc.Formats,
	"sluice partitions set --step":      partitionSteps,
	"sluice partitions set --on-expiry": partitionEnds,
	"sluice bench --load":               {"generated", "real"},

	"sluice auth user add --role":       authority.StandardRoles(),
	"sluice auth role add --permission": permissionWords(),
	"sluice auth role set --permission": permissionWords(),
	"sluice auth token add --scope":     permissionWords(),
	"sluice auth client add --scope":    permissionWords(),
	"sluice auth client set --scope":    permissionWords(),
	"sluice auth client token --scope":  permissionWords(),
}

// permissionWords are the permissions in a tenant. Those of the operator are for few, who know them.
func permissionWords() (list []string) {
	for _, p := range []authority.Permission{authority.Read, authority.Ingest, authority.Decide, authority.Admin} {
		list = append(list, string(p))
	}
	return list
}

// namesOfFlags are the flags that take a name out of the database, of every command that has them.
var namesOfFlags = map[string]inventory.Named{
	"--artifact": inventory.NamedArtifacts, "--like": inventory.NamedArtifacts, "--package": inventory.NamedPackages,
	"--vuln": inventory.NamedVulns, "--tag": inventory.NamedTags,
	"sluice ingest file --scan-run": inventory.NamedRuns,
}

// namesOfArguments are the commands whose arguments are such names; the last one stands for all that follow.
var namesOfArguments = map[string][]inventory.Named{
	"sluice artifact show": {inventory.NamedArtifacts}, "sluice artifact retire": {inventory.NamedArtifacts}, "sluice artifact revive": {inventory.NamedArtifacts},
	"sluice artifact diff": {inventory.NamedArtifacts, inventory.NamedArtifacts},
	"sluice artifact tag":  {inventory.NamedTags, inventory.NamedArtifacts}, "sluice artifact untag": {inventory.NamedTags, inventory.NamedArtifacts},
	"sluice document show": {inventory.NamedDocuments}, "sluice document export": {inventory.NamedDocuments},
	"sluice document warnings": {inventory.NamedDocuments}, "sluice document quality": {inventory.NamedDocuments},
	"sluice runs show": {inventory.NamedRuns}, "sluice runs tail": {inventory.NamedRuns},
	"sluice parked show": {inventory.NamedParked}, "sluice parked replay": {inventory.NamedParked, inventory.NamedParked}, "sluice parked drop": {inventory.NamedParked, inventory.NamedParked},
	"sluice match": {inventory.NamedPackages, inventory.NamedPackages},
}

// wordsOfArguments are the words that arguments may be, by their place.
func wordsOfArguments(path string) [][]string {
	switch path {
	case "sluice flag set":
		return [][]string{flagKeys(), {"on", "off"}}
	case "sluice flag eval", "sluice flag history", "sluice flag delete":
		return [][]string{flagKeys()}
	case "sluice limit set", "sluice limit delete":
		return [][]string{limits.Keys}
	case "sluice feeds add":
		return [][]string{{"osv", "kev", "epss", "cve", "url"}, maintenance.OSVEcosystems}
	case "sluice partitions set", "sluice partitions list":
		return [][]string{{"ingest.scan_run_event", "vex.finding_history"}}
	case "sluice explain":
		return [][]string{queryNames()}
	case "sluice maintain":
		return [][]string{taskNames()}
	}
	return nil
}

func flagKeys() (list []string) {
	for _, d := range definitions() {
		list = append(list, d.Key)
	}
	return list
}

func taskNames() (list []string) {
	for _, t := range serve.NewDatabase(serve.DatabaseConfig{}).Tasks(serve.Maintenance{}) {
		list = append(list, t.Name)
	}
	return list
}

// completes gives each command below cmd what a shell may complete.
func (a *app) completes(cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if complete := a.completionOf(cmd.CommandPath(), f); complete != nil {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, complete) // fails only for a flag that is not there, or has one
		}
	})
	if cmd.ValidArgsFunction == nil && cmd.RunE != nil && cmd.Annotations[onlyGroups] == "" {
		cmd.ValidArgsFunction = a.argumentsCompletion(cmd)
	}
	for _, c := range cmd.Commands() {
		a.completes(c)
	}
}

// completionOf is what completes a flag; nil leaves it to the shell, which offers files.
func (a *app) completionOf(path string, f *pflag.Flag) cobra.CompletionFunc {
	_, several := f.Value.(pflag.SliceValue)
	switch words, names := pathOr(wordsOfFlags, path, f.Name), pathOr(namesOfFlags, path, f.Name); {
	case f.Name == "output":
		return func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return offer(outputForms(cmd), prefix, false)
		}
	case f.Name == "tenant":
		return a.completeTenant
	case words != nil:
		return func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return offer(words, prefix, several)
		}
	case names != "":
		return func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return a.completeName(cmd, names, prefix)
		}
	case f.Value.Type() == "bool":
		return cobra.FixedCompletions([]string{"true", "false"}, cobra.ShellCompDirectiveNoFileComp)
	case f.Value.Type() != "string" && !several:
		return cobra.NoFileCompletions // a number or a time
	}
	return nil
}

// pathOr is the entry for a flag of a command, of a group that it is in, or of all commands.
func pathOr[T any](table map[string]T, path, flag string) T {
	for path != "" {
		if v, ok := table[path+" --"+flag]; ok {
			return v
		}
		path = path[:max(0, strings.LastIndexByte(path, ' '))]
	}
	return table["--"+flag]
}

// argumentsCompletion is what completes the arguments of a command; nil leaves them to the shell.
func (a *app) argumentsCompletion(cmd *cobra.Command) cobra.CompletionFunc {
	path := cmd.CommandPath()
	words, names := wordsOfArguments(path), namesOfArguments[path]
	switch {
	case words != nil:
		return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if i := placeOf(cmd, args, len(words)); i >= 0 {
				return offer(words[i], prefix, false)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	case names != nil:
		return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if i := placeOf(cmd, args, len(names)); i >= 0 {
				return a.completeName(cmd, names[i], prefix)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	case slices.Contains([]string{"sluice tenant set", "sluice tenant rename", "sluice tenant delete"}, path):
		return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeTenant(cmd, args, prefix)
		}
	case path == "sluice config":
		return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			group, _, err := cmd.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var list []string
			for _, c := range group.Commands() {
				if c.IsAvailableCommand() {
					list = append(list, c.Name())
				}
			}
			return offer(list, prefix, false)
		}
	}
	if list := argumentsOf(cmd.Use); slices.ContainsFunc(list, func(arg argument) bool {
		return slices.Contains([]string{"PATH", "FILE", "FOLDER", "FILE|TABLE"}, arg.name)
	}) {
		return nil
	}
	return cobra.NoFileCompletions
}

// placeOf is which of so many kinds of words the next argument is of; -1: there is to be none.
func placeOf(cmd *cobra.Command, args []string, kinds int) int {
	list := argumentsOf(cmd.Use)
	repeated := len(list) > 0 && list[len(list)-1].repeated
	if len(args) >= len(list) && !repeated {
		return -1
	}
	return min(len(args), kinds-1)
}

// offer are the words that begin like prefix; of a list with commas those for its last word.
func offer(words []string, prefix string, several bool) ([]string, cobra.ShellCompDirective) {
	before := ""
	directive := cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	if i := strings.LastIndexByte(prefix, ','); several && i >= 0 {
		before, prefix = prefix[:i+1], prefix[i+1:]
	}
	if several {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	taken := strings.Split(before, ",")
	var list []string
	for _, w := range words {
		if strings.HasPrefix(w, prefix) && !slices.Contains(taken, w) {
			list = append(list, before+w)
		}
	}
	return list, directive
}

// completeName offers names of the tenant's.
func (a *app) completeName(cmd *cobra.Command, what inventory.Named, prefix string) ([]string, cobra.ShellCompDirective) {
	return a.fromDatabase(cmd, func(ctx context.Context) ([]string, error) {
		if f := cmd.Flags().Lookup("shared"); f != nil && f.Value.String() == "true" {
			return askedOf(a, id.Shared, func(inv *inventory.Inventory, tenant id.ID) ([]string, error) {
				return inv.Beginning(ctx, tenant, what, prefix, completionMost)
			})
		}
		return asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]string, error) {
			return inv.Beginning(ctx, tenant, what, prefix, completionMost)
		})
	})
}

// completeTenant offers the tenants that the caller may act in: all, or his own.
func (a *app) completeTenant(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return a.fromDatabase(cmd, func(ctx context.Context) ([]string, error) {
		names, err := a.db.TenantNames(ctx)
		if token, _ := a.token.get(ctx); token != "" {
			names = nil // a token names its tenant
		}
		list, _ := offer(names, prefix, false)
		return list[:min(len(list), completionMost)], err
	})
}

// fromDatabase asks as whoever calls, for a moment, and without a word of what fails.
func (a *app) fromDatabase(cmd *cobra.Command, ask func(context.Context) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	a.stderr, a.origins = io.Discard, nil
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	cmd.SetContext(ctx)
	if err := a.configure(cmd); err != nil || a.databaseURL == "" && !a.hasEmbedded() {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if err := a.admit(cmd); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, err := ask(cmd.Context())
	if err != nil {
		names = nil
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// hasEmbedded reports whether there is an embedded server: a key that is pressed shall not fetch one.
func (a *app) hasEmbedded() bool {
	home := a.home
	if home == "" {
		var err error
		if home, err = embedpg.DefaultHome(); err != nil {
			return false
		}
	}
	_, err := os.Stat(filepath.Join(home, "postgres-passwords.json"))
	return err == nil
}
