package normalize_test

import (
	"strings"
	"testing"

	"sluice/normalize"
)

// TestAddStatement holds which vulnerabilities a statement is about, and which ids it makes
// names of one.
func TestAddStatement(t *testing.T) {
	long := strings.Repeat("X", 1001)
	for _, c := range []struct {
		said []string // statements: ids separated by spaces, the first is the statement's own
		want string
	}{
		{[]string{"CVE-1"}, "CVE-1"},
		{[]string{" CVE-1  GHSA-1 cve-1 GHSA-1"}, "CVE-1=GHSA-1"},
		{[]string{"GHSA-1 CVE-1"}, "GHSA-1=CVE-1"},
		// Several CVEs are several vulnerabilities.
		{[]string{"GHSA-1 CVE-1 CVE-2"}, "GHSA-1 CVE-1 CVE-2"},
		{[]string{"CVE-1 CVE-2"}, "CVE-1 CVE-2"},
		{[]string{"CVE-1 GHSA-1", "CVE-2 GHSA-1 GHSA-2"}, "CVE-1 CVE-2=GHSA-2"},
		{[]string{"GHSA-1 CVE-1", "ghsa-1 CVE-2"}, "CVE-1 CVE-2"},
		{[]string{"CVE-1 GHSA-1", "cve-1 GHSA-1"}, "CVE-1=GHSA-1 CVE-1=GHSA-1"},
		{[]string{"CVE-1 RHSA-1", "CVE-2 RHSA-1", "CVE-3 GHSA-3"}, "CVE-1 CVE-2 CVE-3=GHSA-3"},
		{[]string{"GHSA-1 PYSEC-1", "GHSA-2 PYSEC-1"}, "GHSA-1=PYSEC-1 GHSA-2=PYSEC-1"},
		{[]string{long, "CVE-1 " + long}, "CVE-1"},
		{[]string{" "}, ""},
	} {
		doc := &normalize.Document{}
		for _, said := range c.said {
			ids := strings.Split(said, " ")
			doc.AddStatement(normalize.Statement{VulnID: ids[0], Aliases: ids[1:]})
		}
		doc.SettleAliases()
		var got []string
		for _, s := range doc.Statements {
			got = append(got, strings.Join(append([]string{s.VulnID}, s.Aliases...), "="))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%.80q: %q, want %q", c.said, got, c.want)
		}
	}
}
