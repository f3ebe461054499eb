package notify

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/secret"
	"sluice/normalize/purl"
	"sluice/render/notice"
)

// Where a rule's messages go.
const (
	Webhook = "webhook" // by HTTP POST
	Topic   = "topic"   // to the Kafka topic of findings, by the outbox
)

// Formats are the forms of a webhook's body.
var Formats = []string{"json", "slack"}

// Rule says which findings are told, and where. Findings have to meet every condition that is set.
type Rule struct {
	ID   id.ID  `json:"id"`
	Name string `json:"name"`
	// Severity is the least that they have: critical, high, medium, low or none; "" is any.
	Severity string `json:"severity,omitempty"`
	// Tag is a tag of their artifact; "" is any.
	Tag string `json:"tag,omitempty"`
	// KEV: only those that are known to be exploited.
	KEV bool `json:"kev,omitempty"`
	// EPSS is the least probability of exploitation, above 0 to 1; nil is any.
	EPSS *float32 `json:"epss,omitempty"`
	// Package is the purl of their package, in every version where it has none, or one with * for any text; "" is any.
	Package string `json:"package,omitempty"`
	// Closed: tell too when they are closed or suppressed.
	Closed bool `json:"closed,omitempty"`

	Target string `json:"target"` // Webhook or Topic
	Format string `json:"format"` // of Formats
	// Destination is where messages go, for people: of a URL no more than scheme and host, for the rest of
	// it is a secret with some receivers.
	Destination string `json:"destination"`
	// Every is the least time between two messages, whole seconds.
	Every int32 `json:"every_seconds"`
	// Since: findings that were seen first before count as told. nil: none does.
	Since    *time.Time `json:"since,omitempty"`
	Created  time.Time  `json:"created_at"`
	LookedAt *time.Time `json:"looked_at,omitempty"` // nil: the notifier has not come to it yet
}

// NewRule is a rule that is to be added.
type NewRule struct {
	Rule
	// URL is where a webhook goes, http or https. Required there.
	URL secret.Secret
	// Secret is what JSON webhooks are signed with, whsec_ and base64 of 24 to 64 bytes. Default one
	// that Add makes.
	Secret secret.Secret
	// Existing: tell of the findings too that are open already.
	Existing bool
}

// The bounds of Every.
const (
	minEvery     = 1
	DefaultEvery = 60
	maxEvery     = 24 * 60 * 60
)

// MaxRules is how many rules a tenant may have: each is looked with on its own.
const MaxRules = 100

var goodName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Check returns an *ask.WrongError where the rule makes no sense, and fills in what was left out.
func (r *NewRule) Check() error {
	if !goodName.MatchString(r.Name) {
		return ask.Wrong("", "%.70q: the name of a rule is up to 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first", r.Name)
	}
	if err := ask.OneOf("severity", r.Severity, "", "critical", "high", "medium", "low", "none"); err != nil {
		return err
	}
	if r.Tag = strings.TrimSpace(r.Tag); len(r.Tag) > 200 {
		return ask.Wrong("tag", "%.40q... is too long for a tag", r.Tag)
	}
	if r.EPSS != nil && (*r.EPSS <= 0 || *r.EPSS > 1 || math.IsNaN(float64(*r.EPSS))) {
		return ask.Wrong("epss", "%v: it is a probability, above 0 to 1", *r.EPSS)
	}
	if _, err := r.patterns(); err != nil {
		return err
	}
	if r.Every == 0 {
		r.Every = DefaultEvery
	}
	if r.Every < minEvery || r.Every > maxEvery {
		return ask.Wrong("every", "%s: it is 1s to 24h", time.Duration(r.Every)*time.Second)
	}
	if r.Format == "" {
		r.Format = "json"
	}
	if err := ask.OneOf("format", r.Format, Formats...); err != nil {
		return err
	}
	if r.Target == Topic {
		if r.URL != "" || r.Secret != "" || r.Format != "json" {
			return ask.Wrong("topic", "goes without a URL, a secret and --format")
		}
		r.Destination = "topic findings"
		return nil
	}
	r.Target = Webhook
	return r.checkEndpoint()
}

func (r *NewRule) checkEndpoint() error {
	text := strings.TrimSpace(string(r.URL))
	if text == "" {
		return ask.Wrong("url", "is missing: it says where messages go, or --webhook-url-file does; or say --topic")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, len(text) > 2000: // the error quotes the URL
		return ask.Wrong("url", "is no URL, or longer than 2,000 characters; it is shown to nobody, so not here either")
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return ask.Wrong("url", "does not begin with https:// and a host, or with http:// for a network that the operator allows")
	case u.Opaque != "":
		return ask.Wrong("url", "is no URL of a host")
	}
	u.Fragment = ""
	r.URL, r.Destination = secret.Secret(u.String()), u.Scheme+"://"+u.Host
	if r.Format == "slack" {
		if r.Secret != "" {
			return ask.Wrong("webhook-secret-file", "goes with --format json: Slack checks no signature, and its URL is the secret")
		}
		return nil
	}
	if r.Secret == "" {
		r.Secret = newSecret()
	}
	if _, err := key(r.Secret); err != nil {
		return ask.Wrong("webhook-secret-file", "holds none: %w", err)
	}
	return nil
}

// grade is the place of the severity among notice.Severities: what look.sql calls the grade.
func (r Rule) grade() int { return slices.Index(notice.Severities[:], r.Severity) }

// patterns are LIKE patterns of which one has to fit the purl of the package; nil for any.
func (r Rule) patterns() ([]string, error) {
	given := strings.TrimSpace(r.Package)
	if given == "" {
		return nil, nil
	}
	if len(given) > 2000 {
		return nil, ask.Wrong("package", "%.40q... is too long for a purl", given)
	}
	if strings.Contains(given, "*") {
		return []string{like(given)}, nil
	}
	p, err := purl.Parse(given)
	if err != nil {
		return nil, ask.Wrong("package", "%q: %w; write it like pkg:npm/lodash, or with * for any text: pkg:npm/*", given, err)
	}
	if strings.ContainsAny(p.Purl, "?#") {
		return []string{like(p.Purl)}, nil
	}
	list := []string{like(p.Purl), like(p.Purl + "?*"), like(p.Purl + "#*")}
	if p.Version == "" {
		list = append(list, like(p.Purl+"@*"))
	}
	return list, nil
}

// like is the LIKE pattern of a text with * for any text.
func like(s string) string {
	return strings.ReplaceAll(strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s), "*", "%")
}

// Conditions says in words which findings are told.
func (r Rule) Conditions() string {
	var parts []string
	if r.Severity != "" {
		parts = append(parts, "severity "+r.Severity+" or worse")
	}
	if r.KEV {
		parts = append(parts, "known to be exploited")
	}
	if r.EPSS != nil {
		parts = append(parts, fmt.Sprintf("EPSS %v or more", *r.EPSS))
	}
	if r.Tag != "" {
		parts = append(parts, "tag "+r.Tag)
	}
	if r.Package != "" {
		parts = append(parts, "package "+r.Package)
	}
	if parts == nil {
		return "all"
	}
	return strings.Join(parts, ", ")
}
