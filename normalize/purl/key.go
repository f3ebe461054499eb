package purl

import (
	"slices"
	"strings"
)

// Key is what packages and facts meet by: the ecosystem, a bar, the name, both in
// one spelling. Ecosystem is OSV's word, with or without a release.
//
//	Key("PyPI", "Foo_Bar")                            PyPI|foo-bar
//	Key("Ubuntu:22.04:LTS", "openssl")                Ubuntu:22.04|openssl
//	Key("Red Hat:enterprise_linux:9::baseos", "bash") Red Hat:9|bash
//
// Releases that only differ in a service level are one (LTS, the minor release of
// AlmaLinux, the modules of SUSE Linux Enterprise); those with packages of their own
// stay apart (Ubuntu Pro, Red Hat's EUS and AUS). The repository that a language
// ecosystem may name ("Maven:https://...") is dropped: purls hardly ever give it.
func Key(ecosystem, name string) string {
	ecosystem = Ecosystem(ecosystem)
	return ecosystem + "|" + matchName(ecosystem, name)
}

// words maps the lower-case form of every ecosystem to OSV's word. The last ones
// are not OSV's: distributions with packages and advisories of their own.
var words = func() map[string]string {
	m := map[string]string{
		"alma": "AlmaLinux", "rocky": "Rocky Linux", "rockylinux": "Rocky Linux", "redhat": "Red Hat",
		"go stdlib": "Go", "golang": "Go", "cargo": "crates.io", "composer": "Packagist", "gem": "RubyGems",
		"githubactions": "GitHub Actions", "swift": "SwiftURL", "conan": "ConanCenter", "erlang": "Hex",
		"azurelinux": "Azure Linux", "photon": "Photon OS", "oracle": "Oracle Linux", "amazon": "Amazon Linux",
	}
	for _, w := range [...]string{
		"AlmaLinux", "Alpaquita", "Alpine", "Android", "Azure Linux", "BellSoft Hardened Containers", "Bioconductor",
		"Bitnami", "CRAN", "Chainguard", "CleanStart", "ConanCenter", "crates.io", "Debian", "Docker Hardened Images",
		"Echo", "FreeBSD", "GHC", "GitHub Actions", "Go", "Hackage", "Hex", "Julia", "Kubernetes", "Linux", "Mageia",
		"Maven", "MinimOS", "npm", "NuGet", "opam", "openEuler", "openSUSE", "OSS-Fuzz", "Packagist", "Photon OS", "Pub",
		"PyPI", "Red Hat", "Rocky Linux", "Root", "RubyGems", "SUSE", "SwiftURL", "TuxCare", "Ubuntu", "VSCode", "Wolfi",
		"Amazon Linux", "Fedora", "Oracle Linux",
	} {
		m[strings.ToLower(w)] = w
		m[w] = w
	}
	return m
}()

// Spellings are the words for an ecosystem, without its release, in lower case: one, and those that records may
// use besides.
func Spellings(ecosystem string) []string {
	out := []string{strings.ToLower(ecosystem)}
	for spelling, word := range words {
		if word == ecosystem && spelling == strings.ToLower(spelling) && spelling != out[0] {
			out = append(out, spelling)
		}
	}
	slices.Sort(out[1:])
	return out
}

// Ecosystem is the one spelling of an ecosystem that Key uses. An unknown one is
// returned as it is.
func Ecosystem(e string) string {
	if w, ok := words[e]; ok {
		return w
	}
	base, release, _ := strings.Cut(strings.TrimSpace(e), ":")
	word, ok := words[base]
	if !ok {
		if word, ok = words[strings.ToLower(strings.TrimSpace(base))]; !ok {
			return strings.TrimSpace(e)
		}
	}
	if release = normalRelease(word, strings.TrimSpace(release)); release == "" {
		return word
	}
	if len(e) == len(word)+1+len(release) && e[:len(word)] == word && e[len(word)+1:] == release {
		return e
	}
	return word + ":" + release
}

// matchName brings a name into the one spelling of its ecosystem.
func matchName(ecosystem, name string) string {
	name = strings.TrimSpace(name)
	base, release, _ := strings.Cut(ecosystem, ":")
	if base == "Root" {
		base, _, _ = strings.Cut(release, ":")
	}
	switch base {
	case "PyPI":
		return pep503(name)
	case "crates.io":
		// The registry treats these as one name, so no two crates differ by them only.
		return strings.ReplaceAll(lower(name), "_", "-")
	case "Go":
		// purls have it in lower case, records do not.
		if name = lower(name); name == "std" {
			return "stdlib"
		}
		return name
	case "SwiftURL":
		name = lower(name)
		if _, rest, found := strings.Cut(name, "://"); found {
			name = rest
		}
		return strings.TrimSuffix(strings.TrimSuffix(name, "/"), ".git")
	case "NuGet", "Packagist", "GitHub Actions", "VSCode", "Bitnami", "ConanCenter", "Hex", "Pub",
		"Debian", "Ubuntu", "Alpine", "Wolfi", "Chainguard", "MinimOS", "Echo", "CleanStart", "Alpaquita":
		return lower(name)
	}
	return name
}

// pep503 is lower case, with each run of - _ . as one hyphen.
func pep503(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' || c == '_' || c == '.' || c == '-' && i > 0 && s[i-1] == '-' {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_' || c == '.' || c == '-':
			if len(b) == 0 || b[len(b)-1] != '-' {
				b = append(b, '-')
			}
		case c >= 'A' && c <= 'Z':
			b = append(b, c+'a'-'A')
		default:
			b = append(b, c)
		}
	}
	return string(b)
}
