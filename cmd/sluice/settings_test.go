package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/test/brief"
)

// sample is a value that a flag takes, by its type; "" where it has a type of our own.
func sample(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return map[string]string{"true": "false", "false": "true"}[f.DefValue]
	case "int", "int32", "int64", "uint64", "float64":
		return "7"
	case "duration":
		return "7m0s"
	case "string", "stringSlice", "stringArray":
		return "seven"
	}
	return ""
}

// settable are the flags of a command that take a sample: not those that name a file or command with the value
// of another one, which secrets.txtar has.
func settable(cmd *cobra.Command) (list []*pflag.Flag) {
	cmd.InheritedFlags()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		elsewhere := f.Annotations[urlFile] != nil || f.Annotations[secretFile] != nil || strings.HasSuffix(f.Name, "-command")
		if f.Name != "help" && f.Name != "config" && !elsewhere && sample(f) != "" {
			list = append(list, f)
		}
	})
	return list
}

// TestEveryFlagFromElsewhere: each flag of each command can be set by the environment and by the
// configuration file, counts as given there, and is enough where it is required.
func TestEveryFlagFromElsewhere(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: builds the tree of commands for every flag")
	}
	file := filepath.Join(t.TempDir(), "sluice.yaml")
	seen, required := 0, 0
	for _, c := range commands() {
		if strings.HasPrefix(c.CommandPath(), "sluice completion") || c.CommandPath() == "sluice help" {
			continue // cobra's own
		}
		for _, how := range []string{"environment", "file"} {
			a := &app{}
			root := newRoot(a)
			cmd, _, err := root.Find(strings.Fields(c.CommandPath())[1:])
			if err != nil {
				t.Fatal(err)
			}
			var keys strings.Builder
			for _, f := range settable(cmd) {
				fmt.Fprintf(&keys, "%s: %q\n", f.Name, sample(f))
				if how == "environment" {
					os.Setenv(environment(f), sample(f))
				}
			}
			if how == "file" {
				a.config = file
				if err := os.WriteFile(file, []byte(keys.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			origins, err := a.settle(root, cmd.Flags())
			for _, f := range settable(cmd) {
				os.Unsetenv(environment(f))
			}
			if err != nil {
				t.Errorf("%s from the %s: %v", c.CommandPath(), how, err)
				continue
			}
			for _, f := range settable(cmd) {
				seen++
				if f.Annotations[cobra.BashCompOneRequiredFlag] != nil {
					required++
				}
				if got := valueOf(f); got != sample(f) || !f.Changed || origins[f.Name].rank == byDefault {
					t.Errorf("%s --%s from the %s: %q (given: %v, from %q), want %q", c.CommandPath(), f.Name, how, got, f.Changed, origins[f.Name].from, sample(f))
				}
			}
			if err := cmd.ValidateRequiredFlags(); err != nil {
				t.Errorf("%s, with each flag from the %s: %v", c.CommandPath(), how, err)
			}
		}
	}
	if seen < 500 || required < 10 {
		t.Errorf("%d flags, %d that are required: the test is blind", seen, required)
	}
}
