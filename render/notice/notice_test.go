package notice

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite what is wanted")

func sample() Notice {
	score, epss := 9.8, float32(0.94321)
	return Notice{
		Tenant: "acme", Rule: "urgent", At: time.Date(2026, 11, 30, 18, 0, 0, 123456000, time.UTC),
		Opened: Group{Findings: 13, Artifacts: 2, Exploited: 1, Severity: [6]int64{1, 0, 0, 0, 10, 2}, First: []Finding{
			{
				Event: "opened", Artifact: "pkg:oci/storefront@2.1?repository_url=a&tag=<b>", Package: "pkg:npm/%40scope/lodash@4.17.20", Vulnerability: "CVE-2021-23337",
				Aliases: []string{"GHSA-35jh-r3h4-6jhm"}, Advisories: []string{"GHSA-35jh-r3h4-6jhm"}, Status: "open", Severity: "critical", Score: &score,
				Fixed: []string{"4.17.21"}, KEV: true, EPSS: &epss, FirstSeen: "2026-11-30T17:59:00Z",
			},
			{Event: "matched", Artifact: "pkg:oci/`x`@1", Package: "pkg:generic/<!channel>@1", Vulnerability: "<script>&amp;", Status: "open"},
		}},
		Closed: Group{Findings: 1, Artifacts: 1, Severity: [6]int64{4: 1}, First: []Finding{
			{Event: "suppressed", Artifact: "pkg:oci/storefront@2.1", Package: "pkg:npm/a@1", Vulnerability: "CVE-2026-1", Status: "suppressed", Severity: "high", Reason: "a decision: not_affected"},
		}},
	}
}

// TestGolden: the forms are what the files hold.
func TestGolden(t *testing.T) {
	t.Parallel()
	test := sample()
	test.Test, test.Closed = true, Group{}
	for name, write := range map[string]func() ([]byte, error){"json": sample().JSON, "slack": sample().Slack, "slack_test": test.Slack} {
		got, err := write()
		if err != nil {
			t.Fatal(err)
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, got, "", "  "); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		pretty.WriteByte('\n')
		path := "testdata/" + name + ".json"
		if *update {
			if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestBounds: whatever findings are called, and however many there are, a notice stays within Slack's limits and ours,
// and nothing in it is markup or a mention.
func TestBounds(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{"markup": "<!channel>&<@U1>", "wide": "😀", "control": "\n\x1b[31m\u202e", "broken": "\xff\xfe", "quotes": "`*_~`"} {
		long := strings.Repeat(part, 500)
		list := make([]string, 20)
		for i := range list {
			list[i] = long
		}
		n := Notice{Tenant: long, Rule: long, Opened: Group{Findings: 1 << 40, Artifacts: 1 << 40, Exploited: 1, Severity: [6]int64{1, 1, 1, 1, 1, 1}}}
		for range MaxFirst {
			n.Opened.First = append(n.Opened.First, Finding{Artifact: long, Package: long, Vulnerability: long, Aliases: list, Advisories: list, Fixed: list, Reason: long})
		}
		n.Closed = n.Opened
		body, err := n.JSON()
		if err != nil || len(body) > 512<<10 || !utf8.Valid(body) {
			t.Errorf("%s: %d bytes of JSON, %v", name, len(body), err)
		}
		slack, err := n.Slack()
		if err != nil {
			t.Fatal(err)
		}
		var m slackMessage
		if err := json.Unmarshal(slack, &m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(m.Blocks) > 50 || utf8.RuneCountInString(m.Text) > 4000 {
			t.Errorf("%s: %d blocks, %d characters of text", name, len(m.Blocks), len(m.Text))
		}
		for _, b := range m.Blocks {
			texts := b.Elements
			if b.Text != nil {
				texts = append(texts, *b.Text)
			}
			for _, text := range texts {
				limit := 3000
				if b.Type == "header" {
					limit = 150
				}
				if utf8.RuneCountInString(text.Text) > limit || text.Text == "" {
					t.Errorf("%s: a %s of %d characters", name, b.Type, utf8.RuneCountInString(text.Text))
				}
				if text.Type == "mrkdwn" && strings.ContainsAny(text.Text, "<>\x1b\u202e") {
					t.Errorf("%s: %.200q", name, text.Text)
				}
			}
		}
	}
}
