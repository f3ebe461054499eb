package version

import (
	"strings"
	"testing"

	"sluice/normalize"
)

// TestListed tries versions that a record lists in one spelling and a document holds in
// another: what the ecosystem's own tool takes for equal is the same version.
func TestListed(t *testing.T) {
	for ecosystem, cases := range map[string][]struct {
		listed    string
		same, not string // with spaces between
	}{
		"PyPI": {
			{"2.0rc1", "2.0rc1 2.0.0rc1 2.0-rc.1 2.0.RC_1 v2.0c1 2.0pre1 0!2.0rc1 2.0rc01", "2.0 2.0rc2 2.0rc1.dev1 1!2.0rc1"},
			{"1.0", "1 1.0.0 1.0+cu118 1.0.0+local.1 1.0-py3-none-any 1.0.0-1-cp312-cp312-manylinux_2_17_x86_64.whl", "1.0.post1 1.0-1 1.0.1"},
			{"1.0+cu118", "1.0+CU118 1.0.0+cu118", "1.0 1.0+cu117"},
			{"1.0.post1", "1.0-1 1.0-r1 1.0rev1", "1.0"},
			{"1.0a", "1.0a0 1.0alpha 1.0-alpha-0", "1.0b 1.0"},
			{"2013-02-01T20:50:46+0100", "2013-02-01T20:50:46+0100", "2013"},
		},
		"Maven": {
			{"1.0", "1.0.0 1 1.0-ga 1.0.Final 1.0.RELEASE 1-0 1.0.GA", "1.0-SNAPSHOT 1.0-rc 1.0.1 1.0-sp"},
			{"1.0-rc1", "1.0-cr1 1.0RC1 1.0.0-rc-1", "1.0-rc2 1.0"},
			{"2.0-alpha-1", "2.0a1 2-alpha1 2.0.0-ALPHA-1", "2.0-a"},
			{"Finchley.RELEASE", "Finchley.RELEASE", "Finchley.SR1 Hoxton.RELEASE"},
		},
		"Packagist": {
			{"v1.0", "1.0.0 1.0 v1.0.0 V1.0.0.0 1.0.0-stable 1.0@dev 1.0.0@stable 1.0+build 01.0", "1.0-beta1 1.0.1 1.0-p1"},
			{"1.0.0-beta1", "1.0-b1 1.0.0beta1 1.0_BETA.1", "1.0.0-beta2 1.0-alpha1"},
			{"1.0.0-RC1", "v1.0.0-rc1 1.0RC1", "1.0.0"},
			{"1.0.0-patch1", "1.0p1 1.0-pl1", "1.0"},
			{"1.0.x-dev", "1.0.x-dev 1.0.X-dev v1.0.x-dev#0a1b2c", "1.0-dev 1.1.x-dev"},
			{"dev-master", "dev-master", "dev-main"},
		},
		"Debian:12": {
			{"1.0-0", "1.0 1.0-0 0:1.0 1.0-00 01.0", "1.0-1 1.0-0.1 1:1.0"},
			{"1:2.3-1", "1:2.3-1 1:2.3-01 1:2.3-1_amd64", "2.3-1"},
		},
		"Rocky Linux:9": {
			{"1:3.0.7-25.el9", "1:3.0.7-25.el9 1:3.0.7-25.el9.x86_64 01:3.0.7-25.el9", "3.0.7-25.el9 1:3.0.7-25.el9_3"},
			{"3.0.7", "3.0.7 0:3.0.7-25.el9", "1:3.0.7-25.el9 3.0.7a-1.el9"},
			{"1.0_1-1", "1.0+1-1 1.0.1-1", "1.01-1"},
		},
		"Alpine:v3.18": {{"1.2.3-r0", "1.2.3-r0 1.2.3-r00 01.2.3-r0", "1.2.3 1.2.3-r1"}},
		"NuGet": {
			{"1.0", "1 1.0.0 1.0.0.0 1.0.0+abc 01.0 v1.0 1.0.0-win-x64 1.0.0-linux-musl-arm64 1.0.0-osx.11.0-arm64 1.0.0/win7-x86", "1.0.0.1 1.0.0-win"},
			{"1.0.0-Beta.1", "1.0-beta.1 1.0.0-BETA.1+x 1.0.0-beta.1-linux-x64", "1.0.0-beta.2"},
		},
		"RubyGems": {
			{"1.13.0", "1.13 1.13.0.0 1.13.0-x86_64-linux 1.13.0-java 1.13.0-arm64-darwin-22 1.13.0-x64-mingw-ucrt 1.13.0-x64-mingw32 1.13.0-x86-mswin32-60 1.13.0-aarch64-linux-musl 1.13.0-universal-darwin 1.13.0-ruby 1.13.0-x86-linux-gnu 1.13.0-arm-linux-gnueabihf 1.13.0-mswin32 1.13.0-jruby 1.13.0-dalvik", "1.13.0-alpha 1.13.0-rc1 1.13.0.pre 1.13.0-linuxish"},
			{"2.0.0.pre.1", "2.0.pre.1 2.0.0-1 2.0.0.pre.1-java", "2.0.0"},
		},
		"npm":       {{"1.2.3", "1.2.3 v1.2.3 =1.2.3 =v1.2.3 1.2.3+build", "1.2.3-0 1.2.4"}},
		"crates.io": {{"1.2.3", "1.2.3+build 1.2.3", "1.2.3-pre"}},
		"Hex":       {{"1.2.3", "1.2.3+build", "1.2.3-dev"}},
		"Go": {
			{"v2.0.0", "v2.0.0 2.0.0 2.0.0+incompatible v2.0.0+incompatible v2 2.0", "2.0.0-rc1 2.0.1"},
			{"1.21.0-rc.2", "go1.21rc2 1.21rc2", "1.21.0"},
		},
		"Pub":  {{"1.2.3+1", "1.2.3+1", "1.2.3 1.2.3+2"}},
		"Pub2": {{"r12.1", "r12.1 r12_1", "r12"}},
	} {
		for _, c := range cases {
			a := &normalize.AffectedPackage{Ecosystem: ecosystem, Name: "x", Versions: []string{"0.0.1", c.listed, "77"}}
			compiled := Compile(a)
			for _, v := range strings.Fields(c.same) {
				if m, in, err := compiled.Affected(v); !in || err != nil || m.By != ByVersions || m.Range != "="+v {
					t.Errorf("%s: %s is listed as %s: %v %v %+v", ecosystem, v, c.listed, in, err, m)
				}
			}
			for _, v := range strings.Fields(c.not) {
				if _, in, _ := compiled.Affected(v); in {
					t.Errorf("%s: %s is not %s", ecosystem, v, c.listed)
				}
			}
		}
	}
}

// TestUnreadableBoundaries holds that what nobody can read hides nothing.
func TestUnreadableBoundaries(t *testing.T) {
	for _, c := range []struct {
		ecosystem string
		events    []normalize.Event
		version   string
		want      string // Match.Range; "" for not affected
	}{
		{"npm", events("introduced", "1.0.0", "fixed", "soon"), "5.0.0", `>=1.0.0 (fixed "soon" unreadable)`},
		{"npm", events("introduced", "1.0.0", "fixed", "soon"), "0.9.0", ""},
		{"npm", events("introduced", "1.0.0", "fixed", "2.x"), "5.0.0", `>=1.0.0 (fixed "2.x" unreadable)`},
		{"npm", events("introduced", "0", "last", "n/a"), "5.0.0", `* (last_affected "n/a" unreadable)`},
		{"npm", events("introduced", "first", "fixed", "2.0.0"), "0.0.1", `<2.0.0 (introduced "first" unreadable)`},
		{"npm", events("introduced", "first", "fixed", "2.0.0"), "2.0.0", ""},
		{"npm", events("introduced", "first", "fixed", "last"), "9.0.0", `* (introduced "first" unreadable, fixed "last" unreadable)`},
		{"npm", events("introduced", "0", "limit", "n/a"), "9.0.0", `* (limit "n/a" unreadable)`},
		{"npm", events("introduced", "0", "limit", "n/a", "limit", "2.0.0"), "9.0.0", `* (limit "n/a" unreadable)`},
		{"npm", events("fixed", "2.0.0"), "1.0.0", `<2.0.0 (introduced missing)`},
		{"npm", events("fixed", "2.0.0"), "2.0.0", ""},
		{"npm", events("fixed", "2.0.0", "introduced", "first"), "1.0.0", `<2.0.0 (introduced "first" unreadable)`},
		// Several intervals: the first has no readable end, so it goes on to the next one's.
		{"npm", events("introduced", "0", "fixed", "?", "introduced", "2.0.0", "fixed", "2.5.0"), "1.9.0", `<2.5.0 (fixed "?" unreadable)`},
		{"npm", events("introduced", "0", "fixed", "?", "introduced", "2.0.0", "fixed", "2.5.0"), "2.5.0", ""},
		{"npm", events("introduced", "0", "fixed", "1.5.0", "introduced", "2.0.0", "fixed", "?"), "3.0.0", `>=2.0.0 (fixed "?" unreadable)`},
		{"npm", events("introduced", "0", "fixed", "1.5.0", "introduced", "2.0.0", "fixed", "?"), "1.7.0", ""},
		// The second has no readable start: the end of the first does not hide it.
		{"npm", events("introduced", "1.0.0", "fixed", "1.5.0", "introduced", "?", "fixed", "2.5.0"), "2.0.0", `<2.5.0 (introduced "?" unreadable)`},
		{"npm", events("introduced", "1.0.0", "fixed", "1.5.0", "introduced", "?", "fixed", "2.5.0"), "2.5.0", ""},
		{"PyPI", events("introduced", "0", "fixed", "2019-09-12"), "3.0", `* (fixed "2019-09-12" unreadable)`},
		{"PyPI", events("introduced", "0", "fixed", "1.0"), "2004d", "<1.0"}, // setuptools of old: before all
		{"Maven", events("introduced", "0", "fixed", "LATEST"), "3.0", `* (fixed "LATEST" unreadable)`},
		{"Packagist", events("introduced", "1.0", "fixed", "dev-master"), "3.0.0", `>=1.0 (fixed "dev-master" unreadable)`},
		{"RubyGems", events("introduced", "0", "fixed", "~> 2.0"), "3.0", `* (fixed "~> 2.0" unreadable)`},
		{"NuGet", events("introduced", "0", "fixed", "1.2.3.4.5"), "3.0", `* (fixed "1.2.3.4.5" unreadable)`},
		{"Debian:12", events("introduced", "0", "fixed", "<unfixed>"), "3.0-1", `* (fixed "<unfixed>" unreadable)`},
		{"AlmaLinux:9", events("introduced", "0", "fixed", "x:1.0"), "3.0-1", `* (fixed "x:1.0" unreadable)`},
		{"Alpine:v3.18", events("introduced", "0", "fixed", "1.0-1"), "3.0-r0", `* (fixed "1.0-1" unreadable)`},
		{"Go", events("introduced", "0", "fixed", "master"), "3.0.0", `* (fixed "master" unreadable)`},
		{"Debian:12", events("introduced", "0", "fixed", "0"), "0~git1-1", ""}, // never affected
		{"npm", events("introduced", "1.0.0", "fixed", "soon", "fixed", "2.0.0"), "2.0.0", ""},
	} {
		a := &normalize.AffectedPackage{Ecosystem: c.ecosystem, Name: "x", Ranges: []normalize.Range{{Type: "ECOSYSTEM", Events: c.events}}}
		m, in, err := Affected(a, "", c.version)
		if err != nil || m.Range != c.want || in != (c.want != "") {
			t.Errorf("%s %s in %v: %v %v %q, want %q", c.ecosystem, c.version, c.events, in, err, m.Range, c.want)
		}
	}
}

// TestPartsLeftOut tries boundaries without the part of a version that the ecosystem
// leaves out of account then: Python's local version, an rpm's release.
func TestPartsLeftOut(t *testing.T) {
	for _, c := range []struct {
		ecosystem string
		events    []normalize.Event
		version   string
		want      bool
	}{
		{"PyPI", events("introduced", "0", "last", "2.0.1"), "2.0.1+cu118", true},
		{"PyPI", events("introduced", "0", "last", "2.0.1+cu117"), "2.0.1+cu118", false},
		{"PyPI", events("introduced", "0", "fixed", "2.0.1"), "2.0.1+cu118", false},
		{"PyPI", events("introduced", "0", "fixed", "2.0.1+fix.2"), "2.0.1+fix.1", true},
		{"PyPI", events("introduced", "2.0.1", "fixed", "3"), "2.0.1+cu118", true},
		{"AlmaLinux:9", events("introduced", "0", "last", "2.0"), "2.0-15.el9", true},
		{"AlmaLinux:9", events("introduced", "0", "last", "2.0-14.el9"), "2.0-15.el9", false},
		{"AlmaLinux:9", events("introduced", "0", "fixed", "2.0"), "2.0-0.1.el9", false},
		{"Rocky Linux:9", events("introduced", "0", "fixed", "1:3.0.7-25.el9"), "1:3.0.7-27.el9", false},
		{"Rocky Linux:9", events("introduced", "0", "fixed", "1:3.0.7-25.el9"), "1:3.0.7-24.el9", true},
		{"Rocky Linux:9", events("introduced", "0", "fixed", "1:3.0.7-25.el9"), "3.0.7-27.el9", true},
		{"Debian:12", events("introduced", "0", "last", "2.0"), "2.0-0", true},
		{"Debian:12", events("introduced", "0", "last", "2.0"), "2.0-1", false},
		{"RubyGems", events("introduced", "0", "last", "1.13.0"), "1.13.0-x86_64-linux", true},
		{"RubyGems", events("introduced", "0", "fixed", "1.13.0"), "1.13.0-x86_64-linux", false},
		{"NuGet", events("introduced", "0", "fixed", "1.0.0"), "1.0.0-win-x64", false},
		{"NuGet", events("introduced", "0", "fixed", "1.0.0"), "1.0.0-rc1", true},
	} {
		a := &normalize.AffectedPackage{Ecosystem: c.ecosystem, Name: "x", Ranges: []normalize.Range{{Type: "ECOSYSTEM", Events: c.events}}}
		if m, in, err := Affected(a, "", c.version); err != nil || in != c.want {
			t.Errorf("%s %s in %v: %v %v %q, want %v", c.ecosystem, c.version, c.events, in, err, m.Range, c.want)
		}
	}
}
