package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/secret"
)

// setting is a line of `sluice config`.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

func newConfig(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "config [COMMAND...]",
		Short: "Print the settings of a command, by default serve, and where each comes from",
		Long: `Prints what a command would run with: the value of each of its flags and where it comes
from, the command line, the environment, the configuration file or the default. Without the
name of a command it is serve. Passwords are shown as ***, and nothing is connected to.`,
		Example: "  sluice config\n  sluice config ingest kafka --config /etc/sluice.yaml --output json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"serve"}
			}
			target, rest, err := cmd.Root().Find(args)
			if _, does := needs[target.CommandPath()]; err != nil || len(rest) > 0 || !does { // else it groups others
				return usagef("there is no command %q to show the settings of; see `sluice --help`", strings.Join(args, " "))
			}
			target.InheritedFlags() // makes the flags of all commands its own too
			origins, err := a.settle(cmd.Root(), target.Flags())
			if err != nil {
				return err
			}
			list := effective(target.Flags(), origins)
			t := &table{head: []string{"name", "value", "from"}}
			for _, s := range list {
				t.add(s.Name, s.Value, s.From)
			}
			return a.print(t, list)
		},
	}
}

// effective are the settings that flags stand for. A secret has a line of its own, by the name that
// its flags have in common.
func effective(flags *pflag.FlagSet, origins map[string]origin) []setting {
	var list []setting
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		if of := f.Annotations[secretFile]; len(of) == 1 {
			list = append(list, secretSetting(flags, of[0], origins))
		}
		from := origins[f.Name].from
		if from == "" {
			from = "default"
		}
		list = append(list, setting{f.Name, secret.Redact(f.Value.String()), from})
	})
	return list
}

// secretSetting says where a secret comes from, and nothing of it.
func secretSetting(flags *pflag.FlagSet, name string, origins map[string]origin) setting {
	for _, how := range []string{"file", "command"} {
		if f := flags.Lookup(name + "-" + how); f.Value.String() != "" {
			return setting{name, secret.Hidden, how + " of --" + f.Name + " (" + origins[f.Name].from + ")"}
		}
	}
	if os.Getenv(environmentName(name)) != "" {
		return setting{name, secret.Hidden, "environment variable " + environmentName(name)}
	}
	return setting{name, "", "default"}
}
