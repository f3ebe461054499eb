// Package notice writes what receivers are told of findings: as JSON, or as a message for Slack and
// for what takes the same (Mattermost, Rocket.Chat, Discord's /slack).
//
// A notice tells of any number of findings by counts and the first of them, so it has a bounded size:
// below 512 KiB as JSON, below Slack's limits as a message.
package notice

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxFirst is how many findings of each kind a notice names.
const MaxFirst = 20

// Severities are the words for severities, from none that is known to the worst.
var Severities = [6]string{"", "none", "low", "medium", "high", "critical"}

// Notice is what a rule has to tell.
type Notice struct {
	Tenant string // its name
	Rule   string
	At     time.Time
	Test   bool  // an example, sent to try the way
	Opened Group // are open, and meet the rule's conditions now
	Closed Group // are open no more
}

// Group is any number of findings.
type Group struct {
	Findings, Artifacts, Exploited int64
	Severity                       [6]int64 // how many, by the place in Severities
	First                          []Finding
}

// Finding is one of them. The members are those of `findings --output json`, and what happened.
type Finding struct {
	// Event is opened; reopened; matched, of one that was open already and meets the rule's conditions since: it
	// came to be exploited, or worse, or its artifact got the tag; closed; suppressed.
	Event         string   `json:"event"`
	Artifact      string   `json:"artifact"`
	Package       string   `json:"package"`
	Vulnerability string   `json:"vulnerability"`
	Aliases       []string `json:"aliases,omitempty"`
	Advisories    []string `json:"advisories,omitempty"`
	Status        string   `json:"status"` // open, closed, suppressed
	Severity      string   `json:"severity"`
	Score         *float64 `json:"score,omitempty"`
	Fixed         []string `json:"fixed_versions,omitempty"`
	KEV           bool     `json:"kev,omitempty"`
	EPSS          *float32 `json:"epss,omitempty"`
	FirstSeen     string   `json:"first_seen,omitempty"`
	Reason        string   `json:"reason,omitempty"` // of what is closed: why
}

// What a finding may take: names come from documents of others, and may be as long as these are.
const (
	maxPurl = 400 // characters
	maxName = 100
	maxList = 5
)

func (f Finding) bounded() Finding {
	f.Artifact, f.Package = cut(f.Artifact, maxPurl), cut(f.Package, maxPurl)
	f.Vulnerability, f.Reason = cut(f.Vulnerability, maxName), cut(f.Reason, 2*maxName)
	f.Aliases, f.Advisories, f.Fixed = cutAll(f.Aliases), cutAll(f.Advisories), cutAll(f.Fixed)
	return f
}

func cutAll(list []string) []string {
	if len(list) > maxList {
		list = list[:maxList]
	}
	var out []string
	for _, s := range list {
		out = append(out, cut(s, maxName))
	}
	return out
}

// cut shortens a text to n characters, and takes out what steers terminals and lines.
func cut(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
