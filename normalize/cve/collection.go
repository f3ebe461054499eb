package cve

import (
	"net/url"
	"strings"

	"sluice/normalize"
	"sluice/normalize/cpe"
	"sluice/normalize/purl"
)

// maxName bounds what goes into the index of keys.
const maxName = 512

// collections maps the hosts of package collections to their ecosystem, and to what stands in
// front of a package's name in the addresses of its pages.
var collections = map[string]struct{ ecosystem, page string }{
	"npmjs.com": {"npm", "package/"}, "npmjs.org": {"npm", "package/"}, "registry.npmjs.org": {"npm", ""}, "registry.npmjs.com": {"npm", ""}, "yarnpkg.com": {"npm", "package/"},
	"pypi.org": {"PyPI", "project/"}, "pypi.python.org": {"PyPI", "pypi/"}, "files.pythonhosted.org": {"PyPI", ""},
	"repo.maven.apache.org": {"Maven", "maven2/"}, "repo1.maven.org": {"Maven", "maven2/"}, "maven.apache.org": {"Maven", ""}, "mvnrepository.com": {"Maven", "artifact/"},
	"search.maven.org": {"Maven", "artifact/"}, "central.sonatype.com": {"Maven", "artifact/"}, "repo.maven.org": {"Maven", ""}, "maven.google.com": {"Maven", ""}, "plugins.gradle.org": {"Maven", ""},
	"crates.io": {"crates.io", "crates/"}, "static.crates.io": {"crates.io", "crates/"}, "lib.rs": {"crates.io", "crates/"}, "docs.rs": {"crates.io", ""},
	"rubygems.org":  {"RubyGems", "gems/"},
	"packagist.org": {"Packagist", "packages/"}, "repo.packagist.org": {"Packagist", ""},
	"nuget.org": {"NuGet", "packages/"}, "api.nuget.org": {"NuGet", ""},
	"hackage.haskell.org": {"Hackage", "package/"},
	"pkg.go.dev":          {"Go", ""}, "proxy.golang.org": {"Go", ""}, "go.dev": {"Go", ""}, "godoc.org": {"Go", ""},
	"hex.pm": {"Hex", "packages/"}, "pub.dev": {"Pub", "packages/"}, "cran.r-project.org": {"CRAN", "package="}, "bioconductor.org": {"Bioconductor", ""},
	"swiftpackageindex.com": {"SwiftURL", ""}, "conan.io": {"ConanCenter", "center/recipes/"}, "juliahub.com": {"Julia", ""},
}

// redhat are the addresses under which Red Hat names rpm packages; the release is in the CPE.
var redhat = [...]string{"access.redhat.com/downloads/content/package-browser", "access.redhat.com/downloads/content"}

// identify says which packages a product is: none where it is only a vendor's name, several where it
// is one of several releases of a distribution.
func (r *reader) identify(p product, at string) []normalize.AffectedPackage {
	if p.purl != "" {
		if a, ok := fromPurl(p.purl); ok {
			return []normalize.AffectedPackage{a}
		}
		r.warn("invalid-purl", at+"/packageURL", "%.100q names no package that is known here", p.purl)
	}
	host, path := address(p.collection)
	if c, ok := collections[host]; ok {
		if name := p.inCollection(c.ecosystem, strings.Trim(strings.TrimPrefix(path+"/", c.page), "/")); name != "" && len(name) <= maxName {
			return []normalize.AffectedPackage{{Ecosystem: c.ecosystem, Name: name, Key: purl.Key(c.ecosystem, name), Score: -1}}
		}
		return nil
	}
	for _, place := range redhat {
		if p.name != "" && len(p.name) <= maxName && strings.HasPrefix(host+"/"+path, place) {
			return p.ofRedHat()
		}
	}
	return nil
}

// fromPurl is what a package URL names: of language ecosystems the package, of distributions the
// one of the release that it states.
func fromPurl(text string) (a normalize.AffectedPackage, ok bool) {
	p, err := purl.Parse(text)
	if err != nil || p.Ecosystem == "" || p.MatchName == "" || len(p.MatchName) > maxName {
		return a, false
	}
	return normalize.AffectedPackage{Ecosystem: p.Ecosystem, Name: p.MatchName, Key: purl.Key(p.Ecosystem, p.MatchName), Purl: text, Score: -1}, true
}

// address takes the host, without www, and the path out of an address.
func address(s string) (host, path string) {
	if s == "" {
		return "", ""
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www."), strings.Trim(u.Path, "/")
}

// inCollection is the name of the package in its ecosystem: packageName, else what the address of
// its page ends with.
func (p product) inCollection(ecosystem, page string) string {
	name := strings.TrimSpace(p.name)
	if name == "" {
		name = page
	}
	switch ecosystem {
	case "Maven":
		name = strings.ReplaceAll(name, "/", ":")
		if !strings.Contains(name, ":") && p.name != "" && page != "" && !strings.Contains(page, "/") {
			name = page + ":" + name // mvnrepository.com/artifact/GROUP
		}
		if strings.Count(name, ":") != 1 {
			return ""
		}
	case "Go":
		return p.goModule(name)
	case "Packagist":
		if !strings.Contains(name, "/") && p.vendor != "" {
			name = p.vendor + "/" + name
		}
	}
	return name
}

// goModule is the module that a Go package is in. Records name the package, and the module as the vendor.
func (p product) goModule(name string) string {
	first, _, _ := strings.Cut(name, "/")
	switch {
	case first == "cmd":
		return "toolchain"
	case first != "" && !strings.Contains(first, "."):
		return "stdlib"
	case p.vendor == name || strings.HasPrefix(name, p.vendor+"/") && strings.Contains(p.vendor, "."):
		return p.vendor
	}
	return name
}

// ofRedHat is an rpm package in the releases that the CPEs name: OSV calls those Red Hat:CPE.
func (p product) ofRedHat() []normalize.AffectedPackage {
	var list []normalize.AffectedPackage
	seen := map[string]bool{}
	for _, text := range p.cpes {
		n, ok := cpe.Parse(text)
		// Only Enterprise Linux has packages that are told by their release: other products ship rpms too.
		if !ok || n.Vendor != "redhat" || n.Product != "enterprise_linux" || n.Version == "" {
			continue
		}
		rest, _ := strings.CutPrefix(strings.ToLower(text), "cpe:/o:redhat:")
		if rest == strings.ToLower(text) {
			if rest, ok = strings.CutPrefix(rest, "cpe:/a:redhat:"); !ok {
				rest = "enterprise_linux:" + n.Version
			}
		}
		ecosystem := "Red Hat:" + rest
		key := purl.Key(ecosystem, p.name)
		if !seen[key] {
			seen[key] = true
			list = append(list, normalize.AffectedPackage{Ecosystem: ecosystem, Name: p.name, Key: key, Score: -1})
		}
	}
	return list
}
