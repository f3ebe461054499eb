// Package rubysec reads the advisories of rubysec's ruby-advisory-db: YAML, one file for each gem
// that a vulnerability is in.
//
// An advisory says which versions are mended and which never were affected, as requirements of
// RubyGems ("~> 2.1.3", ">= 2.2.0, < 3"); what none of them allows is affected. The same CVE may have
// an advisory for each of several gems, so a fact is known by the gem and its id.
package rubysec

import (
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/cvss"
	"sluice/normalize/internal/yamljson"
	"sluice/normalize/lenient"
	"sluice/normalize/purl"
)

// maxName bounds what goes into the index of keys.
const maxName = 512

// maxDepth is deeper than any advisory.
const maxDepth = 100

// ecosystem is that of gems.
const ecosystem = "RubyGems"

// YAML reads one advisory.
type YAML struct{}

// Name implements normalize.Format.
func (YAML) Name() string { return "rubysec-yaml" }

// Detect implements normalize.Format. Advisories about Ruby itself have an engine in place of
// the gem.
func (YAML) Detect(h *normalize.Head) bool {
	if h.Syntax != normalize.YAML || !h.Has("/gem") && !h.Has("/engine") && !h.Has("/library") {
		return false
	}
	return h.Has("/patched_versions") || h.Has("/unaffected_versions") || h.Has("/title") && (h.Has("/cve") || h.Has("/ghsa") || h.Has("/osvdb"))
}

// Normalize implements normalize.Format.
func (f YAML) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := &normalize.Document{Kind: normalize.Vuln, Format: f.Name()}
	b, err := yamljson.Convert(in.Bytes, yamljson.Options{
		Kind:     func([]byte) yamljson.Kind { return yamljson.Text },
		MaxDepth: min(maxDepth, in.Limits.OrDefault().MaxDepth),
	})
	if err != nil {
		return nil, err
	}
	a := &advisory{Reader: lenient.New(b, "", doc.Warn), warn: doc.Warn}
	if err := a.read(); err != nil {
		return nil, err
	}
	doc.JSON, doc.Vulnerabilities, doc.ID, doc.Time = b, []normalize.Vulnerability{a.v}, a.v.ID, a.v.Published
	return doc, nil
}

// advisory reads one.
type advisory struct {
	*lenient.Reader
	warn        lenient.WarnFunc
	v           normalize.Vulnerability
	gem, engine string
	ids         [3]string // CVE, GHSA, OSVDB
	scores      [3]string // of CVSS 4, 3, 2
	safe        []string  // requirements
	safeAt      []string  // where they stand
}

func (a *advisory) read() error {
	if !a.IsObject() {
		a.Skip()
		a.Fail(normalize.Park(normalize.ReasonInvalid, "", "an advisory is a mapping; this is not"))
	}
	for ok := a.Object(); ok && a.Member(); {
		a.member()
	}
	a.End()
	if a.Failed() {
		return a.Err()
	}
	v := &a.v
	for _, id := range a.ids {
		switch {
		case id == "":
		case len(id) > normalize.MaxID:
			a.warn("bad-id", "", "an id of %d bytes is not used", len(id))
		case v.ID == "":
			v.ID = id
		default:
			v.Aliases = append(v.Aliases, id)
		}
	}
	if v.ID == "" {
		return normalize.Park(normalize.ReasonInvalid, "", "the advisory has neither cve nor ghsa nor osvdb; nothing can refer to it")
	}
	v.Source, v.Names = "rubysec of "+firstOf(a.gem, a.engine, "Ruby"), []string{v.ID}
	v.Aliases, v.Related = normalize.Distinct(v.Aliases), normalize.Distinct(v.Related)
	var severities []string
	for _, s := range a.scores {
		if s != "" {
			severities = append(severities, s)
		}
	}
	best := cvss.Best(severities, "", func(s string) { a.warn("bad-cvss", "", "%.100q cannot be scored", s) })
	v.Score, v.Severity, v.Vector = best.Score, best.Level, best.Vector
	a.affected()
	return nil
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

func (a *advisory) member() {
	v := &a.v
	switch string(a.Name()) {
	case "gem":
		a.gem = a.Text()
	case "engine", "library":
		a.engine = a.Text()
	case "cve":
		a.ids[0] = withPrefix("CVE-", a.Text())
	case "ghsa":
		a.ids[1] = withPrefix("GHSA-", a.Text())
	case "osvdb":
		a.ids[2] = withPrefix("OSVDB-", a.Text())
	case "title":
		v.Summary = normalize.OneLine(a.Text())
	case "date":
		v.Published = a.Time()
	case "cvss_v4":
		a.scores[0] = a.Text()
	case "cvss_v3":
		a.scores[1] = a.Text()
	case "cvss_v2":
		a.scores[2] = a.Text()
	case "withdrawn":
		v.Withdrawn = a.Time()
	case "patched_versions", "unaffected_versions":
		for ok := a.List(); ok && a.Element(); {
			if s := a.Text(); s != "" {
				a.safe, a.safeAt = append(a.safe, s), append(a.safeAt, a.Pointer())
			}
		}
	case "related":
		a.related()
	default:
		a.Skip()
	}
}

// related reads ids of other vulnerabilities that have to do with this one.
func (a *advisory) related() {
	if !a.IsObject() {
		a.Skip()
		return
	}
	for ok := a.Object(); ok && a.Member(); {
		prefix := ""
		switch string(a.Name()) {
		case "cve":
			prefix = "CVE-"
		case "ghsa":
			prefix = "GHSA-"
		default:
			a.Skip()
			continue
		}
		for _, id := range a.Texts() {
			if id = withPrefix(prefix, id); len(id) <= normalize.MaxID {
				a.v.Related = append(a.v.Related, id)
			}
		}
	}
}

// withPrefix is the id of what an advisory gives without it: 2020-8161 is CVE-2020-8161.
func withPrefix(prefix, id string) string {
	if id == "" {
		return ""
	}
	if len(id) < len(prefix) || !strings.EqualFold(id[:len(prefix)], prefix) {
		id = prefix + id
	}
	return normalize.VulnID(id)
}

// affected sets what the advisory covers.
func (a *advisory) affected() {
	if !a.v.Withdrawn.IsZero() {
		return
	}
	if a.gem == "" || len(a.gem) > maxName {
		a.warn("no-package", "", "the advisory is about no gem; nothing can be matched by it")
		return
	}
	var safe []interval
	for i, s := range a.safe {
		one, ok := parseRequirement(s)
		if !ok {
			a.warn("unreadable-boundary", a.safeAt[i], "%.60q is no requirement of RubyGems; what it allows counts as affected", s)
			continue
		}
		safe = append(safe, one)
	}
	p := normalize.AffectedPackage{Ecosystem: ecosystem, Name: a.gem, Key: purl.Key(ecosystem, a.gem), Score: -1}
	events := rest(safe)
	if len(events) == 0 {
		return // every version is mended
	}
	for _, e := range events {
		if e.Fixed != "" {
			p.FixedVersions = append(p.FixedVersions, e.Fixed)
		}
	}
	p.Ranges = []normalize.Range{{Type: "ECOSYSTEM", Events: events}}
	a.v.Affected = []normalize.AffectedPackage{p}
}
