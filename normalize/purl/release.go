package purl

import "strings"

// normalRelease brings the part of an ecosystem behind the first colon into the
// form that Key uses; "" where it does not matter.
func normalRelease(word, release string) string {
	if release == "" {
		return ""
	}
	switch word {
	case "npm", "PyPI", "Go", "Maven", "crates.io", "NuGet", "RubyGems", "Packagist", "Hex", "Pub", "SwiftURL",
		"GitHub Actions", "Hackage", "CRAN", "Bioconductor", "ConanCenter", "Bitnami", "Julia", "opam", "VSCode",
		"Wolfi", "Chainguard", "MinimOS", "Echo", "CleanStart":
		return ""
	case "Debian":
		return debianRelease(release)
	case "Ubuntu":
		return ubuntuRelease(release)
	case "Alpine":
		return alpineRelease(release)
	case "AlmaLinux", "Rocky Linux", "Fedora", "Mageia":
		return major(release)
	case "Oracle Linux":
		// "8.6", and "ol8_baseos_latest::ol8_baseos_latest" of Oracle's own feed.
		return major(strings.TrimPrefix(strings.ToLower(release), "ol"))
	case "Amazon Linux":
		return amazonRelease(release)
	case "Red Hat":
		return redHatRelease(release)
	case "SUSE":
		return suseRelease(release)
	case "openSUSE":
		release = strings.ToLower(release)
		if strings.HasPrefix(release, "tumbleweed") {
			return "tumbleweed"
		}
		return release
	case "Photon OS":
		// The records say 4.0 and 5.0, /etc/os-release 4.0, Syft 4.
		if n := digits(release); n > 0 {
			return release[:n] + ".0"
		}
	case "Azure Linux":
		return major(release)
	case "openEuler", "Alpaquita", "BellSoft Hardened Containers":
		return strings.ToLower(release)
	}
	return release
}

// major is the digits in front, or the whole in lower case where there are none.
func major(release string) string {
	if n := digits(release); n > 0 {
		return release[:n]
	}
	return strings.ToLower(release)
}

// debianCodenames and ubuntuCodenames also serve purls that name the release by it.
var debianCodenames = map[string]string{
	"etch": "4", "lenny": "5", "squeeze": "6", "wheezy": "7", "jessie": "8", "stretch": "9", "buster": "10",
	"bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14", "duke": "15",
	"unstable": "sid", "testing": "sid",
}

var ubuntuCodenames = map[string]string{
	"precise": "12.04", "trusty": "14.04", "xenial": "16.04", "bionic": "18.04", "focal": "20.04", "jammy": "22.04",
	"noble": "24.04", "resolute": "26.04", "quantal": "12.10", "raring": "13.04", "saucy": "13.10", "utopic": "14.10",
	"vivid": "15.04", "wily": "15.10", "yakkety": "16.10", "zesty": "17.04", "artful": "17.10", "cosmic": "18.10",
	"disco": "19.04", "eoan": "19.10", "groovy": "20.10", "hirsute": "21.04", "impish": "21.10", "kinetic": "22.10",
	"lunar": "23.04", "mantic": "23.10", "oracular": "24.10", "plucky": "25.04", "questing": "25.10",
}

// debianRelease is the major number: 12 for "12", "12.5", "bookworm"; "sid" for what
// is not released, which "trixie/sid" in /etc/debian_version means too.
func debianRelease(r string) string {
	r = strings.ToLower(r)
	if strings.HasSuffix(r, "/sid") {
		return "sid"
	}
	if n := digits(r); n > 0 {
		return r[:n]
	}
	if number, ok := debianCodenames[r]; ok {
		return number
	}
	return r
}

// ubuntuRelease is YY.MM, after what sets a pocket apart: "22.04:LTS" is 22.04,
// "Pro:18.04:LTS" is Pro:18.04.
func ubuntuRelease(r string) string {
	if strings.IndexByte(r, ':') < 0 {
		return ubuntuNumber(r)
	}
	var parts []string
	for part := range strings.SplitSeq(r, ":") {
		switch {
		case part == "" || strings.EqualFold(part, "LTS"):
		case strings.EqualFold(part, "pro"):
			parts = append(parts, "Pro")
		default:
			parts = append(parts, ubuntuNumber(part))
		}
	}
	return strings.Join(parts, ":")
}

func ubuntuNumber(r string) string {
	if number, ok := ubuntuCodenames[strings.ToLower(r)]; ok {
		return number
	}
	if len(r) > 5 && digits(r) == 2 && r[2] == '.' && digits(r[3:]) == 2 {
		return r[:5]
	}
	return r
}

// alpineRelease is v3.18 for "3.18", "v3.18", "3.18.4"; "edge" as it is.
func alpineRelease(r string) string {
	r = strings.TrimPrefix(strings.ToLower(r), "v")
	n := digits(r)
	if n == 0 {
		return r
	}
	if n < len(r) && r[n] == '.' {
		if m := digits(r[n+1:]); m > 0 {
			// 3.21_alpha20240923 is edge on its way to 3.21.
			if strings.Contains(r, "alpha") {
				return "edge"
			}
			return "v" + r[:n+1+m]
		}
	}
	return "v" + r[:n]
}

func amazonRelease(r string) string {
	r = strings.TrimPrefix(strings.ToLower(r), "amazon_linux_")
	n := digits(r)
	switch {
	case n == 0:
		return r
	case strings.HasPrefix(r, "2018."), strings.HasPrefix(r, "2017."):
		return "1"
	}
	return r[:n]
}

// redHatRelease takes the release out of what Red Hat has there, a CPE without its
// first half: "enterprise_linux:9::baseos" is 9. Extended streams have their own fixes
// for a minor release and stay apart ("rhel_aus:8.4"), as do products other than the
// operating system, which are built per major release ("openshift:4.12::el8").
func redHatRelease(r string) string {
	if n := digits(r); n > 0 {
		return r[:n]
	}
	r = strings.ToLower(r)
	product, rest, _ := strings.Cut(r, ":")
	version, _, _ := strings.Cut(rest, ":")
	switch {
	case product == "enterprise_linux" && digits(version) > 0:
		return major(version)
	case strings.HasPrefix(product, "rhel_") && digits(version) > 0 && !strings.Contains(product, "software_collections"):
		return product + ":" + version
	}
	return r
}

// suseRelease is 15.4 for everything that says "Linux Enterprise ... 15 SP4": server,
// desktop, the modules, LTSS. The packages of one service pack are one line of
// versions, and a purl cannot tell which module it came from. Micro is its own line.
func suseRelease(r string) string {
	r = strings.ToLower(r)
	if n := digits(r); n == 0 && !strings.Contains(r, "linux enterprise") {
		return r
	}
	number := strings.IndexAny(r, "0123456789")
	if number < 0 {
		return r
	}
	n := digits(r[number:])
	out, rest := r[number:number+n], r[number+n:]
	if strings.HasPrefix(rest, ".") {
		if m := digits(rest[1:]); m > 0 && rest[1:1+m] != "0" {
			out += rest[:1+m]
		}
	} else if rest = strings.TrimLeft(rest, " -_"); strings.HasPrefix(rest, "sp") {
		if m := digits(rest[2:]); m > 0 {
			out += "." + rest[2:2+m]
		}
	}
	if strings.Contains(r, "micro") {
		return "micro " + out
	}
	return out
}
