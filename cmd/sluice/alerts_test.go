package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"sluice/internal/test/brief"
	"sluice/internal/test/debpkg"
)

const rulesFile = "../../deploy/prometheus/sluice.rules.yml"

// rule is an alert as Prometheus reads it.
type rule struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) []rule {
	t.Helper()
	b, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var list []rule
	for _, g := range file.Groups {
		list = append(list, g.Rules...)
	}
	if len(list) < 20 {
		t.Fatalf("%d alerts", len(list))
	}
	return list
}

// TestRunbooks: every alert leads to a section of the runbooks, and every section of that
// chapter has its alert; each says what it is and how urgent.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(b), -1) {
		anchors[strings.ToLower(strings.ReplaceAll(m[1], " ", "-"))] = true
	}
	seen := map[string]bool{}
	for _, a := range alerts(t) {
		seen[strings.ToLower(a.Alert)] = true
		anchor, ok := strings.CutPrefix(a.Annotations["runbook_url"], "docs/runbooks.md#")
		seen[anchor] = true
		if !ok || !anchors[anchor] {
			t.Errorf("%s: docs/runbooks.md has no section for %q", a.Alert, a.Annotations["runbook_url"])
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s does not say what it is", a.Alert)
		}
		if s := a.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s has the severity %q", a.Alert, s)
		}
	}
	_, chapter, _ := strings.Cut(string(b), "\n## Alerts\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	for _, m := range regexp.MustCompile(`(?m)^### (Sluice\w+)$`).FindAllStringSubmatch(chapter, -1) {
		if !seen[strings.ToLower(m[1])] {
			t.Errorf("docs/runbooks.md has a section for %s, which is no alert", m[1])
		}
	}
}

// TestAlertRules has Prometheus' own tool check the rules and run their unit tests, in which
// every alert fires once.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	tests, err := filepath.Glob("../../deploy/prometheus/*.test.yml")
	if err != nil || len(tests) == 0 {
		t.Fatal(tests, err)
	}
	var text strings.Builder
	for _, path := range tests {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	fires := regexp.MustCompile(`(?:alertname: |alertname=")(\w+)`).FindAllStringSubmatch(text.String(), -1)
	for _, a := range alerts(t) {
		if !slices.ContainsFunc(fires, func(m []string) bool { return m[1] == a.Alert }) {
			t.Errorf("no test of deploy/prometheus has %s fire", a.Alert)
		}
	}
	if brief.Run(t) {
		t.Skip("promtool goes through some days, a minute at a time")
	}
	promtool := filepath.Join(debpkg.Dir(t, "prometheus"), "usr", "bin", "promtool")
	for _, args := range [][]string{{"check", "rules", rulesFile}, append([]string{"test", "rules"}, tests...)} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
