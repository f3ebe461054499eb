package purl

import (
	"fmt"
	"reflect"
	"testing"
)

func TestParse(t *testing.T) {
	// The wanted fields; empty ones are not looked at, "-" stands for an empty one.
	type want struct{ purl, key, version, reason, by string }
	tests := map[string]want{
		// Canonical forms.
		"pkg:npm/lodash@4.17.21":               {"pkg:npm/lodash@4.17.21", "npm|lodash", "4.17.21", "-", "name"},
		"pkg:npm/%40scope/name@1.0.0":          {"pkg:npm/%40scope/name@1.0.0", "npm|@scope/name", "1.0.0", "-", ""},
		"pkg:pypi/zope.interface@5.0":          {"pkg:pypi/zope.interface@5.0", "PyPI|zope-interface", "5.0", "-", ""},
		"pkg:maven/org.acme/tool@1.0?type=jar": {"pkg:maven/org.acme/tool@1.0?type=jar", "Maven|org.acme:tool", "1.0", "-", ""},
		"pkg:cargo/lock_api@0.4.1":             {"pkg:cargo/lock_api@0.4.1", "crates.io|lock-api", "", "-", ""},
		"pkg:nuget/Newtonsoft.Json@12.0.1":     {"pkg:nuget/Newtonsoft.Json@12.0.1", "NuGet|newtonsoft.json", "", "-", ""},
		"pkg:gem/rails@7.0.1?platform=java":    {"", "RubyGems|rails", "7.0.1", "-", ""},
		"pkg:hex/phoenix@1.7.0":                {"", "Hex|phoenix", "", "-", ""},
		"pkg:pub/http@0.13.5":                  {"", "Pub|http", "", "-", ""},
		"pkg:composer/Drupal/Core@v9.1":        {"pkg:composer/drupal/core@v9.1", "Packagist|drupal/core", "", "-", ""},
		"pkg:swift/github.com/Acme/Kit@1.2.3":  {"", "SwiftURL|github.com/acme/kit", "", "-", ""},
		"pkg:github/Actions/Checkout@v4":       {"pkg:github/actions/checkout@v4", "GitHub Actions|actions/checkout", "v4", "-", ""},
		"pkg:githubactions/a/b@v1":             {"", "GitHub Actions|a/b", "", "-", ""},
		"pkg:conan/openssl@3.0.3":              {"", "ConanCenter|openssl", "", "-", ""},
		"pkg:bitnami/postgresql@17.2.0-3":      {"pkg:bitnami/postgresql@17.2.0-3", "Bitnami|postgresql", "17.2.0", "-", ""},
		"pkg:vscode-extension/ms/python@1.0.0": {"", "VSCode|ms.python", "", "-", ""},
		"pkg:cran/A3@0.9.1":                    {"", "CRAN|A3", "", "-", ""},
		"pkg:hackage/AC-HalfInteger@1.2.1":     {"", "Hackage|AC-HalfInteger", "", "-", ""},
		"pkg:opam/conex@1.0.0":                 {"", "opam|conex", "", "-", ""},

		// Go.
		"pkg:golang/github.com/BurntSushi/toml@v1.2.0":                {"pkg:golang/github.com/burntsushi/toml@v1.2.0", "Go|github.com/burntsushi/toml", "1.2.0", "-", ""},
		"pkg:golang/stdlib@1.20.3":                                    {"", "Go|stdlib", "1.20.3", "-", ""},
		"pkg:golang/std@go1.22rc1":                                    {"", "Go|stdlib", "1.22.0-rc.1", "-", ""},
		"pkg:golang/toolchain@v1.21.1":                                {"", "Go|toolchain", "1.21.1", "-", ""},
		"pkg:golang/github.com/docker/docker@v20.1.0%2Bincompatible":  {"", "", "20.1.0", "-", ""},
		"pkg:golang/github.com/cespare/xxhash@v2.2.0#v2":              {"", "Go|github.com/cespare/xxhash/v2", "2.2.0", "-", ""},
		"pkg:golang/github.com/acme/tool@v4.0.0#cmd/tool":             {"", "Go|github.com/acme/tool", "", "-", ""},
		"pkg:golang/github.com/acme/m@v1.0.0?type=package#pkg/x":      {"", "Go|github.com/acme/m", "", "-", ""},
		"pkg:golang/google.golang.org/genproto@v1.0.0#googleapis/api": {"", "Go|google.golang.org/genproto", "", "-", ""},
		"pkg:golang/github.com/acme/tool@(devel)":                     {"pkg:golang/github.com/acme/tool@%28devel%29", "Go|github.com/acme/tool", "(devel)", ReasonInvalidVersion, ""},

		// Sloppy ones.
		" PKG:NPM/@scope/name@1.0.0\n":                 {"pkg:npm/%40scope/name@1.0.0", "npm|@scope/name", "1.0.0", "-", ""},
		"pkg:npm/@scope/name":                          {"pkg:npm/%40scope/name", "npm|@scope/name", "-", ReasonNoVersion, ""},
		"pkg://npm//lodash@1.0.0":                      {"pkg:npm/lodash@1.0.0", "npm|lodash", "", "-", ""},
		"pkg:pypi/Foo_Bar @ 1.0":                       {"pkg:pypi/foo-bar@1.0", "PyPI|foo-bar", "1.0", "-", ""},
		"pkg:deb/debian/libc++@1:1+x?distro=Debian 12": {"pkg:deb/debian/libc%2B%2B@1:1%2Bx?distro=Debian%2012", "Debian:12|libc++", "1:1+x", "-", ""},
		"pkg:npm/a%zz@1.0.0":                           {"pkg:npm/a%25zz@1.0.0", "-", "", ReasonInvalidPurl, ""},
		"pkg:npm/a@1.0.0?B=2&a=1&b=3&c=":               {"pkg:npm/a@1.0.0?a=1&b=2", "", "", "-", ""},
		"pkg:npm/a@1.0.0#/x/./../y/":                   {"pkg:npm/a@1.0.0#x/y", "", "", "-", ""},
		"pkg:npm/a@UNKNOWN":                            {"", "npm|a", "UNKNOWN", ReasonInvalidVersion, ""},
		"pkg:npm/a%00b@1.0.0":                          {"", "", "", ReasonInvalidPurl, ""},
		"pkg:npm/a%ffb@1.0.0":                          {"", "", "", ReasonInvalidPurl, ""},

		// Rules of single types do not lose the package.
		"pkg:julia/Dates":                        {"pkg:julia/Dates", "Julia|Dates", "-", ReasonNoVersion, ""},
		"pkg:swift/Alamofire@5.4.3":              {"pkg:swift/Alamofire@5.4.3", "-", "", ReasonInvalidPurl, ""},
		"pkg:cpan/lower/Some-Dist@1.0":           {"pkg:cpan/lower/Some-Dist@1.0", "-", "-", ReasonUnknownEcosystem, ""},
		"pkg:vscode-extension/java@1.46.2025091": {"", "-", "", ReasonInvalidPurl, ""},
		"pkg:3nginx/nginx@0.8.9":                 {"pkg:3nginx/nginx@0.8.9", "-", "-", ReasonUnknownEcosystem, ""},
		"pkg:generic/openssl@1.1":                {"", "-", "", ReasonUnknownEcosystem, ""},
		"pkg:oci/debian@sha256%3Aabc":            {"pkg:oci/debian@sha256:abc", "-", "", ReasonUnknownEcosystem, ""},

		// Debian and Ubuntu.
		"pkg:deb/debian/libssl3@3.0.11-1?distro=debian-12&upstream=openssl":        {"", "Debian:12|openssl", "3.0.11-1", "-", "upstream"},
		"pkg:deb/debian/libc6@2.31-13?distro=debian-11.6&upstream=glibc%402.31-12": {"", "Debian:11|glibc", "2.31-12", "-", "upstream"},
		"pkg:deb/debian/attr@2.4?distro=bookworm&epoch=1":                          {"", "Debian:12|attr", "1:2.4", "-", "name"},
		"pkg:deb/debian/attr@1:2.4?distro=bookworm&epoch=2":                        {"", "Debian:12|attr", "1:2.4", "-", "name"},
		"pkg:deb/debian/attr@1:2.4?distro=trixie%2Fsid":                            {"", "Debian:sid|attr", "", "-", ""},
		"pkg:deb/debian/attr@1:2.4-1%2Bdeb11u2":                                    {"", "Debian:11|attr", "", "-", ""},
		"pkg:deb/debian/attr@2.4":                                                  {"", "Debian|attr", "2.4", ReasonUnknownDistro, ""},
		"pkg:deb/attr@2.4?distro=12":                                               {"", "-", "2.4", ReasonUnknownDistro, ""},
		"pkg:deb/ubuntu/libssl3@3.0.2-0ubuntu1.6?distro=ubuntu-22.04":              {"", "Ubuntu:22.04|libssl3", "", "-", ""},
		"pkg:deb/ubuntu/x@1.0?distro=jammy":                                        {"", "Ubuntu:22.04|x", "", "-", ""},
		"pkg:deb/ubuntu/x@1.0?distro=ubuntu-22.04.3":                               {"", "Ubuntu:22.04|x", "", "-", ""},
		"pkg:deb/ubuntu/gcc-9@9.4.0-1ubuntu1~20.04.1":                              {"", "Ubuntu:20.04|gcc-9", "", "-", ""},
		"pkg:deb/ubuntu/x@1.1.1f-1ubuntu0.22.04.1":                                 {"", "Ubuntu:22.04|x", "", "-", ""},
		"pkg:deb/ubuntu/x@1.1.1f-1ubuntu2":                                         {"", "Ubuntu|x", "", ReasonUnknownDistro, ""},
		"pkg:deb/x@1.0?distro=ubuntu-18.04":                                        {"", "Ubuntu:18.04|x", "", "-", ""},

		// Alpine and its like.
		"pkg:apk/alpine/libcrypto3@3.0.8-r0?distro=alpine-3.17.2&upstream=openssl": {"", "Alpine:v3.17|openssl", "3.0.8-r0", "-", "upstream"},
		"pkg:apk/alpine/curl@8.0.1-r0?distro=3.20.3":                               {"", "Alpine:v3.20|curl", "", "-", ""},
		"pkg:apk/alpine/curl@8.0.1-r0?distro=v3.18":                                {"", "Alpine:v3.18|curl", "", "-", ""},
		"pkg:apk/alpine/curl@8.0.1-r0?distro=alpine-edge":                          {"", "Alpine:edge|curl", "", "-", ""},
		"pkg:apk/alpine/curl@8.0.1-r0":                                             {"", "Alpine|curl", "", ReasonUnknownDistro, ""},
		"pkg:alpine/curl@8.0.1-r0?distro=alpine-3.16.2":                            {"pkg:alpine/curl@8.0.1-r0?distro=alpine-3.16.2", "Alpine:v3.16|curl", "", "-", ""},
		"pkg:apk/wolfi/ruby-3.0@3.0.4-r1?distro=wolfi-20221118":                    {"", "Wolfi|ruby-3.0", "", "-", ""},
		"pkg:apk/chainguard/haproxy@2.2.33":                                        {"", "Chainguard|haproxy", "", "-", ""},

		// rpm.
		"pkg:rpm/redhat/bash@5.1.8-6.el9?arch=x86_64":                                              {"", "Red Hat:9|bash", "5.1.8-6.el9", "-", ""},
		"pkg:rpm/rhel/tar@1.34-6.el9_1?epoch=2&distro=rhel-9.4":                                    {"", "Red Hat:9|tar", "2:1.34-6.el9_1", "-", "name"},
		"pkg:rpm/rhel/libcurl@7.1-1.el9?upstream=curl-7.1-1.el9.src.rpm":                           {"", "Red Hat:9|libcurl", "", "-", "name"},
		"pkg:rpm/almalinux/bash@5.1-6.el9?distro=almalinux-9.2":                                    {"", "AlmaLinux:9|bash", "", "-", ""},
		"pkg:rpm/almalinux/bash@5.1-6.el9?distro=el9":                                              {"", "AlmaLinux:9|bash", "", "-", ""},
		"pkg:rpm/rocky/libcurl@7.1-2.el8?distro=rocky-8.6&epoch=1&upstream=curl-7.1-2.el8.src.rpm": {"", "Rocky Linux:8|curl", "1:7.1-2.el8", "-", "upstream"},
		"pkg:rpm/centos/bash@4.2.46-31.el7?distro=centos-7.6.1810":                                 {"", "Red Hat:7|bash", "", "-", ""},
		"pkg:rpm/fedora/curl@7.50.3-1.fc25":                                                        {"", "Fedora:25|curl", "", "-", ""},
		"pkg:rpm/ol/gmp@6.1.2-10.el8?distro=ol-8.6":                                                {"", "Oracle Linux:8|gmp", "", "-", ""},
		"pkg:rpm/amzn/curl@7.79.1-1.amzn2":                                                         {"", "Amazon Linux:2|curl", "", "-", ""},
		"pkg:rpm/opensuse/xz@5.2.3-1?distro=opensuse-leap-15.5":                                    {"", "openSUSE:leap 15.5|xz", "", "-", ""},
		"pkg:rpm/opensuse/xz@5.2.3-1?distro=opensuse-tumbleweed-20240101":                          {"", "openSUSE:tumbleweed|xz", "", "-", ""},
		"pkg:rpm/suse/xz@5.2.3-1?distro=sles-15.4":                                                 {"", "SUSE:15.4|xz", "", "-", ""},
		"pkg:rpm/suse/xz@5.2.3-1?distro=sle-micro-5.3":                                             {"", "SUSE:micro 5.3|xz", "", "-", ""},
		"pkg:rpm/mageia/xz@5.2.3-1.mga9":                                                           {"", "Mageia:9|xz", "", "-", ""},
		"pkg:rpm/photon/xz@5.2.3-1.ph4?distro=photon-4":                                            {"", "Photon OS:4.0|xz", "", "-", ""},
		"pkg:rpm/azurelinux/xz@5.2.3-1.azl3":                                                       {"", "Azure Linux:3|xz", "", "-", ""},
		"pkg:rpm/suse/libtasn1":                                                                    {"", "SUSE|libtasn1", "-", ReasonUnknownDistro, ""},
		"pkg:rpm/redhat/pgaudit@1.7.0-1.module%2Bel8.8.0%2B17071%2Baaa":                            {"", "Red Hat:8|pgaudit", "", "-", ""},
		"pkg:rpm/bash@5.1.8-6.el9":                                                                 {"", "-", "", ReasonUnknownDistro, ""},
	}
	for raw, w := range tests {
		p, err := Parse(raw)
		if err != nil {
			t.Errorf("Parse(%q): %v", raw, err)
			continue
		}
		for _, f := range []struct{ name, got, want string }{
			{"Purl", p.Purl, w.purl},
			{"Key", p.Key, w.key},
			{"MatchVersion", p.MatchVersion, w.version},
			{"Reason", p.Reason, w.reason},
			{"MatchedBy", p.MatchedBy, w.by},
		} {
			if f.want == "-" {
				f.want = ""
			} else if f.want == "" {
				continue
			}
			if f.got != f.want {
				t.Errorf("Parse(%q).%s = %q, want %q", raw, f.name, f.got, f.want)
			}
		}
	}
}

func TestParseNotPurl(t *testing.T) {
	for raw, reason := range map[string]string{
		"": ReasonNoPurl, " \n": ReasonNoPurl, "lodash": ReasonInvalidPurl, "pkg:": ReasonInvalidPurl, "pkg:npm": ReasonInvalidPurl,
		"pkg:npm/": ReasonInvalidPurl, "pkg:npm/@1.0": ReasonInvalidPurl, "pkg:pypi/@1.0": ReasonInvalidPurl,
		"cpe:2.3:a:b:c": ReasonInvalidPurl, "https://example.org/a": ReasonInvalidPurl, "pkg:a b/c": ReasonInvalidPurl, "pkg:/x": ReasonInvalidPurl,
	} {
		p, err := Parse(raw)
		if err == nil || p.Reason != reason {
			t.Errorf("Parse(%q) = reason %q, error %v; want %q and an error", raw, p.Reason, err, reason)
		}
	}
}

func TestKey(t *testing.T) {
	for _, c := range [][3]string{
		{"PyPI", "Foo_Bar", "PyPI|foo-bar"},
		{"pypi", "Foo--_.Bar", "PyPI|foo-bar"},
		{"Go", "github.com/BurntSushi/toml", "Go|github.com/burntsushi/toml"},
		{"Maven:https://maven.google.com", "a:B", "Maven|a:B"},
		{"Packagist:https://packages.drupal.org/8", "drupal/Core", "Packagist|drupal/core"},
		{"Debian", "openssl", "Debian|openssl"},
		{"Debian:12", "openssl", "Debian:12|openssl"},
		{"Debian:bookworm", "openssl", "Debian:12|openssl"},
		{"Ubuntu:22.04:LTS", "openssl", "Ubuntu:22.04|openssl"},
		{"Ubuntu:Pro:18.04:LTS", "openssl", "Ubuntu:Pro:18.04|openssl"},
		{"Ubuntu:Pro:FIPS:20.04:LTS", "openssl", "Ubuntu:Pro:FIPS:20.04|openssl"},
		{"Ubuntu:23.10", "openssl", "Ubuntu:23.10|openssl"},
		{"Alpine:v3.18", "openssl", "Alpine:v3.18|openssl"},
		{"Alpine:3.18", "openssl", "Alpine:v3.18|openssl"},
		{"AlmaLinux:9", "NetworkManager", "AlmaLinux:9|NetworkManager"},
		{"Red Hat:enterprise_linux:9::baseos", "bash", "Red Hat:9|bash"},
		{"Red Hat:rhel_aus:8.4::appstream", "bash", "Red Hat:rhel_aus:8.4|bash"},
		{"Red Hat:openshift:4.12::el8", "x", "Red Hat:openshift:4.12::el8|x"},
		{"Red Hat", "bash", "Red Hat|bash"},
		{"SUSE:Linux Enterprise Server 15 SP4", "xz", "SUSE:15.4|xz"},
		{"SUSE:Linux Enterprise Module for Basesystem 15 SP4", "xz", "SUSE:15.4|xz"},
		{"SUSE:Linux Enterprise Server 12 SP5-LTSS", "xz", "SUSE:12.5|xz"},
		{"SUSE:Linux Enterprise Server 15", "xz", "SUSE:15|xz"},
		{"SUSE:Linux Enterprise Micro 5.3", "xz", "SUSE:micro 5.3|xz"},
		{"SUSE:Manager Server 4.3", "xz", "SUSE:manager server 4.3|xz"},
		{"openSUSE:Leap 15.5", "xz", "openSUSE:leap 15.5|xz"},
		{"openSUSE:Tumbleweed", "xz", "openSUSE:tumbleweed|xz"},
		{"Rocky Linux:8", "curl", "Rocky Linux:8|curl"},
		{"rocky-linux:8", "curl", "rocky-linux:8|curl"},
		{"Photon OS:4.0", "curl", "Photon OS:4.0|curl"},
		{"Azure Linux:3", "curl", "Azure Linux:3|curl"},
		{"Android", "platform/base", "Android|platform/base"},
		{"SwiftURL", "https://github.com/Acme/Kit.git", "SwiftURL|github.com/acme/kit"},
		{"GitHub Actions", "Actions/Checkout", "GitHub Actions|actions/checkout"},
		{"Root:npm", "@root/x", "Root:npm|@root/x"},
		{"Root:PyPI", "root-Foo_Bar", "Root:PyPI|root-foo-bar"},
		{"Made Up", "Thing", "Made Up|Thing"},
	} {
		if got := Key(c[0], c[1]); got != c[2] {
			t.Errorf("Key(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
		// The key's own ecosystem is a spelling of the same.
		if again := Key(Ecosystem(c[0]), c[1]); again != c[2] {
			t.Errorf("Key(Ecosystem(%q), %q) = %q, want %q", c[0], c[1], again, c[2])
		}
	}
}

func TestWith(t *testing.T) {
	p, _ := Parse("pkg:deb/debian/libssl3?upstream=openssl")
	if p.Reason != ReasonUnknownDistro {
		t.Fatalf("reason %q", p.Reason)
	}
	q := p.WithDistro("debian-12")
	if q.Key != "Debian:12|openssl" || q.Reason != ReasonNoVersion || q.Purl != "pkg:deb/debian/libssl3?distro=debian-12&upstream=openssl" {
		t.Errorf("WithDistro: %+v", q)
	}
	r := q.WithVersion("3.0.11-1")
	want, _ := Parse("pkg:deb/debian/libssl3@3.0.11-1?distro=debian-12&upstream=openssl")
	if !reflect.DeepEqual(r, want) {
		t.Errorf("WithVersion:\n got %+v\nwant %+v", r, want)
	}
	if back := r.WithDistro("").WithVersion(""); !reflect.DeepEqual(back, p) {
		t.Errorf("taking away what was added:\n got %+v\nwant %+v", back, p)
	}
	if _, had := p.Qualifiers["distro"]; had {
		t.Error("WithDistro changed the original")
	}
}

func TestKeys(t *testing.T) {
	for raw, want := range map[string][]string{
		"pkg:npm/a@1.0.0": {"npm|a"},
		"pkg:deb/debian/libssl3@3?distro=debian-12&upstream=openssl":       {"Debian:12|openssl", "Debian|openssl"},
		"pkg:deb/ubuntu/x@1.0%2Besm1?distro=ubuntu-18.04":                  {"Ubuntu:18.04|x", "Ubuntu|x", "Ubuntu:Pro:18.04|x"},
		"pkg:rpm/rocky/libcurl@7.1-2.el8?upstream=curl-7.1-2.el8.src.rpm":  {"Rocky Linux:8|curl", "Rocky Linux|curl", "Rocky Linux:8|libcurl"},
		"pkg:rpm/redhat/libcurl@7.1-2.el8?upstream=curl-7.1-2.el8.src.rpm": {"Red Hat:8|libcurl", "Red Hat|libcurl", "Red Hat:8|curl"},
		"pkg:golang/github.com/cespare/xxhash@v2.2.0#v2":                   {"Go|github.com/cespare/xxhash/v2", "Go|github.com/cespare/xxhash"},
		"pkg:generic/x@1": nil,
	} {
		p, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Keys(); !reflect.DeepEqual(got, want) {
			t.Errorf("Keys of %s = %q, want %q", raw, got, want)
		}
	}
}

func ExampleParse() {
	p, _ := Parse("pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12.5&upstream=openssl")
	fmt.Println(p.Ecosystem, p.MatchName, p.MatchVersion, p.MatchedBy)
	fmt.Println(p.Key)
	// Output:
	// Debian:12 openssl 3.0.11-1~deb12u2 upstream
	// Debian:12|openssl
}

func BenchmarkParse(b *testing.B) {
	for _, raw := range []string{
		"pkg:npm/lodash@4.17.21",
		"pkg:golang/github.com/stretchr/testify@v1.8.4?type=module",
		"pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12.5&upstream=openssl",
		"pkg:rpm/rhel/tar@1.34-6.el9_1?arch=x86_64&distro=rhel-9.4&epoch=2&upstream=tar-1.34-6.el9_1.src.rpm",
	} {
		b.Run(raw[:12], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
