package inventory

import (
	"math"
	"slices"
	"strings"
	"time"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/purl"
)

// FindingFilter picks findings. The zero value picks the open ones, the worst first. Findings
// have to meet every member that is set.
type FindingFilter struct {
	// Artifact is the purl of the artifact they are in, or one with * for any text; "" is any.
	Artifact string
	// Tag is a tag of the artifact; "" is any.
	Tag string
	// Package is the purl of the package, or one with * for any text. A purl without a version is
	// every version, one without qualifiers any qualifiers; "" is any.
	Package string
	// Ecosystem is OSV's word, with or without a release (npm, Debian, Debian:12), or the type
	// of a purl (pypi, deb), in any case; "" is any.
	Ecosystem string
	// Vuln is an id of the vulnerability, whichever of its ids; "" is any.
	Vuln string
	// Status is open, suppressed, closed or all, which is open and suppressed. Default open.
	Status string
	// Severity is the least that they have: critical, high, medium, low or none; "" is any,
	// and those whose severity nobody knows.
	Severity string
	// Score is the least CVSS score that they have, 0 to 10; 0 is any and none.
	Score float64
	// KEV picks vulnerabilities that are known to be exploited.
	KEV bool
	// EPSS is the least probability of exploitation that they have, 0 to 1; 0 is any and none.
	EPSS float64
	// Fix is yes, for those with a version to go to, or no; "" is any.
	Fix string
	// Since picks those that were seen first then or later; the zero time is any.
	Since time.Time
	// VEXSource is where the statement or decision on it comes from: openvex, csaf, cyclonedx, decision;
	// any for whatever it is, none where nobody said anything; "" is either.
	VEXSource string

	// Sort is one of FindingSorts. Default severity.
	Sort string
	// Limit is how many at most; 0 is all.
	Limit int
	// After is the Cursor of the finding to go on behind, from an answer to the same question.
	After string
}

// VEXSources are where a statement or a decision on a finding may come from; any is each of them, none is
// that there is none.
var VEXSources = []string{"openvex", "csaf", "cyclonedx", "spdx", "decision", "any", "none"}

// FindingSorts are the orders of findings. severity: the worst first, of one severity by score. kev:
// those known to be exploited, the newest entry first; then the others by severity. epss: the likeliest
// first. first_seen: the newest first. package, artifact, vuln: by name.
var FindingSorts = []string{"severity", "score", "kev", "epss", "first_seen", "package", "artifact", "vuln"}

// grades are the severities in their order: the place in the list is what findings.sql calls the grade.
var grades = []string{"", "none", "low", "medium", "high", "critical"}

// Check returns an *ask.WrongError where the filter makes no sense. Findings checks too;
// this is for who wants to know before there is a tenant.
func (f FindingFilter) Check() error {
	f.After = "" // which is checked against the tenant
	_, err := f.normal(id.ID{})
	return err
}

// findingQuestion is a filter that was checked, in the form that the statements take.
type findingQuestion struct {
	FindingFilter
	artifact, pkg glob
	ecosystem     string // in lower case; "" where the type says it all
	prefix        string // what every purl of the packages begins with
	grade         int
	score         *int16
	epss          *float32
	fix           *bool
	since         *time.Time
	place         *findingPlace // to go on behind
}

func (f FindingFilter) normal(tenant id.ID) (*findingQuestion, error) {
	if f.Status == "" {
		f.Status = "open"
	}
	if f.Sort == "" {
		f.Sort = "severity"
	}
	n := &findingQuestion{}
	for _, err := range []error{
		ask.OneOf("status", f.Status, "open", "suppressed", "closed", "all"),
		ask.OneOf("sort", f.Sort, FindingSorts...),
		ask.OneOf("severity", f.Severity, "", "critical", "high", "medium", "low", "none"),
		ask.OneOf("fix", f.Fix, "", "yes", "no"),
		ask.OneOf("vex-source", strings.ToLower(f.VEXSource), slices.Concat([]string{""}, VEXSources)...),
		ask.Limit(f.Limit),
		n.numbers(f),
		n.purls(&f),
	} {
		if err != nil {
			return nil, err
		}
	}
	f.Vuln, f.Tag, f.VEXSource = normalize.VulnID(f.Vuln), strings.TrimSpace(f.Tag), strings.ToLower(f.VEXSource)
	for i, word := range grades {
		if word == f.Severity {
			n.grade = i
		}
	}
	if f.Fix != "" {
		yes := f.Fix == "yes"
		n.fix = &yes
	}
	if !f.Since.IsZero() {
		n.since = &f.Since
	}
	n.FindingFilter = f
	var err error
	if f.After != "" {
		n.place, err = n.parseCursor(tenant)
	}
	return n, err
}

func (n *findingQuestion) numbers(f FindingFilter) error {
	if f.Score < 0 || f.Score > 10 || math.IsNaN(f.Score) {
		return ask.Wrong("score", "%v: it is 0 to 10", f.Score)
	}
	if f.EPSS < 0 || f.EPSS > 1 || math.IsNaN(f.EPSS) {
		return ask.Wrong("epss", "%v: it is a probability, 0 to 1", f.EPSS)
	}
	if f.Score > 0 {
		tenths := int16(math.Ceil(math.Round(f.Score*1000) / 100))
		n.score = &tenths
	}
	if f.EPSS > 0 {
		least := float32(f.EPSS)
		n.epss = &least
	}
	return nil
}

func (n *findingQuestion) purls(f *FindingFilter) (err error) {
	if n.artifact, err = parseGlob("artifact", f.Artifact); err != nil {
		return err
	}
	if n.pkg, err = parseGlob("package", f.Package); err != nil {
		return err
	}
	n.prefix = n.pkg.prefix
	if f.Ecosystem == "" {
		return nil
	}
	n.ecosystem = strings.ToLower(purl.Ecosystem(f.Ecosystem))
	prefix := ""
	if typ, all := purl.TypeOf(f.Ecosystem); typ != "" {
		prefix = "pkg:" + typ + "/"
		if all {
			n.ecosystem = ""
		}
	}
	switch {
	case strings.HasPrefix(n.prefix, prefix):
	case strings.HasPrefix(prefix, n.prefix):
		n.prefix = prefix
	default:
		return ask.Wrong("ecosystem", "%q: no package like %s is of it", f.Ecosystem, f.Package)
	}
	return nil
}
