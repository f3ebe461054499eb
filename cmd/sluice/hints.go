package main

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/authority"
	"sluice/internal/secret"
)

// A hint is a command in backquotes, `sluice parked list`, in a message of whatever part of the
// program. Those parts do not know how the caller said which tenant and which database are meant,
// so the flags that make the hint true for him are put in here, where messages leave the program.
// What he has in the environment or in the default configuration is there for the next command too.

// carried are the flags that say where and for whom, of whichever command has them. What a command
// is to do, and how it prints it, is no business of the next one.
var carried = []string{
	"config", "home", "database-url", "database-url-file", "database-password-file", "database-password-command",
	"redis-url", "redis-url-file", "token-file", "token-command", "oidc-issuer", "oidc-audience",
	"shared", "operator", "all-tenants", "tenant", // a scope comes before the tenant that it makes needless
	"brokers", "topic-prefix", "kafka-tls", "kafka-tls-ca", "kafka-tls-cert", "kafka-tls-key", "kafka-tls-server-name",
	"kafka-sasl", "kafka-username", "kafka-password-file", "kafka-password-command",
	"backup-to", "backup-identity",
}

// scopes are flags beside which --tenant says nothing.
var scopes = []string{"shared", "operator", "all-tenants"}

// ofTenants are commands of the operator's that act in one tenant all the same.
var ofTenants = []string{
	"sluice audit anchor", "sluice audit retire", "sluice explain", "sluice limit set", "sluice limit delete",
	"sluice topics allow", "sluice topics allowed", "sluice topics deny",
}

var hinted = regexp.MustCompile(`\x60sluice [^\x60]*\x60`)

// hint completes the commands that a message suggests.
func (a *app) hint(message string) string {
	if a.cmd == nil || !strings.Contains(message, "`sluice ") {
		return message
	}
	return hinted.ReplaceAllStringFunc(message, func(quoted string) string {
		command := strings.Trim(quoted, "`")
		return "`" + command + a.missing(command) + "`"
	})
}

// note says something to the caller on standard error.
func (a *app) note(format string, args ...any) {
	fmt.Fprintln(a.stderr, a.hint(fmt.Sprintf(format, args...)))
}

// missing are the flags that the caller gave and that command needs to be about the same.
func (a *app) missing(command string) string {
	words := strings.Fields(command)[1:]
	target, _, err := a.cmd.Root().Find(words)
	if err != nil || target == a.cmd.Root() || target.Annotations[onlyGroups] != "" || slices.Contains(words, "--help") {
		return ""
	}
	target.InheritedFlags() // makes the flags of all commands its own too
	said := func(name string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return w == "--"+name || strings.HasPrefix(w, "--"+name+"=") })
	}
	scoped := slices.ContainsFunc(scopes, said)
	var out strings.Builder
	for _, name := range carried {
		given := a.given(name)
		if given == nil || said(name) || target.Flags().Lookup(name) == nil {
			continue
		}
		switch {
		case slices.Contains(scopes, name):
			if scoped || given.Value.String() != "true" {
				continue
			}
			scoped = true
		case name == "tenant" && (scoped || !actsInTenant(target)):
			continue
		}
		out.WriteString(" " + flagWords(given))
	}
	return out.String()
}

// again is the command that runs, with the arguments and flags that it has, and one flag more.
func (a *app) again(args []string, name, value string) string {
	words := []string{a.cmd.CommandPath()}
	for _, arg := range args {
		words = append(words, shellWord(arg))
	}
	a.cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != name && a.given(f.Name) != nil {
			words = append(words, flagWords(f))
		}
	})
	return strings.Join(append(words, "--"+name, value), " ")
}

// flagWords give a flag as it was given.
func flagWords(f *pflag.Flag) string {
	switch text := valueOf(f); {
	case f.NoOptDefVal == "":
		return "--" + f.Name + " " + shellWord(text)
	case text != f.NoOptDefVal:
		return "--" + f.Name + "=" + shellWord(text)
	}
	return "--" + f.Name
}

// given is a flag of the command that runs, nil unless it stands on the command line.
func (a *app) given(name string) *pflag.Flag {
	f := a.cmd.Flags().Lookup(name)
	if f == nil || !f.Changed || a.origins != nil && a.origins[name].rank != byFlag {
		return nil
	}
	return f
}

// actsInTenant reports whether --tenant says something to a command.
func actsInTenant(cmd *cobra.Command) bool {
	path := cmd.CommandPath()
	return needs[path] != authority.Operate && needs[path] != authority.Open || slices.Contains(ofTenants, path)
}

// valueOf is the value of a flag as it may be shown, and given again.
func valueOf(f *pflag.Flag) string {
	text := f.Value.String()
	if list, ok := f.Value.(pflag.SliceValue); ok {
		text = strings.Join(list.GetSlice(), ",")
	}
	return secret.Redact(text)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellWord writes a word as a shell reads it.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// hintLog completes the hints in what is logged.
type hintLog struct {
	slog.Handler
	a *app
}

func (h hintLog) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, h.a.hint(r.Message), r.PC)
	r.Attrs(func(at slog.Attr) bool {
		v := at.Value.Resolve()
		if err, ok := v.Any().(error); ok {
			v = slog.StringValue(err.Error())
		}
		if v.Kind() == slog.KindString && strings.Contains(v.String(), "`sluice ") {
			at.Value = slog.StringValue(h.a.hint(v.String()))
		}
		out.AddAttrs(at)
		return true
	})
	return h.Handler.Handle(ctx, out)
}

func (h hintLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return hintLog{h.Handler.WithAttrs(attrs), h.a}
}

func (h hintLog) WithGroup(name string) slog.Handler {
	return hintLog{h.Handler.WithGroup(name), h.a}
}
