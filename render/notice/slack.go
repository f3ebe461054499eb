package notice

import (
	"fmt"
	"strings"
)

// Slack's limits: https://docs.slack.dev/reference/block-kit/blocks (50 blocks a message, 3,000 characters a section,
// 150 a header). With maxShown findings of each kind and what a line may take, escaped, none is reached.
const (
	maxShown  = 10
	slackPurl = 200 // characters, each at most five when it is escaped
	slackName = 60
	slackHead = 150
)

type slackMessage struct {
	Text   string       `json:"text"` // where blocks are not shown: notifications, and what only takes text
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// Slack writes a notice as a message for an incoming webhook of Slack.
func (n Notice) Slack() ([]byte, error) {
	m := slackMessage{Text: escape(n.headline())}
	m.Blocks = append(m.Blocks, slackBlock{Type: "header", Text: &slackText{"plain_text", cut(n.headline(), slackHead)}})
	for _, g := range []Group{n.Opened, n.Closed} {
		for _, f := range g.First[:min(len(g.First), maxShown)] {
			m.Blocks = append(m.Blocks, slackBlock{Type: "section", Text: &slackText{"mrkdwn", f.slack()}})
		}
	}
	last := fmt.Sprintf("Sluice, tenant %s, rule %s", escape(cut(n.Tenant, slackName)), escape(cut(n.Rule, slackName)))
	if more := n.Opened.Findings + n.Closed.Findings - int64(len(m.Blocks)-1); more > 0 {
		last = fmt.Sprintf("and %d more · %s", more, last)
	}
	m.Blocks = append(m.Blocks, slackBlock{Type: "context", Elements: []slackText{{"mrkdwn", last}}})
	return marshal(m)
}

// headline is the notice in one line, not escaped.
func (n Notice) headline() string {
	var parts []string
	if g := n.Opened; g.Findings > 0 {
		parts = append(parts, fmt.Sprintf("%s in %s: %s", counted(g.Findings, "finding"), counted(g.Artifacts, "artifact"), g.severities()))
	}
	if g := n.Closed; g.Findings > 0 {
		parts = append(parts, counted(g.Findings, "finding")+" closed")
	}
	line := strings.Join(parts, "; ")
	if n.Test {
		line = "Test: " + line
	}
	return line
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// severities counts a group, the worst first: 2 critical, 1 high, 1 known to be exploited.
func (g Group) severities() string {
	var parts []string
	for i := len(Severities) - 1; i >= 0; i-- {
		if g.Severity[i] == 0 {
			continue
		}
		word := Severities[i]
		switch word {
		case "":
			word = "of unknown severity"
		case "none":
			word = "without severity"
		}
		parts = append(parts, fmt.Sprintf("%d %s", g.Severity[i], word))
	}
	if g.Exploited > 0 {
		parts = append(parts, fmt.Sprintf("%d known to be exploited", g.Exploited))
	}
	return strings.Join(parts, ", ")
}

// slack is a finding in two lines of Slack's markup.
func (f Finding) slack() string {
	severity := f.Severity
	if severity == "" {
		severity = "unknown severity"
	}
	head := []string{"*" + escape(cut(f.Vulnerability, slackName)) + "*", severity}
	if f.Score != nil {
		head[1] = fmt.Sprintf("%s %.1f", severity, *f.Score)
	}
	if f.KEV {
		head = append(head, "known to be exploited")
	}
	if f.EPSS != nil {
		head = append(head, fmt.Sprintf("EPSS %.3f", *f.EPSS))
	}
	switch {
	case f.Event == "closed", f.Event == "suppressed":
		head = append(head, f.Event)
	case len(f.Fixed) > 0:
		head = append(head, "fixed in "+escape(cut(strings.Join(cutAll(f.Fixed), ", "), slackName)))
	}
	return strings.Join(head, " · ") + "\n" + code(f.Package) + " in " + code(f.Artifact)
}

// code is a purl that nothing in it is markup of.
func code(s string) string {
	s = cut(s, slackPurl)
	if s == "" {
		return "?"
	}
	return "`" + escape(strings.ReplaceAll(s, "`", "'")) + "`"
}

// escape has a text mean itself: no link, no mention of everybody in the channel, no entity.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
