package version

import "strings"

// order is how versions of one or more ecosystems are compared.
type order struct {
	name string
	// key reads a version; false for what is none.
	key func(string) (string, bool)
	// fast says that parseSemantic may be tried first: its order is the same.
	fast bool
	// compare orders keys that do not sort as bytes; nil mostly.
	compare func(a, b string) int
	// short is the key of a version without the part that the ecosystem leaves out of
	// account against one that has none: an rpm's release, Python's local version. It is
	// false for a version without such a part.
	short func(string) (string, bool)
	// boundary is stricter than key, for the boundaries of a record; nil mostly.
	boundary func(string) bool
}

var (
	semver    = &order{name: "semver", key: strictForm.key, fast: true}
	golang    = &order{name: "go", key: goKey, fast: true}
	loose     = &order{name: "loose semver", key: looseForm.key, fast: true}
	nuget     = &order{name: "nuget", key: nugetKey}
	pub       = &order{name: "pub", key: pubForm.key}
	rpm       = &order{name: "rpm", key: rpmKey, short: rpmShort}
	deb       = &order{name: "deb", key: debKey}
	apk       = &order{name: "apk", key: apkKey, compare: compareApk}
	maven     = &order{name: "maven", key: mavenKey, compare: compareMaven}
	pypi      = &order{name: "pypi", key: pypiKey, short: pypiShort, boundary: pypiBoundary}
	gem       = &order{name: "gem", key: gemKey}
	packagist = &order{name: "packagist", key: packagistKey}
	conan     = &order{name: "conan", key: conanKey, compare: compareConan}
	cran      = &order{name: "cran", key: cranKey}
	hackage   = &order{name: "hackage", key: hackageKey}
	generic   = &order{name: "generic", key: genericKey}
	cpe       = &order{name: "cpe", key: cpeKey}
	lexical   = &order{name: "lexicographic", key: lexicalKey}
)

// orders maps OSV's words, and those of distributions that OSV has no word for.
// opam documents its order as Debian's.
var orders = map[string]*order{
	"npm": semver, "crates.io": semver, "Hex": semver, "Go": golang,
	"Bitnami": loose, "SwiftURL": loose, "Julia": loose, "GHC": loose, "Bioconductor": loose,
	"Docker Hardened Images": loose, "GitHub Actions": loose, "VSCode": loose, "Kubernetes": loose, "Linux": loose,
	"AlmaLinux": rpm, "Red Hat": rpm, "Rocky Linux": rpm, "SUSE": rpm, "openSUSE": rpm, "Mageia": rpm, "openEuler": rpm,
	"Photon OS": rpm, "Azure Linux": rpm, "Oracle Linux": rpm, "Amazon Linux": rpm, "Fedora": rpm,
	"Debian": deb, "Ubuntu": deb, "Echo": deb, "opam": deb,
	"Alpine": apk, "Alpaquita": apk, "BellSoft Hardened Containers": apk, "Wolfi": apk, "Chainguard": apk,
	"MinimOS": apk, "CleanStart": apk,
	"Maven": maven, "NuGet": nuget, "PyPI": pypi, "RubyGems": gem, "Packagist": packagist, "CRAN": cran,
	"Hackage": hackage, "Pub": pub, "ConanCenter": conan, "CPE": cpe,
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

// genericKey orders like rpm what nobody has told the order of, and lets more characters pass.
func genericKey(s string) (string, bool) {
	if !printable(s) || !isAlnum(s[0]) && s[0] != '.' || longNumber(s) {
		return "", false
	}
	if key, ok := rpmKey(s); ok {
		return key, true
	}
	return string(appendRPM(nil, s)), true
}

func lexicalKey(s string) (string, bool) { return s, s != "" && len(s) <= maxLength }
