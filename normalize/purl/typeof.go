package purl

import "strings"

// TypeOf is the type of the purls of an ecosystem, or the type itself where a type is given, in any
// case; "" where there is none or more than one. whole is true where all purls of the type are of it.
func TypeOf(ecosystem string) (typ string, whole bool) {
	word := strings.ToLower(strings.TrimSpace(ecosystem))
	if _, ok := types[word]; ok && word != "github" && word != "alpine" {
		return word, true
	}
	for name, k := range types {
		if k.ecosystem == "" || strings.ToLower(k.ecosystem) != word {
			continue
		}
		if typ != "" {
			return "", false // GitHub Actions
		}
		typ, whole = name, true
	}
	if typ != "" {
		return typ, whole
	}
	base, _, _ := strings.Cut(word, ":")
	switch families[base] {
	case nil:
		return "", false
	case debian, ubuntu:
		return "deb", false
	case almalinux, rocky, redhat, oracle, amazon, fedora, suse, opensuse, mageia, openeuler, photon, azure:
		return "rpm", false
	}
	return "", false
}
