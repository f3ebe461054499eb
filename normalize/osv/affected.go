package osv

import (
	"slices"
	"strings"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// affected reads one element of "affected" and keeps it where a package can meet it.
func (r *reader) affected(int) error {
	if !r.IsObject() {
		return r.Object(nil) // the reader's warning for the wrong type
	}
	a := normalize.AffectedPackage{Score: -1}
	var (
		severities []severity
		word       string
		lastKnown  string
		git, other int
	)
	err := r.Object(func(name string) (err error) {
		switch name {
		case "package":
			err = r.Object(func(name string) (err error) {
				switch name {
				case "ecosystem":
					a.Ecosystem, err = r.Text()
				case "name":
					a.Name, err = r.Text()
				case "purl":
					a.Purl, err = r.Text()
				default:
					err = r.Skip()
				}
				return err
			})
		case "ranges":
			err = r.Array(func(int) error {
				rng, err := r.readRange()
				switch {
				case err != nil:
				case rng.Type == "GIT":
					git++
				default:
					other++
					if len(rng.Events) > 0 {
						a.Ranges = append(a.Ranges, rng)
					}
				}
				return err
			})
		case "versions":
			a.Versions, err = r.Texts()
		case "severity":
			severities, err = r.readSeverities(severities)
		case "database_specific", "ecosystem_specific":
			err = r.specific(func(name string) (used bool, err error) {
				switch name {
				case "severity":
					word, err = r.textIfText()
				case "cvss":
					var vector string
					if vector, err = r.textIfText(); strings.HasPrefix(vector, "CVSS:") {
						severities = append(severities, severity{vector: vector})
					}
				case "last_known_affected_version_range":
					lastKnown, err = r.textIfText()
				default:
					return false, nil
				}
				return true, err
			})
		default:
			err = r.Skip()
		}
		return err
	})
	if err != nil {
		return err
	}

	at := r.Pointer()
	r.identify(&a, at)
	if a.Key == "" {
		switch {
		case a.Name != "" && len(a.Name) > maxName:
			r.doc.Warn("bad-name", at+"/package/name", "a package name of %d characters; the entry is not used", len(a.Name))
		case git > 0 && other == 0:
			r.doc.Warn("git-only", at, "commits of a repository only; there is nothing to match a package by")
		default:
			r.doc.Warn("no-package", at, "no ecosystem and name, and no purl that says them; the entry is not used")
		}
		return nil
	}
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
	return nil
}

// maxName bounds what goes into the index of keys.
const maxName = 512

// identify fills in ecosystem and name from the purl where they are missing, and sets
// the key where both are known.
func (r *reader) identify(a *normalize.AffectedPackage, at string) {
	if a.Purl != "" && (a.Ecosystem == "" || a.Name == "") {
		p, err := purl.Parse(a.Purl)
		if err != nil {
			r.doc.Warn("invalid-purl", at+"/package/purl", "%.100q is no purl", a.Purl)
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

// readRange reads a range. The type is "GIT" for those to leave out.
func (r *reader) readRange() (normalize.Range, error) {
	var rng normalize.Range
	var repo string
	err := r.Object(func(name string) (err error) {
		switch name {
		case "type":
			rng.Type, err = r.Text()
			rng.Type = strings.ToUpper(rng.Type)
		case "repo":
			repo, err = r.textIfText()
		case "events":
			err = r.Array(func(int) error {
				events, err := r.readEvent()
				rng.Events = append(rng.Events, events...)
				return err
			})
		default:
			err = r.Skip()
		}
		return err
	})
	switch rng.Type {
	case "GIT", "SEMVER", "ECOSYSTEM":
	case "":
		// Records without the type exist; the ecosystem's own order is what they mean.
		rng.Type = "ECOSYSTEM"
		if repo != "" {
			rng.Type = "GIT"
		}
	default:
		r.doc.Warn("unknown-range-type", r.Pointer(), "range type %.40q; it is read as ECOSYSTEM", rng.Type)
		rng.Type = "ECOSYSTEM"
	}
	return rng, err
}

// readEvent reads an event. The specification allows one member; an object with two is
// taken as two events, which is what its writer meant.
func (r *reader) readEvent() ([]normalize.Event, error) {
	var e normalize.Event
	err := r.Object(func(name string) (err error) {
		switch name {
		case "introduced":
			e.Introduced, err = r.Text()
		case "fixed":
			e.Fixed, err = r.Text()
		case "last_affected":
			e.LastAffected, err = r.Text()
		case "limit":
			e.Limit, err = r.Text()
		default:
			err = r.Skip()
		}
		return err
	})
	var out []normalize.Event
	for _, one := range [...]normalize.Event{{Introduced: e.Introduced}, {Fixed: e.Fixed}, {LastAffected: e.LastAffected}, {Limit: e.Limit}} {
		if one != (normalize.Event{}) {
			out = append(out, one)
		}
	}
	return out, err
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
