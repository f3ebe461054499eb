package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestDeploy: the examples in deploy/ can be read, hold no secret, and name commands, flags
// and environment variables that there are.
func TestDeploy(t *testing.T) {
	t.Parallel()
	commands := 0
	err := filepath.WalkDir("../../deploy", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(raw)
		var lines [][]string
		switch {
		case strings.HasSuffix(path, ".yaml") && strings.Contains(path, "kubernetes"):
			lines = kubernetes(t, path, text)
		case strings.HasSuffix(path, ".service"), strings.HasSuffix(path, ".timer"):
			lines = systemd(t, path, text)
		case strings.Contains(path, "/cron/"):
			lines = crontab(t, path, text)
		case strings.HasSuffix(path, ".env.example"):
		default:
			return nil // somebody else's
		}
		for _, args := range lines {
			commands++
			exists(t, path, args)
		}
		for _, name := range regexp.MustCompile(`\bSLUICE_[A-Z_]+`).FindAllString(text, -1) {
			if !knownVariables()[name] {
				t.Errorf("%s: no flag is set by %s", path, name)
			}
		}
		if regexp.MustCompile(`://[^/@\s]+:[^/@\s]+@`).MatchString(text) || regexp.MustCompile(`(?m)^[^#\n]*password:\s*\S`).MatchString(text) {
			t.Errorf("%s holds a password", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if commands < 7 {
		t.Errorf("only %d commands were found: the test is blind", commands)
	}
}

// exists parses the arguments of sluice as the program does.
func exists(t *testing.T, path string, args []string) {
	t.Helper()
	root := newRoot(&app{stdout: io.Discard, stderr: io.Discard})
	cmd, rest, err := root.Find(args)
	if err == nil && !cmd.Runnable() || cmd == root {
		t.Errorf("%s: there is no command `sluice %s`", path, strings.Join(args, " "))
		return
	}
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: sluice %s: %v", path, strings.Join(args, " "), err)
	}
}

// knownVariables are the names of all flags in the environment.
func knownVariables() map[string]bool {
	known := map[string]bool{}
	var collect func(*cobra.Command)
	collect = func(c *cobra.Command) {
		note := func(f *pflag.Flag) { known[environment(f)] = true }
		c.PersistentFlags().VisitAll(note)
		c.Flags().VisitAll(note)
		for _, sub := range c.Commands() {
			collect(sub)
		}
	}
	collect(newRoot(&app{}))
	return known
}

// kubernetes reads what the containers run.
func kubernetes(t *testing.T, path, text string) (lines [][]string) {
	t.Helper()
	type pod struct {
		Spec struct {
			Containers []struct {
				Image         string
				Command, Args []string
				VolumeMounts  []struct{ Name string } `yaml:"volumeMounts"`
			}
			Volumes []struct{ Name string }
		}
	}
	for part := range strings.SplitSeq(text, "\n---\n") {
		var o struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string
			Metadata   struct{ Name string }
			Spec       struct {
				Schedule    string
				Template    pod
				JobTemplate struct {
					Spec struct{ Template pod }
				} `yaml:"jobTemplate"`
			}
		}
		if err := yaml.Unmarshal([]byte(part), &o); err != nil {
			t.Errorf("%s: %s", path, yaml.FormatError(err, false, true))
			continue
		}
		p := o.Spec.Template
		if o.Kind == "CronJob" {
			p = o.Spec.JobTemplate.Spec.Template
			if len(strings.Fields(o.Spec.Schedule)) != 5 {
				t.Errorf("%s: schedule %q", path, o.Spec.Schedule)
			}
		}
		runs := o.Kind == "Deployment" || o.Kind == "Job" || o.Kind == "CronJob"
		if o.APIVersion == "" || o.Metadata.Name == "" || runs != (len(p.Spec.Containers) > 0) {
			t.Errorf("%s: %s %q with %d containers", path, o.Kind, o.Metadata.Name, len(p.Spec.Containers))
		}
		volumes := map[string]bool{}
		for _, v := range p.Spec.Volumes {
			volumes[v.Name] = true
		}
		for _, c := range p.Spec.Containers {
			if want := "sluice:" + version; c.Image != want {
				t.Errorf("%s: the image is %s, this program is %s", path, c.Image, want)
			}
			if c.Command != nil {
				t.Errorf("%s: the image's entry point is sluice; give args only", path)
			}
			for _, m := range c.VolumeMounts {
				if !volumes[m.Name] {
					t.Errorf("%s: there is no volume %s", path, m.Name)
				}
			}
			lines = append(lines, c.Args)
		}
	}
	return lines
}

// systemd reads what a unit runs.
func systemd(t *testing.T, path, text string) (lines [][]string) {
	t.Helper()
	section := ""
	seen, settings := map[string]bool{}, map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			seen[section] = true
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || section == "" {
			t.Errorf("%s: %q is no setting of a section", path, line)
		}
		settings[key] += " " + value
		if key == "ExecStart" {
			words := strings.Fields(value)
			if words[0] != "/usr/local/bin/sluice" {
				t.Errorf("%s runs %s", path, words[0])
			}
			lines = append(lines, words[1:])
		}
	}
	if strings.HasSuffix(path, ".service") {
		unitFolders(t, path, settings)
	}
	if timer := strings.HasSuffix(path, ".timer"); !seen["Unit"] || timer != seen["Timer"] || timer == seen["Service"] {
		t.Errorf("%s has the sections %v", path, seen)
	}
	if service := strings.TrimSuffix(path, ".timer") + ".service"; strings.HasSuffix(path, ".timer") {
		if _, err := os.Stat(service); err != nil {
			t.Errorf("%s starts nothing: %v", path, err)
		}
	}
	return lines
}

// unitFolders: with all of the file system read-only and homes closed, what a unit writes to is made by it,
// and what it reads is not at home.
func unitFolders(t *testing.T, path string, settings map[string]string) {
	t.Helper()
	if strings.TrimSpace(settings["ProtectSystem"]) != "strict" || strings.TrimSpace(settings["ProtectHome"]) != "yes" {
		t.Errorf("%s does not protect system and homes: %v", path, settings)
	}
	made := map[string]bool{}
	for _, name := range strings.Fields(settings["StateDirectory"]) {
		made["/var/lib/"+name] = true
	}
	given := map[string]string{}
	for _, pair := range strings.Fields(settings["Environment"]) {
		name, value, _ := strings.Cut(pair, "=")
		given[name] = value
		if strings.HasPrefix(name, "SLUICE_") && !made[value] {
			t.Errorf("%s: %s is %s, which no StateDirectory makes", path, name, value)
		}
		if strings.HasPrefix(name, "SLUICE_") && !knownVariables()[name] || strings.HasPrefix(value, "/home") || strings.HasPrefix(value, "/root") {
			t.Errorf("%s: %s", path, pair)
		}
	}
	if given["SLUICE_EXPORT_DIR"] == "" || given["PGPASSFILE"] == "" {
		t.Errorf("%s says nowhere where partitions are exported to, or where the password is: %v", path, given)
	}
	env, err := os.ReadFile(filepath.Join(filepath.Dir(path), "sluice.env.example"))
	if err != nil || !strings.Contains(string(env), given["PGPASSFILE"]) {
		t.Errorf("sluice.env.example does not say what %s is (%v)", given["PGPASSFILE"], err)
	}
}

var cronLine = regexp.MustCompile(`^(\S+ ){5}sluice sluice (.*)$`)

// crontab reads what cron runs.
func crontab(t *testing.T, path, text string) (lines [][]string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || regexp.MustCompile(`^[A-Z_]+=`).MatchString(line) {
			continue
		}
		m := cronLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%s: %q is not `minute hour day month weekday user command`", path, line)
			continue
		}
		command, _, _ := strings.Cut(m[2], " >")
		lines = append(lines, strings.Fields(command))
	}
	return lines
}
