// Package version orders versions the way each ecosystem does and says which of
// them a vulnerability record covers.
//
// The orders come from google/osv-scalibr/semantic, the code behind osv-scanner.
// Two things are ours: that library compares any text with any other, so Valid says
// beforehand whether a version means something; and it parses anew for every
// comparison, so Compile keeps the boundaries of a record parsed, and semantic
// versions, the most frequent kind, have a parser that allocates nothing.
//
// Start with Affected, or with Compile where many versions meet one record. Ranges
// of VEX statements in the notation "vers:npm/>=1.0|<2.0" are read by ParseVers.
package version

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/osv-scalibr/semantic"
)

// ErrInvalid is the error for a version that its ecosystem cannot order.
var ErrInvalid = errors.New("not a version")

// Compare orders two versions of an ecosystem: -1, 0 or +1. The ecosystem is OSV's
// word, with or without a release. The error is ErrInvalid.
func Compare(ecosystem, a, b string) (int, error) {
	o := orderOf(ecosystem)
	if !o.valid(trim(a)) {
		return 0, invalid(ecosystem, a)
	}
	if !o.valid(trim(b)) {
		return 0, invalid(ecosystem, b)
	}
	x, err := o.parse(a)
	if err != nil {
		return 0, err
	}
	y, err := o.parse(b)
	if err != nil {
		return 0, err
	}
	return x.compare(y)
}

// Valid reports whether v is a version that the ecosystem can order. It is no strict
// check of the ecosystem's grammar: what package managers accept in practice passes,
// placeholders ("unknown", "(devel)", "${project.version}"), commits and digests do not.
func Valid(ecosystem, v string) bool { return orderOf(ecosystem).valid(trim(v)) }

func invalid(ecosystem, v string) error {
	if len(v) > 100 {
		v = v[:100] + "..."
	}
	return fmt.Errorf("%w of %s: %q", ErrInvalid, ecosystem, v)
}

func trim(v string) string {
	if v != "" && v[0] > ' ' && v[len(v)-1] > ' ' {
		return v
	}
	return strings.TrimSpace(v)
}

// order is how versions of one or more ecosystems are compared.
type order struct {
	name string
	// library is the name that the semantic package knows the order by.
	library string
	valid   func(string) bool
	// same brings versions that are one and the same into one spelling.
	same func(string) string
}

var (
	semver    = &order{"semver", "npm", validSemver, sameSemver}
	rpm       = &order{"rpm", "Red Hat", validRPM, sameRPM}
	deb       = &order{"deb", "Debian", validDebian, sameDebian}
	apk       = &order{"apk", "Alpine", validAlpine, asIs}
	maven     = &order{"maven", "Maven", validMaven, strings.ToLower}
	nuget     = &order{"nuget", "NuGet", validSemver, sameNuGet}
	pypi      = &order{"pypi", "PyPI", validPyPI, samePyPI}
	gem       = &order{"gem", "RubyGems", validGem, sameDotted}
	packagist = &order{"packagist", "Packagist", validPackagist, samePackagist}
	cran      = &order{"cran", "CRAN", validCRAN, asIs}
	hackage   = &order{"hackage", "Hackage", validHackage, asIs}
	pub       = &order{"pub", "Pub", validSemver, sameSemver}
	generic   = &order{"generic", "Red Hat", validGeneric, asIs}
	lexical   = &order{"lexicographic", "", validText, asIs}
)

// orders maps OSV's words, and those of distributions that OSV has no word for.
// opam documents its order as Debian's.
var orders = map[string]*order{
	"npm": semver, "Go": semver, "crates.io": semver, "Hex": semver, "Bitnami": semver, "SwiftURL": semver,
	"Julia": semver, "ConanCenter": semver, "GHC": semver, "Bioconductor": semver, "Docker Hardened Images": semver,
	"GitHub Actions": semver, "VSCode": semver, "Kubernetes": semver, "Linux": semver,
	"AlmaLinux": rpm, "Red Hat": rpm, "Rocky Linux": rpm, "SUSE": rpm, "openSUSE": rpm, "Mageia": rpm, "openEuler": rpm,
	"Photon OS": rpm, "Azure Linux": rpm, "Oracle Linux": rpm, "Amazon Linux": rpm, "Fedora": rpm,
	"Debian": deb, "Ubuntu": deb, "Echo": deb, "opam": deb,
	"Alpine": apk, "Alpaquita": apk, "BellSoft Hardened Containers": apk, "Wolfi": apk, "Chainguard": apk,
	"MinimOS": apk, "CleanStart": apk,
	"Maven": maven, "NuGet": nuget, "PyPI": pypi, "RubyGems": gem, "Packagist": packagist, "CRAN": cran,
	"Hackage": hackage, "Pub": pub,
}

func orderOf(ecosystem string) *order {
	if o, ok := orders[ecosystem]; ok {
		return o
	}
	base, rest, found := strings.Cut(ecosystem, ":")
	if o, ok := orders[base]; ok {
		return o
	}
	// Root rebuilds packages of other ecosystems: "Root:Debian:12", "Root:npm".
	if found && base == "Root" {
		base, _, _ = strings.Cut(rest, ":")
		if o, ok := orders[base]; ok {
			return o
		}
	}
	return generic
}

// parsed is a version that is ready to be compared.
type parsed struct {
	order  *order
	text   string
	fast   semanticVersion
	isFast bool
	slow   semantic.Version
}

func (o *order) parse(v string) (parsed, error) {
	p := parsed{order: o, text: trim(v)}
	switch o {
	case semver:
		if p.fast, p.isFast = parseSemantic(p.text); p.isFast {
			return p, nil
		}
	case lexical:
		return p, nil
	}
	err := p.parseSlow()
	return p, err
}

// parseSlow has the library parse. A panic in it is an error here: one odd version
// must not end an import.
func (p *parsed) parseSlow() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w (%s order): %q: %v", ErrInvalid, p.order.name, p.text, r)
		}
	}()
	if len(p.text) > maxLength {
		return invalid(p.order.name, p.text)
	}
	p.slow, err = semantic.Parse(p.text, p.order.library)
	if err != nil {
		return fmt.Errorf("%w (%s order): %w", ErrInvalid, p.order.name, err)
	}
	return nil
}

// compare orders two versions that were parsed by the same order.
func (p parsed) compare(q parsed) (result int, err error) {
	if p.isFast && q.isFast {
		return p.fast.compare(q.fast), nil
	}
	if p.order == lexical {
		return strings.Compare(p.text, q.text), nil
	}
	if p.slow == nil {
		if err := p.parseSlow(); err != nil {
			return 0, err
		}
	}
	if q.slow == nil {
		if err := q.parseSlow(); err != nil {
			return 0, err
		}
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w (%s order): %q against %q: %v", ErrInvalid, p.order.name, p.text, q.text, r)
		}
	}()
	result, err = p.slow.Compare(q.slow)
	if err != nil {
		return 0, fmt.Errorf("%w (%s order): %w", ErrInvalid, p.order.name, err)
	}
	return result, nil
}
