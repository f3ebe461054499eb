package cpe

import (
	"slices"

	"sluice/normalize"
	"sluice/normalize/lenient"
	"sluice/normalize/version"
)

// Ecosystem is the word for packages that are named by a CPE only: which ecosystem orders their
// versions nobody says.
const Ecosystem = "CPE"

// Products collects what CPEs say is affected, one entry per key.
type Products struct {
	list []normalize.AffectedPackage
	at   map[string]int // by key
}

// Add notes that a product is affected in the versions of a range, or where that has no event in the
// one that the name states, or in all.
func (p *Products) Add(n Name, r normalize.Range) {
	if p.at == nil {
		p.at = map[string]int{}
	}
	key := n.Key()
	i, ok := p.at[key]
	if !ok {
		i = len(p.list)
		p.at[key] = i
		p.list = append(p.list, normalize.AffectedPackage{Ecosystem: Ecosystem, Name: n.Vendor + ":" + n.Product, Key: key, Score: -1})
	}
	a := &p.list[i]
	switch release := n.Release(); {
	case len(r.Events) > 0:
		a.Ranges = append(a.Ranges, r)
		for _, e := range r.Events {
			if e.Fixed != "" && !slices.Contains(a.FixedVersions, e.Fixed) {
				a.FixedVersions = append(a.FixedVersions, e.Fixed)
			}
		}
	case release != "":
		if !slices.Contains(a.Versions, release) {
			a.Versions = append(a.Versions, release)
		}
	case n.Version == "":
		a.Ranges = append(a.Ranges, normalize.Range{Type: "ECOSYSTEM", Events: []normalize.Event{{Introduced: "0"}}})
	}
}

// List is what was added. A name without a version that can be compared ("-": it has none) covers
// nothing.
func (p *Products) List() []normalize.AffectedPackage {
	return slices.DeleteFunc(p.list, func(a normalize.AffectedPackage) bool { return len(a.Ranges)+len(a.Versions) == 0 })
}

// Read reads configurations as NVD (configurations) and CVE records (cpeApplicability) have them:
// a list of objects with nodes with cpeMatch. Only what is vulnerable counts, not what it has to run on;
// so a match is less certain than one by a package's own name.
func (p *Products) Read(r *lenient.Reader, warn lenient.WarnFunc) {
	for ok := r.List(); ok && r.Element(); {
		for ok := r.Object(); ok && r.Member(); {
			if string(r.Name()) == "nodes" {
				p.nodes(r, warn)
			} else {
				r.Skip()
			}
		}
	}
}

func (p *Products) nodes(r *lenient.Reader, warn lenient.WarnFunc) {
	for ok := r.List(); ok && r.Element(); {
		negated := false
		var found Products
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "negate":
				negated = r.Scalar() == "true"
			case "cpeMatch":
				for ok := r.List(); ok && r.Element(); {
					found.match(r, warn)
				}
			default:
				r.Skip()
			}
		}
		if !negated {
			p.merge(found)
		}
	}
}

// match reads one criterion.
func (p *Products) match(r *lenient.Reader, warn lenient.WarnFunc) {
	var start, end normalize.Event
	vulnerable := true
	criteria := ""
	entered := r.IsObject()
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "vulnerable":
			vulnerable = r.Scalar() != "false"
		case "criteria":
			criteria = r.Text()
		case "versionStartIncluding":
			start.Introduced = r.Text()
		case "versionStartExcluding":
			if text := r.Text(); text != "" {
				start.Introduced = text + version.Behind
			}
		case "versionEndExcluding":
			end.Fixed = r.Text()
		case "versionEndIncluding":
			end.LastAffected = r.Text()
		default:
			r.Skip()
		}
	}
	if !entered || !vulnerable || r.Failed() {
		return
	}
	n, ok := Parse(criteria)
	if !ok {
		warn("invalid-cpe", r.Pointer(), "%.100q is no CPE of a product; it is not used", criteria)
		return
	}
	var events []normalize.Event
	if start != (normalize.Event{}) || end != (normalize.Event{}) {
		if start.Introduced == "" {
			start.Introduced = "0"
		}
		if events = append(events, start); end.Fixed != "" {
			end.LastAffected = "" // exactly one field is set
		}
		if end != (normalize.Event{}) {
			events = append(events, end)
		}
	}
	p.Add(n, normalize.Range{Type: "ECOSYSTEM", Events: events})
}

func (p *Products) merge(o Products) {
	for _, a := range o.list {
		i, ok := p.at[a.Key]
		if !ok {
			if p.at == nil {
				p.at = map[string]int{}
			}
			p.at[a.Key] = len(p.list)
			p.list = append(p.list, a)
			continue
		}
		b := &p.list[i]
		b.Ranges = append(b.Ranges, a.Ranges...)
		b.Versions = append(b.Versions, a.Versions...)
		for _, f := range a.FixedVersions {
			if !slices.Contains(b.FixedVersions, f) {
				b.FixedVersions = append(b.FixedVersions, f)
			}
		}
	}
}
