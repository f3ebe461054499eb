package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/authority"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/serve"
)

// needs says what each command takes, of whoever shows a token. Without one it is the operator who
// calls. A command that is not here is refused to every token, and fails TestEveryCommandNeeds:
// none inherits from the group that it is in.
var needs = map[string]authority.Permission{
	"sluice help":                  authority.Open,
	"sluice config":                authority.Open, // what its caller has set himself
	"sluice health":                authority.Open, // it asks no database
	"sluice completion bash":       authority.Open,
	"sluice completion fish":       authority.Open,
	"sluice completion powershell": authority.Open,
	"sluice completion zsh":        authority.Open,
	"sluice version":               authority.Open,
	"sluice auth client token":     authority.Open, // the client's secret is what counts there
	"sluice auth whoami":           authority.Anyone,

	"sluice artifact diff":      authority.Read,
	"sluice artifact list":      authority.Read,
	"sluice artifact show":      authority.Read,
	"sluice audit export":       authority.Read,
	"sluice audit list":         authority.Read,
	"sluice audit verify":       authority.Read,
	"sluice document export":    authority.Read,
	"sluice document list":      authority.Read,
	"sluice document show":      authority.Read,
	"sluice findings":           authority.Read,
	"sluice findings why":       authority.Read,
	"sluice flag eval":          authority.Read,
	"sluice flag history":       authority.Read,
	"sluice flag list":          authority.Read,
	"sluice jobs list":          authority.Read,
	"sluice limit list":         authority.Read,
	"sluice limit show":         authority.Read,
	"sluice match":              authority.Read,
	"sluice notify failed list": authority.Read,
	"sluice notify rule list":   authority.Read,
	"sluice notify rule show":   authority.Read,
	"sluice parked list":        authority.Read,
	"sluice parked show":        authority.Read,
	"sluice report":             authority.Read,
	"sluice triage":             authority.Read,
	"sluice runs list":          authority.Read,
	"sluice runs show":          authority.Read,
	"sluice runs tail":          authority.Read,
	"sluice feeds":              authority.Read,
	"sluice unknowns":           authority.Read,
	"sluice vex history":        authority.Read,
	"sluice vex list":           authority.Read,

	"sluice document quality":  authority.Read,
	"sluice document warnings": authority.Read,

	"sluice ingest file": authority.Ingest,

	"sluice artifact retire": authority.Decide,
	"sluice artifact revive": authority.Decide,
	"sluice artifact tag":    authority.Decide,
	"sluice artifact untag":  authority.Decide,
	"sluice vex decide":      authority.Decide,
	"sluice vex export":      authority.Decide, // a version of a document goes on record
	"sluice vex withdraw":    authority.Decide,

	"sluice auth client add":     authority.Admin,
	"sluice auth client disable": authority.Admin,
	"sluice auth client enable":  authority.Admin,
	"sluice auth client list":    authority.Admin,
	"sluice auth client rotate":  authority.Admin,
	"sluice auth client set":     authority.Admin,
	"sluice auth grant add":      authority.Admin,
	"sluice auth grant list":     authority.Admin,
	"sluice auth grant revoke":   authority.Admin,
	"sluice auth role add":       authority.Admin,
	"sluice auth role list":      authority.Admin,
	"sluice auth role remove":    authority.Admin,
	"sluice auth role set":       authority.Admin,
	"sluice auth token add":      authority.Admin,
	"sluice auth token list":     authority.Admin,
	"sluice auth token revoke":   authority.Admin,
	"sluice auth token rotate":   authority.Admin,
	"sluice auth user add":       authority.Admin,
	"sluice auth user disable":   authority.Admin,
	"sluice auth user enable":    authority.Admin,
	"sluice auth user list":      authority.Admin,
	"sluice flag delete":         authority.Admin,
	"sluice flag set":            authority.Admin,
	"sluice jobs drop":           authority.Admin,
	"sluice jobs retry":          authority.Admin,
	"sluice notify failed drop":  authority.Admin,
	"sluice notify failed retry": authority.Admin,
	"sluice notify rule add":     authority.Admin, // findings leave the house by it
	"sluice notify rule remove":  authority.Admin,
	"sluice notify rule test":    authority.Admin,
	"sluice parked drop":         authority.Admin,
	"sluice parked replay":       authority.Admin,
	"sluice rebuild":             authority.Admin,

	"sluice audit anchor":        authority.Operate,
	"sluice audit retire":        authority.Operate,
	"sluice backup archive":      authority.Operate,
	"sluice backup drill":        authority.Operate,
	"sluice backup key":          authority.Open, // it asks no database
	"sluice backup list":         authority.Operate,
	"sluice backup prune":        authority.Operate,
	"sluice backup restore":      authority.Operate,
	"sluice backup run":          authority.Operate,
	"sluice backup verify":       authority.Operate,
	"sluice backup wal":          authority.Operate,
	"sluice bench":               authority.Operate,
	"sluice bench kafka":         authority.Operate,
	"sluice doctor":              authority.Operate,
	"sluice database run":        authority.Operate,
	"sluice database url":        authority.Operate,
	"sluice ingest kafka":        authority.Operate,
	"sluice instances":           authority.Operate,
	"sluice limit delete":        authority.Operate, // nobody lifts his own limits
	"sluice limit set":           authority.Operate,
	"sluice maintain":            authority.Operate,
	"sluice migrate status":      authority.Operate,
	"sluice migrate up":          authority.Operate,
	"sluice migrate verify":      authority.Operate,
	"sluice notify send":         authority.Operate, // for every tenant
	"sluice partitions attach":   authority.Operate,
	"sluice partitions list":     authority.Operate,
	"sluice partitions maintain": authority.Operate,
	"sluice partitions plan":     authority.Operate,
	"sluice partitions set":      authority.Operate,
	"sluice partitions status":   authority.Operate,
	"sluice project":             authority.Operate,
	"sluice serve":               authority.Operate,
	"sluice stats":               authority.Operate,
	"sluice explain":             authority.Operate,
	"sluice feeds add":           authority.Operate,
	"sluice feeds refresh":       authority.Operate,
	"sluice feeds remove":        authority.Operate,
	"sluice feeds sources":       authority.Operate,
	"sluice tenant create":       authority.Operate,
	"sluice tenant list":         authority.Operate,
	"sluice tenant delete":       authority.Operate,
	"sluice tenant rename":       authority.Operate,
	"sluice tenant set":          authority.Operate,
	"sluice topics allow":        authority.Operate,
	"sluice topics allowed":      authority.Operate,
	"sluice topics deny":         authority.Operate,
	"sluice topics create":       authority.Operate,
	"sluice topics verify":       authority.Operate,
}

// widens are flags by which a command reaches beyond the tenant of a token, or speaks for
// somebody else: with them it takes the operator.
var widens = []string{"shared", "operator", "all-tenants", "actor"}

// standing are commands that go on by themselves: what comes of them is the program's doing, in
// every tenant, and not that of whoever started them.
var standing = []string{"sluice serve", "sluice ingest kafka", "sluice project"}

// onlyGroups marks commands that do nothing but name those below them.
const onlyGroups = "group"

// admit lets the command go on if its token permits it; without a token it is the operator's. From
// here on the command acts in the tenant of the token, and as its owner.
func (a *app) admit(cmd *cobra.Command) error {
	token, err := a.token.get(cmd.Context())
	if err == nil && token == "" && a.databaseURL != "" {
		return a.admitAuditor(cmd)
	}
	if err != nil || token == "" || cmd.Annotations[onlyGroups] != "" || strings.HasPrefix(cmd.Name(), cobra.ShellCompRequestCmd) {
		return err
	}
	need, ok := needs[cmd.CommandPath()]
	if !ok {
		return fmt.Errorf("%s does not say what it takes, so no token permits it: this is a bug", cmd.CommandPath())
	}
	if need == authority.Open {
		return nil
	}
	what := "`" + cmd.CommandPath() + "`"
	cmd.Flags().VisitAll(func(f *pflag.Flag) { // from the environment and the file too
		if slices.Contains(widens, f.Name) && f.Value.String() != f.DefValue {
			need, what = authority.Operate, "`"+cmd.CommandPath()+" --"+f.Name+"`"
		}
	})
	auth, err := a.authority(cmd.Context())
	if err != nil {
		return err
	}
	r := authority.Request{Credential: string(token), Needs: need, What: what}
	if a.origins["tenant"].rank != byDefault && need != authority.Operate {
		r.Tenant = a.tenant
	}
	ctx, d, err := auth.Decide(cmd.Context(), r)
	if err != nil {
		return err
	}
	if d.Tenant != id.Operator {
		a.tenant = d.Tenant.String()
	}
	if !slices.Contains(standing, cmd.CommandPath()) {
		cmd.SetContext(ctx)
	}
	return nil
}

// notForAuditors read what the login of an auditor may not: jobs are what projectors have to do, and no
// statement about the tenant.
var notForAuditors = []string{"sluice jobs list"}

// admitAuditor lets an auditor's login ask, in its own tenant without being told which, and keeps it from
// commands that change something: they would get as far as the database lets them.
func (a *app) admitAuditor(cmd *cobra.Command) error {
	need := needs[cmd.CommandPath()]
	if !pg.AuditorURL(a.databaseURL) || cmd.Annotations[onlyGroups] != "" || need == authority.Open || need == "" {
		return nil
	}
	login, err := a.db.Auditor(cmd.Context())
	if err != nil || login == nil {
		return err
	}
	for _, name := range widens {
		if f := cmd.Flags().Lookup(name); f != nil && f.Value.String() != f.DefValue {
			return usagef("--%s: the login %s reads what is of tenant %s and nothing else", name, login.User, login.Name)
		}
	}
	if need != authority.Read || slices.Contains(notForAuditors, cmd.CommandPath()) {
		return usagef("`%s` is not for the login %s, which reads what is of tenant %s and changes nothing", cmd.CommandPath(), login.User, login.Name)
	}
	if a.origins["tenant"].rank == byDefault {
		a.tenant = login.Name
	}
	return nil
}

// access says whose tokens are accepted.
func (a *app) access() serve.Access {
	return serve.Access{Issuers: a.oidcIssuers, Audience: a.oidcAudience}
}

// authority says who may act. The log of a command is read by whoever calls it, who may be
// somebody that is refused.
func (a *app) authority(ctx context.Context) (*authority.Authority, error) {
	cfg := a.access()
	cfg.Hush = true
	return a.db.Authority(ctx, cfg)
}
