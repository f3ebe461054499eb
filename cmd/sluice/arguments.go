package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/near"
)

// argument is what a command takes besides flags, read from its Use: `show RUN`, `list [TABLE]`, `file PATH...`.
type argument struct {
	name               string
	optional, repeated bool
}

// argumentsOf reads a command's Use. TestArguments compares them with what the command accepts.
func argumentsOf(use string) []argument {
	_, rest, _ := strings.Cut(use, " ")
	if first, _, several := strings.Cut(rest, " | "); several && !strings.HasPrefix(rest, "[") {
		return []argument{{name: first, repeated: true}} // forms of its own; the example says more
	}
	var list []argument
	for part := range strings.FieldsSeq(strings.ReplaceAll(rest, " | ", "|")) {
		arg := argument{name: part}
		if inner, ok := strings.CutPrefix(part, "["); ok {
			arg.name, arg.optional = strings.TrimSuffix(inner, "]"), true
		}
		if strings.Contains(arg.name, "...") {
			arg.name, arg.repeated = strings.Replace(arg.name, "...", "", 1), true
		}
		list = append(list, arg)
	}
	return list
}

// checkArguments says which argument is missing, or one too many, and what it looks like.
func checkArguments(cmd *cobra.Command, args []string) error {
	list := argumentsOf(cmd.Use)
	example := "; see `" + cmd.CommandPath() + " --help`"
	if first := exampleOf(cmd); first != "" {
		example = ", like " + first + example
	}
	for i, arg := range list {
		if i >= len(args) && !arg.optional {
			return usagef("say %s: %s%s", arg.name, cmd.UseLine(), example)
		}
	}
	if len(list) > 0 && list[len(list)-1].repeated || len(args) <= len(list) {
		return nil
	}
	surplus := args[len(list)]
	if len(list) == 0 {
		return usagef("%s takes flags only, and %q is none%s; see `%s --help`", cmd.CommandPath(), surplus, nearFlag(cmd, surplus), cmd.CommandPath())
	}
	return usagef("%q is one argument too many: %s%s", surplus, cmd.UseLine(), example)
}

// exampleOf is the first example of a command.
func exampleOf(cmd *cobra.Command) string {
	for line := range strings.Lines(cmd.Example) {
		line = strings.TrimSpace(line)
		if i := strings.Index(line, cmd.CommandPath()); i >= 0 {
			return strings.TrimSpace(line[i:])
		}
	}
	return ""
}

// nearFlag asks whether a word without dashes was meant as a flag.
func nearFlag(cmd *cobra.Command, word string) string {
	name, value, _ := strings.Cut(word, "=")
	if cmd.Flags().Lookup(name) == nil {
		return ""
	}
	if value != "" {
		name += "=" + value
	}
	return "; did you mean --" + name + "?"
}

// flagError says what is wrong with a flag: the names that are near, or what its value has to be.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		err = fmt.Errorf("unknown flag: --%s%s", unknown.GetSpecifiedName(), near.Hint("--"+unknown.GetSpecifiedName(), flagNames(cmd)))
	case errors.As(err, &invalid):
		err = badValue(invalid.GetFlag(), invalid.GetValue(), err)
	}
	return usagef("%w; see `%s --help`", err, cmd.CommandPath())
}

func flagNames(cmd *cobra.Command) (names []string) {
	cmd.InheritedFlags()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return names
}

// valueForms is what the values of flags have to look like, by the type of the flag.
var valueForms = map[string]string{
	"int": "a whole number", "int32": "a whole number", "int64": "a whole number", "uint64": "a whole number of 0 or more",
	"float64": "a number", "float32": "a number", "uint32": "a whole number of 0 or more", "bool": "true or false", "duration": "a time like 90s, 15m or 24h",
	"stringToString": "NAME=VALUE", "stringSlice": "words with commas between them",
}

// badValue is err in our words where the flag is of a kind that we know.
func badValue(f *pflag.Flag, value string, err error) error {
	if form := valueForms[f.Value.Type()]; form != "" {
		return fmt.Errorf("--%s %q: it is %s", f.Name, value, form)
	}
	return err
}

// unknownCommand says what there is instead of a command that there is not.
func unknownCommand(cmd *cobra.Command, word string) error {
	if meant := nearFlag(cmd, word); meant != "" {
		return usagef("%s has no command %q%s", cmd.CommandPath(), word, meant)
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if i := slices.Index(names, "file"); i >= 0 { // `sluice ingest ./sboms`
		if _, err := os.Stat(word); err == nil {
			return usagef("%s has no command %q; did you mean `%[1]s file %[2]s`?", cmd.CommandPath(), word)
		}
	}
	if meant := inGroup(cmd.Root(), word); meant != "" && len(near.Names(word, names, 1)) == 0 {
		return usagef("%s has no command %q; did you mean `%s`?", cmd.CommandPath(), word, meant)
	}
	see := ""
	if cmd.Runnable() { // what was meant may be a flag of its own
		see = "; see `" + cmd.CommandPath() + " --help`"
	}
	return usagef("%s has no command %q; it has %s%s%s", cmd.CommandPath(), word, strings.Join(names, ", "), near.Hint(word, names), see)
}

// inGroup is the first command below another one that has the name: `sluice decide` is `sluice vex decide`.
func inGroup(root *cobra.Command, word string) string {
	for _, group := range root.Commands() {
		i := slices.IndexFunc(group.Commands(), func(c *cobra.Command) bool { return c.Name() == word && c.IsAvailableCommand() })
		if i >= 0 && group.Name() != "completion" {
			return group.Commands()[i].CommandPath()
		}
	}
	return ""
}
