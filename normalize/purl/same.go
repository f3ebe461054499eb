package purl

import (
	"slices"
	"strings"

	"sluice/normalize/version"
)

// NameKey is what packages, artifacts and the products of statements meet by, before
// Covers looks closer: type, namespace and name in one spelling, without version,
// qualifiers and sub-path.
//
//	pkg:golang/github.com%2Fgorilla%2Fmux@v1.8.0          golang/github.com/gorilla/mux
//	pkg:golang/github.com/cespare/xxhash@v2.2.0#v2        golang/github.com/cespare/xxhash/v2
//	pkg:pypi/Foo.Bar@1                                    pypi//foo-bar
//	pkg:maven/g%3Aa@1                                     maven/g/a
//	pkg:rpm/rhel/bash@5                                   rpm/redhat/bash
func (p Package) NameKey() string {
	typ, namespace, name := p.Type, p.Namespace, p.Name
	switch typ {
	case "alpine":
		typ, namespace = "apk", "alpine"
	case "pypi":
		name = pep503(name)
	case "cargo":
		name = strings.ReplaceAll(name, "_", "-")
	case "golang":
		if isMajor(p.Subpath) {
			namespace, name = p.path(), p.Subpath
		}
	case "maven":
		if namespace == "" {
			if group, artifact, found := strings.Cut(name, ":"); found {
				namespace, name = group, artifact
			}
		}
	case "deb", "apk", "rpm":
		if word, ok := distroWords[strings.ToLower(namespace)]; ok {
			namespace = word
		}
	}
	return strings.ToLower(typ + "/" + namespace + "/" + name)
}

// distroWords are other words for the namespace of one and the same distribution. A rebuild
// or a derivative is another one: a statement of Red Hat is not about CentOS.
var distroWords = map[string]string{
	"rhel": "redhat", "red hat": "redhat", "red hat enterprise linux": "redhat",
	"alma": "almalinux", "rockylinux": "rocky", "rocky-linux": "rocky", "rocky linux": "rocky",
	"ol": "oracle", "oraclelinux": "oracle", "oracle linux": "oracle",
	"amzn": "amazon", "amazonlinux": "amazon", "amazon linux": "amazon",
	"sles": "suse", "sle": "suse", "opensuse-leap": "opensuse", "opensuse.leap": "opensuse",
}

// isMajor reports whether a sub-path is the end of a Go module path: "v2".
func isMajor(s string) bool {
	return len(s) > 1 && s[0] == 'v' && digits(s[1:]) == len(s)-1
}

// Covers reports whether what named says is said of actual too: the product of a statement
// of a package, a decision of a component, one spelling of a purl of another. exact is true
// where it is by the version; a purl without one covers every version.
//
// Names are compared as their ecosystem does. A qualifier counts only where both have it, in
// whatever order they stand: the release of a distribution by what it means (jammy,
// ubuntu-22.04, 22.04.3), a source package by its name, a repository without its scheme, of
// checksums those of one algorithm.
func (named Package) Covers(actual Package) (ok, exact bool) {
	if !SameName(named, actual) || !agree(named, actual) {
		return false, false
	}
	if named.Version == "" {
		return true, false
	}
	ok = SameVersion(named, actual)
	return ok, ok
}

// SameName reports whether two purls name one package, whatever its version. Case makes no
// difference: where an ecosystem tells JSONStream from jsonstream, its records do, and no
// finding of the one is ever held against what is said of the other.
func SameName(a, b Package) bool { return a.NameKey() == b.NameKey() }

// SameVersion reports whether two purls of one package name one version of it: as text, or
// as their ecosystem reads it. That is the version of the package itself, never that of its
// source package, and with the epoch, wherever it stands.
func SameVersion(a, b Package) bool {
	if a.Version == b.Version && a.Qualifiers["epoch"] == b.Qualifiers["epoch"] {
		return true
	}
	if a.Version == "" || b.Version == "" {
		return false
	}
	ecosystem := a.order()
	if ecosystem == "" {
		// Digests are hexadecimal numbers; of other versions nothing is known.
		return strings.EqualFold(a.Version, b.Version) && strings.HasPrefix(strings.ToLower(a.Version), "sha")
	}
	x, y := a.ownVersion(), b.ownVersion()
	if x == y {
		return true
	}
	if build(x) != build(y) || strings.Contains(x, "-") != strings.Contains(y, "-") && a.Type == "rpm" {
		// Without order they are, but the same they are not: two builds, and a version with and
		// without a release.
		return false
	}
	c, err := version.Compare(ecosystem, x, y)
	return err == nil && c == 0
}

// build is what stands behind the plus of a semantic version.
func build(v string) string {
	_, b, _ := strings.Cut(v, "+")
	return b
}

// order is the ecosystem whose order the versions have; "" where there is none.
func (p Package) order() string {
	switch p.Type {
	case "deb":
		return "Debian"
	case "rpm":
		return "Red Hat"
	case "apk", "alpine":
		return "Alpine"
	}
	return types[p.Type].ecosystem
}

// ownVersion is the version of the package itself in the spelling of its ecosystem.
func (p Package) ownVersion() string {
	kind, known := types[p.Type]
	switch {
	case !known:
		return p.Version
	case kind.distro:
		return withEpoch(p.Version, p.Qualifiers["epoch"], p.Type)
	}
	_, v := kind.match(&p)
	return v
}

// agree reports whether no qualifier that both have, and neither sub-path, says that the
// two are different things.
func agree(named, actual Package) bool {
	if named.Subpath != "" && actual.Subpath != "" && named.Subpath != actual.Subpath {
		return false
	}
	for key, want := range named.Qualifiers {
		have := actual.Qualifiers[key]
		if key == "distro" {
			if !sameRelease(named, actual) {
				return false
			}
			continue
		}
		if have == "" || want == have {
			continue
		}
		same := false
		switch key {
		case "epoch":
			same = true // part of the version
		case "arch":
			same = sameArch(want, have)
		case "checksum", "checksums":
			same = sameChecksums(want, have)
		case "upstream":
			same = sameSources(want, have)
		case "repository_url":
			same = place(want) == place(have)
		}
		if !same {
			return false
		}
	}
	return true
}

// sameRelease reports whether the release that named gives is the one of actual, as far as
// that is known.
func sameRelease(named, actual Package) bool {
	want, have := named.Qualifiers["distro"], actual.Qualifiers["distro"]
	if strings.EqualFold(want, have) {
		return true
	}
	wanted, family := named.releaseOf(want)
	if family == nil {
		return have == "" // of what cannot be read only the text can be compared
	}
	if have == "" {
		// The release may be known in another way.
		_, release, known := strings.Cut(actual.Ecosystem, ":")
		return !known || release == "" || wanted == family.word || wanted == actual.Ecosystem
	}
	got, other := actual.releaseOf(have)
	if family != other {
		return false
	}
	// A qualifier that names the distribution only says nothing about the release.
	return wanted == got || wanted == family.word || got == family.word
}

// releaseOf is the ecosystem that a distro qualifier means for p, the bare word of the
// distribution where it names no release, and the distribution.
func (p Package) releaseOf(qualifier string) (ecosystem string, f *family) {
	f, release, text := parseDistro(qualifier)
	own := families[lower(p.Namespace)]
	if p.Type == "alpine" {
		own = alpine
	}
	if f == nil {
		f = own
	}
	if f == nil || release == "" && text == "" {
		return "", nil
	}
	return f.ecosystem(release, text), f
}

func sameArch(a, b string) bool {
	word := func(s string) string {
		switch s = strings.ToLower(s); s {
		case "x86_64", "x86-64":
			return "amd64"
		case "aarch64":
			return "arm64"
		case "noarch", "any":
			return "all"
		}
		return s
	}
	return word(a) == word(b)
}

// sameChecksums compares lists like "sha1:ad9503c3,sha256:41bf9088": they agree where no
// algorithm has two values.
func sameChecksums(a, b string) bool {
	values := map[string]string{}
	for sum := range strings.SplitSeq(strings.ToLower(a), ",") {
		algorithm, value, _ := strings.Cut(strings.TrimSpace(sum), ":")
		values[algorithm] = value
	}
	for sum := range strings.SplitSeq(strings.ToLower(b), ",") {
		algorithm, value, _ := strings.Cut(strings.TrimSpace(sum), ":")
		if other, ok := values[algorithm]; ok && other != value {
			return false
		}
	}
	return true
}

// sameSources compares source packages, which are written as a name, as name@version, as the
// file name of an rpm, and as a list of these.
func sameSources(a, b string) bool {
	type source struct{ name, version string }
	list := func(s string) (out []source) {
		for part := range strings.SplitSeq(s, ",") {
			if name, v := sourceRPM(strings.TrimSpace(part)); name != "" {
				out = append(out, source{strings.ToLower(name), v})
			}
		}
		return out
	}
	have := list(b)
	return slices.ContainsFunc(list(a), func(x source) bool {
		return slices.ContainsFunc(have, func(y source) bool {
			return x.name == y.name && (x.version == y.version || x.version == "" || y.version == "")
		})
	})
}

// place is a repository's address without what makes no difference.
func place(url string) string {
	url = strings.ToLower(url)
	if _, rest, found := strings.Cut(url, "://"); found {
		url = rest
	}
	return strings.TrimSuffix(url, "/")
}
