package purl

import "testing"

// TestCovers holds what counts as the same package: first as somebody names it, then as an
// SBOM has it.
func TestCovers(t *testing.T) {
	t.Parallel()
	const no, any, exact = "no", "any version", "this version"
	for _, c := range []struct{ named, actual, want string }{
		{"pkg:npm/left@1.5.0", "pkg:npm/left@1.5.0", exact},
		{"pkg:npm/left", "pkg:npm/left@1.5.0", any},
		{"pkg:npm/left@1.5.1", "pkg:npm/left@1.5.0", no},
		{"pkg:npm/left@1.5.0", "pkg:npm/left", no},
		{"pkg:pypi/left@1.5.0", "pkg:npm/left@1.5.0", no},
		{"pkg:npm/%40babel%2Fcore@7.0.0", "pkg:npm/@babel/core@7.0.0", exact},

		// Go: escaped slashes, with and without v, a major version as a sub-path.
		{"pkg:golang/github.com%2Fgorilla%2Fmux@v1.8.0", "pkg:golang/github.com/gorilla/mux@v1.8.0", exact},
		{"pkg:golang/github.com/gorilla%2Fmux@1.8.0", "pkg:golang/github.com/gorilla/mux@v1.8.0", exact},
		{"pkg:golang/golang.org/x/text@0.3.7", "pkg:golang/golang.org/x/text@v0.3.7", exact},
		{"pkg:golang/golang.org/x/text@v0.3.7", "pkg:golang/golang.org/x/text@0.3.7", exact},
		{"pkg:golang/golang.org/x/text@v0.3.7", "pkg:golang/golang.org/x/text@v0.3.8", no},
		{"pkg:golang/example.com/m@v2.0.0", "pkg:golang/example.com/m@v2.0.0%2Bincompatible", exact},
		{"pkg:golang/github.com/cespare/xxhash@v2.2.0#v2", "pkg:golang/github.com/cespare/xxhash/v2@v2.2.0", exact},
		{"pkg:golang/github.com/cespare/xxhash", "pkg:golang/github.com/cespare/xxhash@v2.2.0#v2", no},

		// Names as their registries read them.
		{"pkg:pypi/Foo.Bar@1.0", "pkg:pypi/foo_bar@1.0", exact},
		{"pkg:pypi/foo@1.0", "pkg:pypi/foo@1.0.0", exact},
		{"pkg:pypi/foo@1.0", "pkg:pypi/foo@1.0.1", no},
		{"pkg:cargo/foo-bar@1.0.0", "pkg:cargo/foo_bar@1.0.0", exact},
		{"pkg:cargo/foo@1.0.0%2Ba", "pkg:cargo/foo@1.0.0%2Bb", no}, // two builds
		{"pkg:maven/g%3Aa@1", "pkg:maven/g/a@1", exact},
		{"pkg:nuget/Newtonsoft.Json@13.0.1", "pkg:nuget/newtonsoft.json@13.0.1", exact},
		{"pkg:oci/app@1.0", "pkg:oci/app@1.00", no}, // no order, so the text counts
		{"pkg:oci/app@sha256:AB", "pkg:oci/app@sha256:ab", exact},
		{"pkg:rpm/rhel/bash@5-1", "pkg:rpm/redhat/bash@5-1", exact},
		{"pkg:rpm/redhat/bash@5-1", "pkg:rpm/centos/bash@5-1", no},
		{"pkg:alpine/busybox@1.36-r1", "pkg:apk/alpine/busybox@1.36-r1", exact},

		// The release of a distribution: codename, number, with and without the point release.
		{"pkg:deb/ubuntu/libssl3?distro=jammy", "pkg:deb/ubuntu/libssl3@3.0.2?distro=ubuntu-22.04", any},
		{"pkg:deb/ubuntu/libssl3?distro=22.04", "pkg:deb/ubuntu/libssl3@3.0.2?distro=jammy", any},
		{"pkg:deb/ubuntu/libssl3?distro=ubuntu-22.04.3", "pkg:deb/ubuntu/libssl3@3.0.2?distro=ubuntu-jammy", any},
		{"pkg:deb/ubuntu/libssl3?distro=focal", "pkg:deb/ubuntu/libssl3@3.0.2?distro=ubuntu-22.04", no},
		{"pkg:deb/debian/libssl3?distro=bookworm", "pkg:deb/debian/libssl3@3?distro=debian-12.5", any},
		{"pkg:deb/debian/libssl3?distro=debian-12", "pkg:deb/debian/libssl3@3?distro=12", any},
		{"pkg:deb/debian/libssl3?distro=bullseye", "pkg:deb/debian/libssl3@3?distro=debian-12.5", no},
		{"pkg:deb/debian/libssl3?distro=debian", "pkg:deb/debian/libssl3@3?distro=debian-12.5", any},
		{"pkg:deb/debian/libssl3?distro=jammy", "pkg:deb/debian/libssl3@3?distro=debian-12", no},
		{"pkg:deb/debian/libssl3?distro=bookworm", "pkg:deb/debian/libssl3@3", any},
		{"pkg:deb/debian/libssl3?distro=bullseye", "pkg:deb/debian/libssl3@3.0.11-1~deb12u2", no}, // the version says 12
		{"pkg:apk/alpine/busybox?distro=3.18", "pkg:apk/alpine/busybox@1?distro=alpine-3.18.4", any},
		{"pkg:apk/alpine/busybox?distro=alpine-3.18.2", "pkg:apk/alpine/busybox@1?distro=3.18.4", any},
		{"pkg:apk/alpine/busybox?distro=3.17", "pkg:apk/alpine/busybox@1?distro=alpine-3.18.4", no},
		{"pkg:rpm/redhat/bash?distro=el9", "pkg:rpm/redhat/bash@5?distro=rhel-9.4", any},
		{"pkg:rpm/redhat/bash?distro=rhel-8", "pkg:rpm/redhat/bash@5?distro=rhel-9.4", no},
		{"pkg:rpm/suse/bash?distro=sles-15.4", "pkg:rpm/suse/bash@5?distro=sles-15-sp4", any},
		{"pkg:rpm/suse/bash?distro=sles-15.4", "pkg:rpm/suse/bash@5?distro=sles-15.5", no},
		{"pkg:rpm/acme/bash?distro=acme-1", "pkg:rpm/acme/bash@5?distro=ACME-1", any},
		{"pkg:rpm/acme/bash?distro=acme-1", "pkg:rpm/acme/bash@5?distro=acme-2", no},

		// Qualifiers are a set, and count only where both have them.
		{"pkg:oci/app@1?tag=a&arch=amd64", "pkg:oci/app@1?arch=amd64&tag=a", exact},
		{"pkg:oci/app@1?arch=amd64", "pkg:oci/app@1?arch=arm64", no},
		{"pkg:oci/app@1?arch=amd64", "pkg:oci/app@1?arch=x86_64", exact},
		{"pkg:oci/app@1?tag=latest", "pkg:oci/app@1", exact},
		{"pkg:oci/app@1?repository_url=https://GHCR.io/acme/app/", "pkg:oci/app@1?repository_url=ghcr.io/acme/app", exact},
		{"pkg:oci/app@1?repository_url=ghcr.io/evil/app", "pkg:oci/app@1?repository_url=ghcr.io/acme/app", no},
		{"pkg:generic/a@1?checksum=sha256:AA,sha1:bb", "pkg:generic/a@1?checksum=sha1:bb,md5:cc", exact},
		{"pkg:generic/a@1?checksum=sha256:aa", "pkg:generic/a@1?checksum=sha256:bb", no},
		{"pkg:deb/debian/libssl3@3.0.9-1?upstream=openssl", "pkg:deb/debian/libssl3@3.0.9-1?upstream=openssl%403.0.9-1", exact},
		{"pkg:rpm/rocky/openssl-libs@3.0.7-27.el9?upstream=openssl-3.0.7-27.el9.src.rpm", "pkg:rpm/rocky/openssl-libs@3.0.7-27.el9?upstream=openssl", exact},
		{"pkg:deb/debian/libssl3@3.0.9-1?upstream=gnutls", "pkg:deb/debian/libssl3@3.0.9-1?upstream=openssl", no},

		// The version of the package itself, with its epoch wherever it stands.
		{"pkg:rpm/rocky/openssl@1:3.0.7-27.el9", "pkg:rpm/rocky/openssl@3.0.7-27.el9?epoch=1", exact},
		{"pkg:rpm/rocky/openssl@3.0.7-27.el9?epoch=0", "pkg:rpm/rocky/openssl@3.0.7-27.el9", exact},
		{"pkg:rpm/rocky/openssl@3.0.7-27.el9", "pkg:rpm/rocky/openssl@1:3.0.7-27.el9", no},
		{"pkg:rpm/rocky/openssl@3.0.7", "pkg:rpm/rocky/openssl@3.0.7-27.el9", no},
		{"pkg:deb/debian/libssl3@3.0.1-1", "pkg:deb/debian/libssl3@3.0.9-1?upstream=openssl%403.0.1-1", no},
	} {
		a, err := Parse(c.named)
		b, err2 := Parse(c.actual)
		if err != nil || err2 != nil {
			t.Fatal(c.named, err, c.actual, err2)
		}
		got := no
		if ok, is := a.Covers(b); is {
			got = exact
		} else if ok {
			got = any
		}
		if got != c.want {
			t.Errorf("%s covers %s: %s, want %s", c.named, c.actual, got, c.want)
		}
	}
}

// TestCoversIsSymmetric: with both versions given, who is named first makes no difference.
func TestCoversIsSymmetric(t *testing.T) {
	t.Parallel()
	list := []string{
		"pkg:deb/ubuntu/libssl3@3.0.2?distro=jammy", "pkg:deb/ubuntu/libssl3@3.0.2?distro=ubuntu-22.04", "pkg:deb/ubuntu/libssl3@3.0.2?distro=focal",
		"pkg:rpm/rocky/openssl@1:3-2", "pkg:rpm/rocky/openssl@3-2?epoch=1", "pkg:rpm/rocky/openssl@3-2", "pkg:pypi/a_b@1.0", "pkg:pypi/a-b@1",
		"pkg:golang/golang.org%2Fx%2Ftext@0.3.7", "pkg:golang/golang.org/x/text@v0.3.7", "pkg:cargo/x@1.0.0%2Ba", "pkg:cargo/x@1.0.0",
	}
	for _, x := range list {
		for _, y := range list {
			a, _ := Parse(x)
			b, _ := Parse(y)
			one, _ := a.Covers(b)
			two, _ := b.Covers(a)
			if one != two {
				t.Errorf("%s and %s: %v one way, %v the other", x, y, one, two)
			}
		}
	}
}
