package purl

import "testing"

// TestSource: by which name and version a distribution's package is looked up, whatever
// says what it was built from.
func TestSource(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		purl, source, sourceVersion string // the latter two beside the purl
		name, version               string
	}{
		// The version of the source, with its own epoch.
		{"pkg:deb/debian/libssl3@3.0.9-1?distro=debian-12", "", "", "libssl3", "3.0.9-1"},
		{"pkg:deb/debian/libssl3@3.0.9-1?distro=debian-12&upstream=openssl", "", "", "openssl", "3.0.9-1"},
		{"pkg:deb/debian/libssl3@3.0.9-1?distro=debian-12&upstream=openssl&epoch=1", "", "", "openssl", "1:3.0.9-1"},
		{"pkg:deb/debian/libx@2.0-1?distro=debian-12&upstream=x%401.5-1&epoch=1", "", "", "x", "1.5-1"},
		{"pkg:deb/debian/libx@1:2.0-1?distro=debian-12&upstream=x%401.5-1", "", "", "x", "1.5-1"},
		{"pkg:deb/debian/libx@2.0-1%2Bb1?distro=debian-12&upstream=x%403:2.0-1", "", "", "x", "3:2.0-1"},
		{"pkg:deb/debian/x@1:2.0-1?distro=debian-12", "", "", "x", "1:2.0-1"},
		{"pkg:deb/debian/x@2.0-1?distro=debian-12&epoch=1", "", "", "x", "1:2.0-1"},
		{"pkg:deb/debian/x@1:2.0-1?distro=debian-12&epoch=1", "", "", "x", "1:2.0-1"},

		// An rpm file leaves the epoch out: that of the binary, if it is of the same version.
		{"pkg:rpm/rocky/openssl-libs@1:3.0.7-27.el9?upstream=openssl-3.0.7-27.el9.src.rpm", "", "", "openssl", "1:3.0.7-27.el9"},
		{"pkg:rpm/rocky/openssl-libs@3.0.7-27.el9?epoch=1&upstream=openssl-3.0.7-27.el9.src.rpm", "", "", "openssl", "1:3.0.7-27.el9"},
		{"pkg:rpm/rocky/perl-Encode@4:3.08-462.el9?upstream=perl-5.32.1-481.el9.src.rpm", "", "", "perl", "5.32.1-481.el9"},
		{"pkg:rpm/rocky/perl-Encode@3.08-462.el9?epoch=4&upstream=perl-5.32.1-481.el9.src.rpm", "", "", "perl", "5.32.1-481.el9"},
		{"pkg:rpm/rocky/openssl-libs@1:3.0.7-27.el9?upstream=openssl", "", "", "openssl", "1:3.0.7-27.el9"},
		{"pkg:rpm/redhat/openssl-libs@1:3.0.7-27.el9?upstream=openssl-3.0.7-27.el9.src.rpm", "", "", "openssl-libs", "1:3.0.7-27.el9"}, // their records name binaries

		// What Trivy and Syft say beside the purl.
		{"pkg:deb/debian/libssl3@3.0.9-1?distro=debian-12", "openssl", "3.0.9-1", "openssl", "3.0.9-1"},
		{"pkg:deb/debian/libssl3@3.0.9-1?distro=debian-12", "openssl", "", "openssl", "3.0.9-1"},
		{"pkg:deb/debian/libx@2.0-1%2Bb1?distro=debian-12", "x", "1:2.0-1", "x", "1:2.0-1"},
		{"pkg:deb/debian/x@2.0-1%2Bb1?distro=debian-12", "x", "2.0-1", "x", "2.0-1"},
		{"pkg:deb/debian/x@2.0-1?distro=debian-12", "x", "2.0-1", "x", "2.0-1"},
		{"pkg:deb/debian/libx@2.0-1?distro=debian-12&upstream=x", "x", "1.5-1", "x", "1.5-1"},
		{"pkg:deb/debian/libx@2.0-1?distro=debian-12&upstream=y", "x", "1.5-1", "y", "2.0-1"},
		{"pkg:deb/debian/libx@2.0-1?distro=debian-12&upstream=x%401.4-1", "x", "1.5-1", "x", "1.4-1"},
		{"pkg:rpm/rocky/openssl-libs@3.0.7-27.el9?epoch=1", "openssl", "1:3.0.7-27.el9", "openssl", "1:3.0.7-27.el9"},
		{"pkg:rpm/rocky/openssl-libs@3.0.7-27.el9?epoch=1", "openssl-3.0.7-27.el9.src.rpm", "", "openssl", "1:3.0.7-27.el9"},
		{"pkg:rpm/rocky/perl-Encode@3.08-462.el9?epoch=4", "perl-5.32.1-481.el9.src.rpm", "", "perl", "5.32.1-481.el9"},
		{"pkg:apk/alpine/libssl3@3.1.4-r0?distro=3.19", "openssl", "3.1.4-r0", "openssl", "3.1.4-r0"},
		{"pkg:npm/left@1.0.0", "right", "2.0.0", "left", "1.0.0"}, // no source packages here
	} {
		p, err := Parse(c.purl)
		if err != nil {
			t.Fatal(err)
		}
		p = p.WithSource(c.source, c.sourceVersion)
		if p.MatchName != c.name || p.MatchVersion != c.version {
			t.Errorf("%s built from %q %q: looked up as %s at %s, want %s at %s", c.purl, c.source, c.sourceVersion, p.MatchName, p.MatchVersion, c.name, c.version)
		}
		if again, _ := Parse(p.Purl); again.MatchName != p.MatchName || again.MatchVersion != p.MatchVersion {
			t.Errorf("%s does not say it again", p.Purl)
		}
	}
	p, _ := Parse("pkg:deb/debian/openssl@3.0.9-1?distro=debian-12")
	if got := p.WithSource("openssl", "3.0.9-1").Purl; got != p.Purl {
		t.Errorf("a package that is called like its source became %s", got)
	}
}

// TestReleaseHints: the release of a distribution, from what a version or a module label
// says where nothing else does.
func TestReleaseHints(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"pkg:rpm/almalinux/postgresql@9.6.22-1.module_el8.5.0%2B826%2B29c1ad77":          "AlmaLinux:8",
		"pkg:rpm/rocky/postgresql@9.6.22-1.module%2Bel8.5.0%2B826%2B29c1ad77":            "Rocky Linux:8",
		"pkg:rpm/redhat/SLOF@20210217-2.module%2Bel8.10.0%2B20141%2B6faa2812":            "Red Hat:8",
		"pkg:rpm/oracle/nodejs@1:16.20.2-1.module%2Bel9.2.0%2B21006%2B4fb5b5ce":          "Oracle Linux:9",
		"pkg:rpm/centos/nodejs@1:16.20.2-1.module_el8%2B1":                               "Red Hat:8",
		"pkg:rpm/redhat/bash@4.4.20-4.el8_6":                                             "Red Hat:8",
		"pkg:rpm/redhat/satellite@6.15.0-3.el8sat":                                       "Red Hat:8",
		"pkg:rpm/redhat/kernel@5.14.0-427.13.1.el9_4":                                    "Red Hat:9",
		"pkg:rpm/redhat/x@1.0-1.el10":                                                    "Red Hat:10",
		"pkg:rpm/redhat/model8@1.0-model8":                                               "Red Hat", // no word of its own
		"pkg:rpm/redhat/nodejs@16.20.2-1?rpmmod=nodejs:16:8050020211018161123:522a0ee4":  "Red Hat:8",
		"pkg:rpm/redhat/virt@1-1?modularitylabel=virt:rhel:8100020240704072441:489197e6": "Red Hat:8",
		"pkg:rpm/redhat/virt@1-1?rpmmod=virt:rhel:9010020240704072441:rhel9":             "Red Hat:9",
		"pkg:rpm/redhat/virt@1-1?rpmmod=virt:rhel:10000020240704072441:x":                "Red Hat:10",
		"pkg:rpm/redhat/virt@1-1?rpmmod=virt:rhel":                                       "Red Hat",
		"pkg:rpm/fedora/nodejs@16.20.2-1.module_f34%2B1":                                 "Fedora:34",
		"pkg:rpm/fedora/curl@7.50.3-1.fc25":                                              "Fedora:25",
		"pkg:rpm/fedora/x@0-0.fc39ab":                                                    "Fedora", // a commit
		"pkg:rpm/amazon/curl@8.3.0-1.amzn2.0.5":                                          "Amazon Linux:2",
		"pkg:deb/debian/glibc@2.36-9%2Bdeb12u4":                                          "Debian:12",
		"pkg:deb/ubuntu/openssl@1.1.1f-1ubuntu2.22.04.1":                                 "Ubuntu:22.04",
		"pkg:deb/debian/glibc@2.36-9":                                                    "Debian",
		"pkg:rpm/almalinux/x@1-1.module_el8.5.0?distro=almalinux-9.2":                    "AlmaLinux:9", // the purl says so itself
	} {
		p, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if p.Ecosystem != want {
			t.Errorf("%s: %q, want %q", raw, p.Ecosystem, want)
		}
	}
}

// TestDistro: what an operating-system component says, as a qualifier and as an ecosystem.
func TestDistro(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, version, qualifier, ecosystem string }{
		{"debian", "12", "debian-12", "Debian:12"},
		{"Debian", "12.5", "debian-12.5", "Debian:12"},
		{"debian", "bookworm", "debian-bookworm", "Debian:12"},
		{"Debian GNU/Linux", "12 (bookworm)", "debian-12", "Debian:12"},
		{"debian-12", "", "debian-12", "Debian:12"},
		{"Ubuntu", "22.04.3 LTS (Jammy Jellyfish)", "ubuntu-22.04.3", "Ubuntu:22.04"},
		{"ubuntu", "jammy", "ubuntu-jammy", "Ubuntu:22.04"},
		{"Alpine Linux", "v3.18", "alpine-v3.18", "Alpine:v3.18"},
		{"alpine", "3.18.4", "alpine-3.18.4", "Alpine:v3.18"},
		{"Rocky Linux", "9.4 (Blue Onyx)", "rocky-9.4", "Rocky Linux:9"},
		{"almalinux", "8.5", "almalinux-8.5", "AlmaLinux:8"},
		{"rhel", "9.4", "rhel-9.4", "Red Hat:9"},
		{"Red Hat Enterprise Linux 9.4 Extended Update Support", "RHEL-9.4.0.Z.EUS", "rhel-9.4", "Red Hat:9"},
		{"Red Hat Enterprise Linux Server", "8", "rhel-8", "Red Hat:8"},
		{"centos", "7.6.1810", "centos-7.6.1810", "Red Hat:7"},
		{"Amazon Linux", "2023", "amzn-2023", "Amazon Linux:2023"},
		{"openSUSE Leap", "15.5", "opensuse-leap-15.5", "openSUSE:Leap 15.5"},
		{"SLES", "15-SP4", "sles-15-sp4", "SUSE:Linux Enterprise Server 15 SP4"},
		{"wolfi", "20230201", "wolfi-20230201", "Wolfi"},
		{"Windows 11 (64bit)", "", "", ""},
		{"busybox", "1.34.1", "", ""},
		{"debian", "", "", ""},
		{"", "12", "", ""},
		{"operating-system-a", "1.0", "", ""},
	} {
		q, e, ok := Distro(c.name, c.version)
		if q != c.qualifier || e != c.ecosystem || ok != (c.ecosystem != "") {
			t.Errorf("%q %q: %q, %q, %v; want %q, %q", c.name, c.version, q, e, ok, c.qualifier, c.ecosystem)
		}
		if ok && qualifierMeans(q) != e {
			t.Errorf("%q does not mean %q", q, e)
		}
	}
}
