package purl

import (
	"maps"
	"slices"
	"strings"
)

// kind says what a purl type means to vulnerability records.
type kind struct {
	// ecosystem is OSV's word; "" for the types whose ecosystem depends on the distribution.
	ecosystem string
	distro    bool
	match     func(*Package) (name, version string)
	// owned is true where every name has an owner, group or publisher in front of it.
	owned bool
}

// names reports whether records of the type can have the name of p: that of somebody where
// the type asks for it, and in the letters that names have. A percent sign is left of a
// purl that was escaped twice, white space of a name that is a title.
func (k kind) names(p *Package) bool {
	if strings.ContainsAny(p.MatchName, "% \t\r\n\"<>\\^`{|}[]$=,;?#&") {
		return false
	}
	for i := 0; i < len(p.MatchName); i++ {
		if c := p.MatchName[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	switch {
	case p.Type == "maven":
		group, artifact, found := strings.Cut(p.MatchName, ":")
		return found && group != "" && artifact != ""
	case p.Type == "golang":
		// A module path starts with a host, but for what Go itself is.
		return strings.ContainsAny(p.MatchName, "./") || p.MatchName == "stdlib" || p.MatchName == "toolchain"
	case k.owned:
		return p.Namespace != ""
	}
	return true
}

// types holds the purl types that vulnerability records exist for.
var types = map[string]kind{
	"npm":              {ecosystem: "npm", match: slashed},
	"pypi":             {ecosystem: "PyPI", match: plain},
	"golang":           {ecosystem: "Go", match: goModule},
	"maven":            {ecosystem: "Maven", match: mavenArtifact},
	"cargo":            {ecosystem: "crates.io", match: plain},
	"nuget":            {ecosystem: "NuGet", match: plain},
	"gem":              {ecosystem: "RubyGems", match: plain},
	"composer":         {ecosystem: "Packagist", match: slashed, owned: true},
	"hex":              {ecosystem: "Hex", match: slashed},
	"pub":              {ecosystem: "Pub", match: plain},
	"swift":            {ecosystem: "SwiftURL", match: slashed, owned: true},
	"github":           {ecosystem: "GitHub Actions", match: slashed, owned: true},
	"githubactions":    {ecosystem: "GitHub Actions", match: slashed, owned: true},
	"hackage":          {ecosystem: "Hackage", match: plain},
	"cran":             {ecosystem: "CRAN", match: plain},
	"bioconductor":     {ecosystem: "Bioconductor", match: plain},
	"conan":            {ecosystem: "ConanCenter", match: plain},
	"bitnami":          {ecosystem: "Bitnami", match: bitnamiComponent},
	"julia":            {ecosystem: "Julia", match: plain},
	"opam":             {ecosystem: "opam", match: plain},
	"vscode-extension": {ecosystem: "VSCode", match: extension, owned: true},
	"deb":              {distro: true},
	"apk":              {distro: true},
	"rpm":              {distro: true},
	// Trivy and others wrote pkg:alpine/NAME before the apk type was registered.
	"alpine": {distro: true},
}

func plain(p *Package) (name, version string)   { return p.Name, p.Version }
func slashed(p *Package) (name, version string) { return p.path(), p.Version }

func extension(p *Package) (name, version string) {
	if p.Namespace == "" {
		return p.Name, p.Version
	}
	return p.Namespace + "." + p.Name, p.Version
}

func mavenArtifact(p *Package) (name, version string) {
	if p.Namespace == "" {
		// group:artifact as the name is a common mistake.
		return p.Name, p.Version
	}
	return p.Namespace + ":" + p.Name, p.Version
}

// goModule finds the module path. The specification's sub-path is a package inside
// the module, but Syft keeps three elements of the module path and makes the rest
// the sub-path ("github.com/cespare/xxhash@v2.2.0#v2"), and Syft is everywhere.
func goModule(p *Package) (name, version string) {
	name = p.path()
	version = strings.TrimPrefix(p.Version, "v")
	switch name {
	case "std", "go", "golang.org/go":
		name = "stdlib"
	case "cmd":
		name = "toolchain"
	}
	if name == "stdlib" || name == "toolchain" {
		return name, goVersion(version)
	}
	if p.Subpath != "" && p.Qualifiers["type"] == "" && strings.Count(p.Namespace, "/") == 1 &&
		p.Subpath != "cmd" && !strings.HasPrefix(p.Subpath, "cmd/") {
		name += "/" + p.Subpath
	}
	return name, strings.TrimSuffix(version, "+incompatible")
}

// goVersion turns the Go project's own notation into the semantic version that the
// Go vulnerability database uses: "go1.22rc1" is 1.22.0-rc.1.
func goVersion(v string) string {
	v = strings.TrimPrefix(v, "go")
	v, _, _ = strings.Cut(v, " ") // "go1.22.1 X:boringcrypto"
	for _, word := range [...]string{"rc", "beta"} {
		if number, pre, found := strings.Cut(v, word); found && !strings.ContainsAny(number, "-+") {
			for strings.Count(number, ".") < 2 {
				number += ".0"
			}
			return number + "-" + word + "." + pre
		}
	}
	return v
}

// bitnamiComponent drops the packaging revision, which Bitnami's records do not know:
// as a semantic version, 17.2.0-3 would come before 17.2.0.
func bitnamiComponent(p *Package) (name, version string) {
	version = p.Version
	if i := strings.LastIndexByte(version, '-'); i > 0 && i+1 < len(version) && digits(version[i+1:]) == len(version)-i-1 {
		version = version[:i]
	}
	return p.Name, version
}

// digits counts the digits that s starts with.
func digits(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}

// Types are the purl types whose ecosystem is known, sorted.
func Types() []string { return slices.Sorted(maps.Keys(types)) }
