package osv

import (
	"slices"
	"strings"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// affected reads one element of "affected" and keeps it where a package can meet it.
//
// Long: the members of an entry, one after the other.
func (r *reader) affected() {
	if !r.IsObject() {
		r.Object() // warns
		return
	}
	a := normalize.AffectedPackage{Score: -1}
	var (
		severities []string
		word       string
		lastKnown  string
		git, other int
		places     []place
	)
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "package":
			for ok := r.Object(); ok && r.Member(); {
				switch string(r.Name()) {
				case "ecosystem":
					a.Ecosystem = r.Text()
				case "name":
					a.Name = r.Text()
				case "purl":
					a.Purl = r.Text()
				default:
					r.Skip()
				}
			}
		case "ranges":
			for ok, n := r.List(), 0; ok && r.Element(); n++ {
				rng, at := r.readRange()
				if rng.Type == "GIT" {
					git++
					continue
				}
				other++
				if len(rng.Events) > 0 {
					a.Ranges = append(a.Ranges, rng)
					places = append(places, place{n, at})
				}
			}
		case "versions":
			a.Versions = r.Texts()
		case "severity":
			severities = r.readSeverities(severities)
		case "database_specific", "ecosystem_specific":
			for ok := r.specific(); ok && r.Member(); {
				switch string(r.Name()) {
				case "severity":
					word = r.textIfText()
				case "cvss":
					if vector := r.textIfText(); strings.HasPrefix(vector, "CVSS:") {
						severities = append(severities, vector)
					}
				case "last_known_affected_version_range":
					lastKnown = r.textIfText()
				case "source":
					if from := r.textIfText(); r.from == "" {
						r.from = from
					}
				default:
					r.Skip()
				}
			}
		default:
			r.Skip()
		}
	}
	if r.Failed() {
		return
	}

	at := r.Pointer()
	r.identify(&a, at)
	if a.Key == "" {
		switch {
		case a.Name != "" && len(a.Name) > maxName:
			r.warn("bad-name", at+"/package/name", "a package name of %d characters; the entry is not used", len(a.Name))
		case git > 0 && other == 0:
			r.warn("git-only", at, "commits of a repository only; there is nothing to match a package by")
		default:
			r.warn("no-package", at, "no ecosystem and name, and no purl that says them; the entry is not used")
		}
		return
	}
	r.checkBoundaries(&a, places, at)
	closeRanges(&a, lastKnown)
	addEpoch(&a)
	for _, rng := range a.Ranges {
		for _, e := range rng.Events {
			if e.Fixed != "" && !slices.Contains(a.FixedVersions, e.Fixed) {
				a.FixedVersions = append(a.FixedVersions, e.Fixed)
			}
		}
	}
	a.Score, a.Severity, a.Vector = r.best(severities, word, at)
	r.v.Affected = append(r.v.Affected, a)
}

// maxName bounds what goes into the index of keys.
const maxName = 512

// identify fills in ecosystem and name from the purl where they are missing, and sets
// the key where both are known.
func (r *reader) identify(a *normalize.AffectedPackage, at string) {
	if a.Purl != "" && (a.Ecosystem == "" || a.Name == "") {
		p, err := purl.Parse(a.Purl)
		if err != nil {
			r.warn("invalid-purl", at+"/package/purl", "%.100q is no purl", a.Purl)
		} else if p.Key != "" {
			// The ecosystem decides how a name is spelt: both are taken from one place.
			if a.Ecosystem == "" {
				a.Ecosystem = p.Ecosystem
			}
			if a.Name == "" {
				a.Name = p.MatchName
			}
		}
	}
	if a.Ecosystem != "" && a.Name != "" && len(a.Name) <= maxName && len(a.Ecosystem) <= maxName {
		a.Key = purl.Key(a.Ecosystem, a.Name)
	}
}

// readRange reads a range and, for each of its events, which element it was. The type
// is "GIT" for those to leave out.
func (r *reader) readRange() (rng normalize.Range, at []int) {
	var repo string
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "type":
			rng.Type = strings.ToUpper(r.Text())
		case "repo":
			repo = r.textIfText()
		case "events":
			for ok, n := r.List(), 0; ok && r.Element(); n++ {
				rng.Events = r.appendEvents(rng.Events)
				for len(at) < len(rng.Events) {
					at = append(at, n)
				}
			}
		default:
			r.Skip()
		}
	}
	switch rng.Type {
	case "GIT", "SEMVER", "ECOSYSTEM":
	case "":
		// Records without the type exist; the ecosystem's own order is what they mean.
		rng.Type = "ECOSYSTEM"
		if repo != "" {
			rng.Type = "GIT"
		}
	default:
		r.warn("unknown-range-type", r.Pointer(), "range type %.40q; it is read as ECOSYSTEM", rng.Type)
		rng.Type = "ECOSYSTEM"
	}
	return rng, at
}

// appendEvents reads an event. The specification allows one member; an object with two
// is taken as two events, which is what its writer meant.
func (r *reader) appendEvents(list []normalize.Event) []normalize.Event {
	var e normalize.Event
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "introduced":
			if e.Introduced = r.boundary("introduced"); e.Introduced == "" {
				e.Introduced = "0"
			}
		case "fixed":
			e.Fixed = r.boundary("fixed")
		case "last_affected":
			e.LastAffected = r.boundary("last_affected")
		case "limit":
			e.Limit = r.boundary("limit")
		default:
			r.Skip()
		}
	}
	for _, one := range [...]normalize.Event{{Introduced: e.Introduced}, {Fixed: e.Fixed}, {LastAffected: e.LastAffected}, {Limit: e.Limit}} {
		if one != (normalize.Event{}) {
			list = append(list, one)
		}
	}
	return list
}

// closeRanges ends ranges that the record leaves open with what GitHub's advisories
// put beside them: "<= 1.2.3", "< 1.2.3".
func closeRanges(a *normalize.AffectedPackage, lastKnown string) {
	if lastKnown == "" {
		return
	}
	var end normalize.Event
	if v, found := strings.CutPrefix(lastKnown, "<="); found {
		end.LastAffected = strings.TrimSpace(v)
	} else if v, found := strings.CutPrefix(lastKnown, "<"); found {
		// Not a fix: nobody says that this version exists.
		end.Limit = strings.TrimSpace(v)
	} else if v, found := strings.CutPrefix(lastKnown, "="); found {
		end.LastAffected = strings.TrimSpace(v)
	}
	if end == (normalize.Event{}) {
		return
	}
	for i := range a.Ranges {
		if !slices.ContainsFunc(a.Ranges[i].Events, func(e normalize.Event) bool { return e.Introduced == "" }) {
			a.Ranges[i].Events = append(a.Ranges[i].Events, end)
		}
	}
}

// addEpoch gives the versions of an rpm their epoch where the record only has it in the
// purl, as those of Rocky Linux do. Without it, no package of an epoch above zero would
// ever come before its fix.
func addEpoch(a *normalize.AffectedPackage) {
	if !strings.HasPrefix(a.Purl, "pkg:rpm/") || !strings.Contains(a.Purl, "epoch=") {
		return
	}
	p, err := purl.Parse(a.Purl)
	if err != nil {
		return
	}
	epoch := p.Qualifiers["epoch"]
	if epoch == "" || epoch == "0" || strings.Trim(epoch, "0123456789") != "" {
		return
	}
	add := func(v *string) {
		if *v != "" && *v != "0" && *v != "*" && !strings.Contains(*v, ":") {
			*v = epoch + ":" + *v
		}
	}
	for i := range a.Ranges {
		for j := range a.Ranges[i].Events {
			e := &a.Ranges[i].Events[j]
			add(&e.Introduced)
			add(&e.Fixed)
			add(&e.LastAffected)
			add(&e.Limit)
		}
	}
	for i := range a.Versions {
		add(&a.Versions[i])
	}
}
