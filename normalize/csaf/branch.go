package csaf

import (
	"regexp"
	"slices"
	"strings"

	"sluice/normalize/purl"
	"sluice/normalize/version"
)

// branch is what the branches above a product say about which of its kind it is.
type branch struct {
	version      string // of product_version
	versionRange string // of product_version_range
	arch         string // of architecture
	// narrow is the category of a branch that means fewer than a purl could say: these
	// installations, this language, this patch level. Only a purl with its own version,
	// which names the product outright, is used under one.
	narrow string
}

// branchOf is one branch by itself.
func branchOf(category, label string) (b branch) {
	if label == "" {
		return b
	}
	switch category {
	case "product_version":
		b.version = label
	case "product_version_range":
		b.versionRange = label
	case "architecture":
		b.arch = label
	case "host_name", "language", "patch_level", "platform", "service_pack", "specification":
		b.narrow = category
	}
	return b
}

// with is b with what a branch below it says: of versions the inner one counts.
func (b branch) with(inner branch) branch {
	if inner.version == "" && inner.versionRange == "" {
		inner.version, inner.versionRange = b.version, b.versionRange
	}
	if inner.arch == "" {
		inner.arch = b.arch
	}
	if inner.narrow == "" {
		inner.narrow = b.narrow
	}
	return inner
}

// at gives the purl of a product the version that its branches say. Why tells why that
// cannot be done: the statement is then about nothing, for the purl alone would be wider.
func (b branch) at(raw string) (i identity, why string) {
	if problem := purl.Unreadable(raw); problem != "" {
		return i, "the purl " + quote(raw) + " " + problem
	}
	p, _ := purl.Parse(raw)
	i.purl = raw
	switch {
	case p.Version != "":
		return i, b.contradicts(p)
	case b.narrow != "":
		return i, "it is narrowed by " + b.narrow + ", which a purl without version does not say"
	case b.version != "":
		i, why = exactly(p, raw, b.version)
	case b.versionRange != "":
		i.versionRange, why = ranged(p, b.versionRange)
	}
	if why == "" && b.arch != "" {
		i.purl, why = withArch(p, i.purl, b.arch)
	}
	return i, why
}

// exactly reads the label of a product_version for a purl without version. It is one
// version, sometimes with the name of the package in front, and sometimes that name alone:
// then it says no version. Some write a range against the rules (section 3.1.2.3.1), and
// mean it.
func exactly(p purl.Package, raw, label string) (i identity, why string) {
	i.purl = raw
	text, named := withoutName(p, label)
	switch {
	case text == "":
		return i, "" // every version
	case plainVersion.MatchString(text):
	case named:
		return i, "the version in " + quote(label) + " cannot be told from the name"
	default:
		if r, err := version.Range(p.Type, text); err == nil {
			i.versionRange = r
			return i, ""
		}
		if !strings.ContainsAny(text, "0123456789") && !strings.HasPrefix(text, "dev-") {
			return i, quote(label) + " is no version"
		}
	}
	if i.purl = p.WithVersion(text).Purl; purl.Unreadable(i.purl) != "" {
		return i, quote(label) + " is no version that a purl can have"
	}
	return i, ""
}

// ranged reads the label of a product_version_range.
func ranged(p purl.Package, label string) (r, why string) {
	text, _ := withoutName(p, label)
	r, err := version.Range(p.Type, text)
	if err != nil {
		return "", quote(label) + " is no range of versions that can be read"
	}
	return r, ""
}

// contradicts says that a purl with a version is under a branch with another one. Where
// the branch has other words for it (the file of an rpm, a name) the purl counts.
func (b branch) contradicts(p purl.Package) (why string) {
	switch {
	case b.version != "":
		text, _ := withoutName(p, b.version)
		if plainVersion.MatchString(text) && !sameVersion(p, text) {
			return "its purl has the version " + quote(p.Version) + ", and its branch " + quote(b.version)
		}
	case b.versionRange != "":
		r, why := ranged(p, b.versionRange)
		if why != "" {
			return "" // the purl is enough
		}
		v := p.Version
		if p.MatchVersion != "" {
			v = p.MatchVersion
		}
		if in, err := version.InVers(r, v); err == nil && !in {
			return "its purl has the version " + quote(p.Version) + ", which is not in the range " + quote(b.versionRange) + " of its branch"
		}
	}
	return ""
}

// plainVersion is a version that is nothing else.
var plainVersion = regexp.MustCompile(`^[vV]?[0-9][^\s<>=,|*]*$`)

// sameVersion compares the version of a purl with the text of a branch: 4.2 and 4.2.0-1.el8
// do not contradict each other, one just says more.
func sameVersion(p purl.Package, text string) bool {
	a, b := bare(p.Version), bare(text)
	if begins(a, b) || begins(b, a) {
		return true
	}
	c, err := version.Compare(p.Ecosystem, a, b)
	return err == nil && c == 0
}

// bare is a version without v and epoch.
func bare(v string) string {
	v = strings.ToLower(strings.TrimSpace(v))
	if len(v) > 1 && v[0] == 'v' {
		v = v[1:]
	}
	if epoch, rest, ok := strings.Cut(v, ":"); ok && strings.Trim(epoch, "0123456789") == "" {
		v = rest
	}
	return v
}

// begins reports whether s is prefix, with or without more parts behind it.
func begins(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && (rest == "" || strings.IndexByte(".-+_~:", rest[0]) >= 0)
}

// withoutName takes the name of the package off the front of a label: "kettle-1.2",
// "Kettle 1.2", "org.example.kettle-1.2", and the architecture of an rpm off its end. The
// name alone becomes "".
func withoutName(p purl.Package, label string) (text string, named bool) {
	text = strings.TrimSpace(label)
	if strings.HasSuffix(strings.ToLower(text), "/"+strings.ToLower(p.Name)) {
		return "", true // nodejs:16/nodejs
	}
	names := []string{p.Name}
	if p.Namespace != "" {
		names = append(names, p.Namespace+"/"+p.Name, p.Namespace+"."+p.Name, p.Namespace+":"+p.Name)
	}
	for _, name := range names {
		if len(text) < len(name) || !strings.EqualFold(text[:len(name)], name) {
			continue
		}
		if len(text) == len(name) {
			return "", true
		}
		if strings.IndexByte("-_ :@/=<>", text[len(name)]) >= 0 {
			text, named = strings.TrimLeft(text[len(name):], "-_ :@/"), true
			break
		}
	}
	if p.Type == "rpm" {
		if i := strings.LastIndexByte(text, '.'); i > 0 && slices.Contains(architectures, text[i+1:]) {
			text = text[:i]
		}
	}
	return text, named
}

// architectures are what the name of an rpm ends with.
var architectures = []string{"noarch", "src", "x86_64", "aarch64", "ppc64le", "s390x", "i386", "i586", "i686", "ppc64", "ppc", "s390", "ia64", "armv7hl", "riscv64"}

// withArch adds the architecture that a branch says to a purl that does not.
func withArch(p purl.Package, text, arch string) (with, why string) {
	switch strings.ToLower(arch) {
	case "noarch", "all", "any", "src":
		return text, "" // none, or sources, which every package is built from
	}
	if p.Qualifiers["arch"] != "" {
		return text, ""
	}
	switch p.Type {
	case "rpm", "deb", "apk", "alpm", "oci", "docker":
	default:
		return text, "it is narrowed by architecture, which its purl does not say"
	}
	text, fragment, hasFragment := strings.Cut(text, "#")
	separator := "?"
	if strings.Contains(text, "?") {
		separator = "&"
	}
	if text += separator + "arch=" + arch; hasFragment {
		text += "#" + fragment
	}
	if purl.Unreadable(text) != "" {
		return text, quote(arch) + " is no architecture that a purl can have"
	}
	return text, ""
}
