package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/secret"
)

// origin is where the value of a flag comes from. A later one beats an earlier one.
type origin struct {
	rank rank
	from string // for people
}

type rank int

const (
	byDefault rank = iota
	byFile
	byEnvironment
	byFlag
)

// urlFile marks a flag that names a file with the value of another one, which it names.
const urlFile = "value-of"

// addURLFile registers --NAME-file for a flag whose value may hold a password.
func addURLFile(flags *pflag.FlagSet, name string) {
	flags.String(name+"-file", "", "file that holds the value of --"+name+", which may have a password in it")
	_ = flags.SetAnnotation(name+"-file", urlFile, []string{name}) // fails only for a flag that is not there
}

// settle fills in flags that were not given: from the environment, else from the
// configuration file. The environment's name of --database-url is SLUICE_DATABASE_URL,
// and so on for every flag but those that say otherwise. It returns where each value comes from.
func (a *app) settle(root *cobra.Command, flags *pflag.FlagSet) (map[string]origin, error) {
	origins := map[string]origin{}
	config := flags.Lookup("config")
	if v, ok := os.LookupEnv("SLUICE_CONFIG"); ok && !config.Changed {
		a.config = v
		origins["config"] = origin{byEnvironment, "environment variable SLUICE_CONFIG"}
	}
	file, err := readConfig(a.config, root)
	if err != nil {
		return nil, err
	}
	flags.VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Changed:
			o, settled := a.origins[f.Name] // by the command that prints the settings of this one
			if !settled {
				o = origin{byFlag, "flag"}
			}
			origins[f.Name] = o
			return
		case f.Name == "config" || f.Name == "help" || err != nil:
			return
		}
		v, o := "", origin{}
		if s := os.Getenv(environment(f)); s != "" {
			v, o = s, origin{byEnvironment, "environment variable " + environment(f)}
		} else if s, ok := file[f.Name]; ok {
			v, o = s, origin{byFile, a.config}
		}
		if o.from == "" {
			return
		}
		origins[f.Name] = o
		if bad := f.Value.Set(v); bad != nil {
			err = usagef("%s: %w", o.from, badValue(f, v, fmt.Errorf("--%s: %w", f.Name, bad)))
		}
		f.Changed = true // given is given: a flag that is required is there, and what asks whether it was set is told so
	})
	if err == nil {
		err = fromFiles(flags, origins)
	}
	return origins, err
}

// fromFiles takes the values of flags out of the files that others name. Of both, the one that
// is nearer to the user counts.
func fromFiles(flags *pflag.FlagSet, origins map[string]origin) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		name := f.Annotations[urlFile]
		if len(name) != 1 || f.Value.String() == "" || err != nil {
			return
		}
		target, mine := flags.Lookup(name[0]), origins[f.Name]
		switch theirs := origins[target.Name]; {
		case theirs.rank > mine.rank && target.Value.String() != "":
			return
		case theirs.rank == mine.rank && target.Value.String() != "":
			err = usagef("--%s and --%s are given both: %s is said twice", target.Name, f.Name, target.Name)
			return
		}
		value, bad := secret.Read(f.Value.String())
		if bad == nil {
			bad = target.Value.Set(string(value))
		}
		if bad != nil {
			err = usagef("--%s: %w", f.Name, bad)
		}
		origins[target.Name] = origin{mine.rank, "file " + f.Value.String()}
	})
	return err
}

// warnOfArguments: whoever lists the processes of this machine sees what stands on the
// command line. It is done as it was asked for, as psql does.
func (a *app) warnOfArguments(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if a.origins[f.Name] == (origin{byFlag, "flag"}) && secret.Inside(f.Value.String()) {
			a.log.Warn("the password in --" + f.Name + " can be read by every user of this machine: put the value into the environment (" +
				environment(f) + ") or into a file")
		}
	})
}

// environment is the name of a flag in the environment.
func environment(f *pflag.Flag) string {
	if name := f.Annotations[envName]; len(name) == 1 {
		return name[0]
	}
	return environmentName(f.Name)
}

func environmentName(flag string) string {
	return "SLUICE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// readConfig reads the configuration file. A key that is no flag of any command is a mistake.
func readConfig(path string, root *cobra.Command) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("configuration: %w", err)
	}
	var raw map[string]any
	if err := yaml.Unmarshal(b, &raw); err != nil {
		return nil, usagef("configuration %s: %s", path, strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	known := map[string]bool{}
	var collect func(*cobra.Command)
	collect = func(c *cobra.Command) {
		note := func(f *pflag.Flag) { known[f.Name] = true }
		c.PersistentFlags().VisitAll(note)
		c.Flags().VisitAll(note)
		for _, sub := range c.Commands() {
			collect(sub)
		}
	}
	collect(root)
	out := map[string]string{}
	for k, v := range raw {
		if !known[k] {
			return nil, usagef("configuration %s: there is no flag --%s, so no key %q", path, k, k)
		}
		if list, ok := v.([]any); ok {
			parts := make([]string, len(list))
			for i, part := range list {
				parts[i] = fmt.Sprint(part)
			}
			v = strings.Join(parts, ",")
		}
		out[k] = fmt.Sprint(v)
	}
	return out, nil
}
