package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpFlags are the flags of every command that the help of each shows. There are two dozen more, for connections,
// pools, tokens and logs, among which somebody who asks about findings would not find his own.
var helpFlags = []string{"tenant", "output", "database-url", "home", "config"}

// shortHelp has the help of commands show few of the flags that all have, and the forms of --output that each has.
func shortHelp(root *cobra.Command) {
	show := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if cmd == root {
			show(cmd, args)
			return
		}
		var restore []func()
		cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !slices.Contains(helpFlags, f.Name) {
				f.Hidden = true
				restore = append(restore, func() { f.Hidden = false })
			}
			if more := cmd.Annotations[moreForms]; f.Name == "output" && more != "" {
				usage := f.Usage
				restore = append(restore, func() { f.Usage = usage })
				f.Usage = outputUsage(append([]string{"table", "json", "csv"}, strings.Fields(more)...))
			}
		})
		show(cmd, args)
		for _, again := range restore {
			again()
		}
		fmt.Fprintln(cmd.OutOrStdout(), "\n`sluice --help` has the flags of every command that are not shown here.")
	})
}

func outputUsage(forms []string) string {
	return "form of the results: " + strings.Join(forms[:len(forms)-1], ", ") + " or " + forms[len(forms)-1]
}
