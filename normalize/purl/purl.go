// Package purl reads package URLs and says how the packages they name are looked
// up in vulnerability records.
//
// Parse is lenient: whatever somebody meant as a purl becomes a Package, because a
// component that is dropped for a missing percent sign is a vulnerability nobody
// hears of. What cannot be matched says so in Package.Reason.
//
// Key is the meeting point of the two sides. The readers of vulnerability records
// call it with an ecosystem and a name as the record spells them, Parse calls it
// with what the purl amounts to, and equal packages have equal keys.
package purl

import (
	"errors"
	"maps"
	"strings"

	"sluice/normalize/version"
)

// Reasons why a package cannot be matched against vulnerability records.
const (
	ReasonNoPurl           = "no-purl"           // there is no purl at all
	ReasonInvalidPurl      = "invalid-purl"      // the text is not a purl, or holds bytes that are no text
	ReasonNoVersion        = "no-version"        // every version, or none: nobody knows
	ReasonUnknownEcosystem = "unknown-ecosystem" // no vulnerability records are kept for this type
	ReasonUnknownDistro    = "unknown-distro"    // a distribution's package, but of which release?
	ReasonInvalidVersion   = "invalid-version"   // the ecosystem cannot order it: "(devel)", a commit
)

// ErrNotPurl is the error of Parse: the text is no purl, not even a sloppy one.
var ErrNotPurl = errors.New("not a package URL")

// Words for Package.MatchedBy.
const (
	ByName     = "name"     // the purl's own name
	ByUpstream = "upstream" // the source package in the purl's upstream qualifier
)

// Package is a purl taken apart, with what it is matched by.
type Package struct {
	// Purl is the canonical form. Rules that only some types have (julia needs a
	// uuid, swift a namespace) do not stand in the way of it.
	Purl                                    string
	Type, Namespace, Name, Version, Subpath string
	Qualifiers                              map[string]string // nil where there are none; do not change

	// Ecosystem is OSV's word, release included: "npm", "Debian:12", "Alpine:v3.18". Distributions
	// that OSV has no word for get one of the same shape: "Fedora:40". "" when unknown; without
	// the release when only that is unknown.
	Ecosystem string
	// MatchName is the name that the ecosystem's records use: Maven group:artifact, npm
	// @scope/name, the Go module path, the source package of a deb or apk.
	MatchName string
	// MatchVersion is the version to compare: with the epoch of an rpm or deb, of the source
	// package where MatchName is one, without the "v" of a Go module.
	MatchVersion string
	// MatchedBy says where MatchName came from: ByName or ByUpstream.
	MatchedBy string
	// Key is Key(Ecosystem, MatchName); "" where the ecosystem is unknown.
	Key string
	// Reason is why the package cannot be matched, "" when it can.
	Reason string
}

// Parse reads a purl. It forgives upper-case types, white space, slashes after the
// scheme, characters that should have been percent-encoded, and values that only
// break a rule of their type. The error is ErrNotPurl; the Package then holds the
// cleaned text and the Reason.
func Parse(raw string) (Package, error) {
	p := Package{Purl: clean(raw)}
	if p.Purl == "" {
		p.Reason = ReasonNoPurl
		return p, ErrNotPurl
	}
	var quals [maxQualifiers]qualifier
	qq, broken, ok := p.split(p.Purl, quals[:0])
	if !ok {
		p.Reason = ReasonInvalidPurl
		return p, ErrNotPurl
	}
	if len(qq) > 0 {
		p.Qualifiers = make(map[string]string, len(qq))
		for _, q := range qq {
			p.Qualifiers[q.key] = q.value
		}
	}
	p.write(qq)
	p.derive()
	if len(p.Purl) > MaxLength || len(p.Key) > MaxLength {
		broken = true
		p.Key = ""
	}
	if broken {
		p.Reason = ReasonInvalidPurl
	}
	return p, nil
}

// MaxLength is how long a purl may be, in bytes, and a key: the one limit of SBOMs, VEX,
// artifacts and questions. A row of an index holds 2,704 bytes, some of them a purl beside
// the id of a vulnerability, and nothing that real documents hold comes near. A longer one
// is invalid as a whole; it is never cut.
const MaxLength = 1024

// WithVersion is p at another version.
func (p Package) WithVersion(v string) Package {
	p.Version = strings.TrimSpace(v)
	return p.again()
}

// WithDistro is p with another distro qualifier, for packages whose document says
// elsewhere which release they are of: "debian-12", "ubuntu-22.04", "el9". An empty
// distro takes the qualifier away.
func (p Package) WithDistro(distro string) Package {
	if distro = strings.TrimSpace(distro); distro != "" {
		return p.withQualifier("distro", distro)
	}
	p.Qualifiers = maps.Clone(p.Qualifiers)
	delete(p.Qualifiers, "distro")
	return p.again()
}

// WithSource is p with the source package that its document names elsewhere, as the upstream
// qualifier, where its purl does not say it as well: NAME, or the file name of a source rpm,
// and the version, "" where it is not known. A purl that names another source is right: it is
// nearer to the package.
func (p Package) WithSource(name, version string) Package {
	if kind := types[p.Type]; !kind.distro || name == "" {
		return p
	}
	value := strings.TrimSpace(name)
	name, given := sourceRPM(value)
	if version == "" {
		version = given // in the name of a file, which leaves the epoch out: it stays as it is
	} else {
		value = name + "@" + version
	}
	had, hadVersion := sourceRPM(p.Qualifiers["upstream"])
	switch {
	case name == "":
		return p
	case had != "" && !strings.EqualFold(had, name), had != "" && (hadVersion != "" || version == ""):
		return p
	case had == "" && strings.EqualFold(name, p.Name) && (version == "" || version == p.ownVersion()):
		return p // it is called like the package, and that is how it would be matched anyway
	}
	if version == "" || version == p.ownVersion() {
		value = name
	}
	return p.withQualifier("upstream", value)
}

// WithModule is p with the label of its rpm module, which may say the release.
func (p Package) WithModule(label string) Package {
	if label = strings.TrimSpace(label); p.Type != "rpm" || label == "" || p.Qualifiers["rpmmod"] != "" || p.Qualifiers["modularitylabel"] != "" {
		return p
	}
	return p.withQualifier("rpmmod", label)
}

// Without is p without these qualifiers.
func (p Package) Without(qualifiers ...string) Package {
	p.Qualifiers = maps.Clone(p.Qualifiers)
	for _, key := range qualifiers {
		delete(p.Qualifiers, key)
	}
	return p.again()
}

func (p Package) withQualifier(key, value string) Package {
	q := maps.Clone(p.Qualifiers)
	if q == nil {
		q = make(map[string]string, 1)
	}
	q[key] = value
	p.Qualifiers = q
	return p.again()
}

// again recomputes everything that follows from the parts. It goes through the text,
// so that the result is what Parse makes of it.
func (p Package) again() Package {
	if p.Type == "" {
		return p
	}
	qq := make([]qualifier, 0, len(p.Qualifiers))
	for k, v := range p.Qualifiers {
		if v != "" {
			qq = append(qq, qualifier{k, v})
		}
	}
	sortQualifiers(qq)
	p.write(qq)
	out, err := Parse(p.Purl)
	if err != nil {
		return p
	}
	return out
}

// Keys are all keys under which records may speak of p, Key first. The others are
// for records of a distribution that name no release, for the binary package where
// Key is the source package (and the other way round for rpm), for Ubuntu Pro where
// the version is one of its own, and for a Go purl whose sub-path may belong to the
// module path or not.
func (p Package) Keys() []string {
	if p.Key == "" {
		return nil
	}
	keys := []string{p.Key}
	add := func(ecosystem, name string) {
		k := Key(ecosystem, name)
		for _, have := range keys {
			if have == k {
				return
			}
		}
		keys = append(keys, k)
	}
	base, release, _ := strings.Cut(p.Ecosystem, ":")
	if release != "" {
		add(base, p.MatchName)
	}
	switch p.Type {
	case "rpm":
		add(p.Ecosystem, p.Name)
		if name, _ := sourceRPM(p.Qualifiers["upstream"]); name != "" {
			add(p.Ecosystem, name)
		}
	case "deb":
		if base == "Ubuntu" && strings.Contains(p.Version, "esm") && !strings.HasPrefix(release, "Pro:") {
			add("Ubuntu:Pro:"+release, p.MatchName)
		}
	case "golang":
		path := p.path()
		add(p.Ecosystem, path)
		if p.Subpath != "" {
			add(p.Ecosystem, path+"/"+p.Subpath)
		}
	}
	return keys
}

// path is namespace and name with a slash between.
func (p *Package) path() string {
	if p.Namespace == "" {
		return p.Name
	}
	return p.Namespace + "/" + p.Name
}

// derive sets the fields that say how p is matched.
func (p *Package) derive() {
	p.MatchedBy = ByName
	p.Ecosystem, p.MatchName, p.MatchVersion, p.Key, p.Reason = "", "", "", "", ""
	kind, known := types[p.Type]
	if !known {
		p.Reason = ReasonUnknownEcosystem
		return
	}
	if kind.distro {
		if !p.deriveDistro() {
			return
		}
	} else {
		p.Ecosystem = kind.ecosystem
		p.MatchName, p.MatchVersion = kind.match(p)
		p.Key = Key(p.Ecosystem, p.MatchName)
	}
	switch {
	case p.MatchName == "", !kind.names(p):
		// No record can ever have this name: it would be passed over in silence.
		p.Reason, p.Key = ReasonInvalidPurl, ""
	case p.MatchVersion == "":
		p.Reason = ReasonNoVersion
	case !version.Valid(p.Ecosystem, p.MatchVersion):
		p.Reason = ReasonInvalidVersion
	}
}
