package purl

import (
	"cmp"
	"strings"
)

// family is a distribution: who makes the packages.
type family struct {
	word string // OSV's word, or one of the same shape
	// rolling distributions have one line of versions and no releases.
	rolling bool
	// source is true where the records name source packages. Those of AlmaLinux and
	// Red Hat name each binary package.
	source bool
}

var (
	debian     = &family{word: "Debian", source: true}
	ubuntu     = &family{word: "Ubuntu", source: true}
	echo       = &family{word: "Echo", source: true, rolling: true}
	alpine     = &family{word: "Alpine", source: true}
	alpaquita  = &family{word: "Alpaquita", source: true}
	bellsoft   = &family{word: "BellSoft Hardened Containers", source: true}
	wolfi      = &family{word: "Wolfi", source: true, rolling: true}
	chainguard = &family{word: "Chainguard", source: true, rolling: true}
	minimos    = &family{word: "MinimOS", source: true, rolling: true}
	cleanstart = &family{word: "CleanStart", source: true, rolling: true}
	almalinux  = &family{word: "AlmaLinux"}
	rocky      = &family{word: "Rocky Linux", source: true}
	redhat     = &family{word: "Red Hat"}
	oracle     = &family{word: "Oracle Linux"}
	amazon     = &family{word: "Amazon Linux"}
	fedora     = &family{word: "Fedora"}
	suse       = &family{word: "SUSE", source: true}
	opensuse   = &family{word: "openSUSE", source: true}
	mageia     = &family{word: "Mageia", source: true}
	openeuler  = &family{word: "openEuler", source: true}
	photon     = &family{word: "Photon OS"}
	azure      = &family{word: "Azure Linux", source: true}
)

// families maps what purls write, as namespace or in front of the release in the
// distro qualifier. CentOS has no records of its own; its packages are rebuilds of
// Red Hat's with the same versions, which is how other matchers treat them too.
var families = map[string]*family{
	"debian": debian, "raspbian": debian, "ubuntu": ubuntu, "echo": echo,
	"alpine": alpine, "alpaquita": alpaquita, "bellsoft-hardened-containers": bellsoft,
	"wolfi": wolfi, "chainguard": chainguard, "minimos": minimos, "minimus": minimos, "cleanstart": cleanstart,
	"almalinux": almalinux, "alma": almalinux,
	"rocky": rocky, "rockylinux": rocky, "rocky-linux": rocky, "rocky linux": rocky,
	"redhat": redhat, "rhel": redhat, "red hat": redhat, "centos": redhat, "redhatenterpriselinux": redhat,
	"red hat enterprise linux": redhat,
	"ol":                       oracle, "oracle": oracle, "oraclelinux": oracle, "oracle linux": oracle, "oracle linux server": oracle,
	"amzn": amazon, "amazon": amazon, "amazonlinux": amazon, "amazon linux": amazon,
	"fedora": fedora,
	"suse":   suse, "sles": suse, "sled": suse, "sle": suse, "sles_sap": suse, "suse linux enterprise server": suse,
	"sle-micro": suse, "slem": suse, "suse linux enterprise micro": suse,
	"opensuse": opensuse, "opensuse-leap": opensuse, "opensuse.leap": opensuse, "opensuse leap": opensuse,
	"opensuse-tumbleweed": opensuse, "opensuse.tumbleweed": opensuse, "opensuse tumbleweed": opensuse,
	"mageia": mageia, "openeuler": openeuler,
	"photon": photon, "photon os": photon, "vmware photon": photon, "vmware photon os": photon,
	"azurelinux": azure, "mariner": azure, "cbl-mariner": azure, "azure linux": azure, "microsoft azure linux": azure,
	"common base linux mariner": azure,
	// Names of operating-system components, as /etc/os-release has them.
	"debian gnu/linux": debian, "ubuntu linux": ubuntu, "alpine linux": alpine, "alma linux": almalinux,
	"red hat enterprise linux server": redhat, "centos linux": redhat, "centos stream": redhat, "centos-stream": redhat,
	"fedora linux": fedora, "amazon linux ami": amazon, "sles for sap": suse, "wolfi os": wolfi,
}

// deriveDistro sets ecosystem, name and version of a distribution's package. It
// reports false, with the Reason set, where the distribution is not known.
func (p *Package) deriveDistro() bool {
	f := families[lower(p.Namespace)]
	if p.Type == "alpine" {
		f = alpine
	}
	named, release, text := parseDistro(p.Qualifiers["distro"])
	if f == nil || named != nil && f == suse && named == opensuse {
		f = named
	}
	if f == nil && p.Namespace != "" && p.Qualifiers["distro"] == "" {
		// pkg:rpm/photon-4/..., pkg:rpm/opensuse-leap-15.5/...
		f, release, text = parseDistro(p.Namespace)
		named = f
	}
	p.MatchName, p.MatchVersion = p.Name, p.Version
	if f == nil {
		p.Reason = ReasonUnknownDistro
		return false
	}
	// A release of another distribution says nothing about this one.
	if named != nil && named != f {
		release, text = "", ""
	}
	if release == "" {
		release = releaseFromVersion(f, p.Version)
	}
	if release == "" {
		release = releaseFromModule(f, cmp.Or(p.Qualifiers["rpmmod"], p.Qualifiers["modularitylabel"]))
	}
	p.nameSource(f)
	p.Ecosystem = f.ecosystem(release, text)
	p.Key = Key(p.Ecosystem, p.MatchName)
	if !f.rolling && p.Ecosystem == f.word {
		p.Reason = ReasonUnknownDistro
		return false
	}
	return true
}

// nameSource sets the name and the version that the records of f use. The epoch beside a
// binary is the binary's: it is no part of a source version that is given by itself.
func (p *Package) nameSource(f *family) {
	own := withEpoch(p.Version, p.Qualifiers["epoch"], p.Type)
	p.MatchVersion = own
	// Some list several, comma-separated; the first is the source.
	upstream, _, _ := strings.Cut(p.Qualifiers["upstream"], ",")
	if upstream == "" || p.Type == "rpm" && !f.source {
		return
	}
	name, ver := sourceRPM(strings.TrimSpace(upstream))
	if name == "" {
		return
	}
	p.MatchName, p.MatchedBy = name, ByUpstream
	switch {
	case ver == "":
		// It has the version of what is built from it, unless somebody says otherwise.
	case strings.HasSuffix(upstream, ".rpm"):
		// The name of an rpm file leaves the epoch out. Of one and the same version it is that
		// of the binary; of another one nobody knows it.
		if _, rest, found := strings.Cut(own, ":"); !found || rest != ver {
			p.MatchVersion = ver
		}
	default:
		p.MatchVersion = ver
	}
}

// withEpoch puts the epoch of a qualifier in front of a version that has none.
func withEpoch(v, epoch, typ string) string {
	if epoch == "" || v == "" || digits(epoch) != len(epoch) || typ == "apk" || typ == "alpine" || strings.IndexByte(v, ':') >= 0 {
		return v
	}
	return epoch + ":" + v
}

// sourceRPM takes the name of a source package out of its file name:
// curl-7.61.1-22.el8.src.rpm is curl at 7.61.1-22.el8. A bare name is a name.
func sourceRPM(s string) (name, ver string) {
	stem, isFile := strings.CutSuffix(s, ".rpm")
	if !isFile {
		name, ver, _ = strings.Cut(s, "@")
		return strings.TrimSpace(name), strings.TrimSpace(ver)
	}
	if i := strings.LastIndexByte(stem, '.'); i > 0 { // .src, .nosrc
		stem = stem[:i]
	}
	i := strings.LastIndexByte(stem, '-')
	if i <= 0 {
		return "", ""
	}
	j := strings.LastIndexByte(stem[:i], '-')
	if j <= 0 {
		return "", ""
	}
	return stem[:j], stem[j+1:]
}

// parseDistro splits a distro qualifier into the distribution and the release. The
// qualifier has no agreed form: debian-12, bookworm, 3.20.3, rhel-9.4, el9,
// opensuse-leap-15.5, centos-7.6.1810. text is what stood where the distribution is.
func parseDistro(q string) (f *family, release, text string) {
	if q == "" || len(q) > 200 {
		return nil, "", ""
	}
	q = lower(q)
	if debianCodenames[q] != "" || q == "sid" || strings.HasSuffix(q, "/sid") {
		return debian, q, ""
	}
	if ubuntuCodenames[q] != "" {
		return ubuntu, q, ""
	}
	if f := families[q]; f != nil {
		return f, "", q
	}
	if strings.HasPrefix(q, "el") && digits(q[2:]) > 0 {
		return nil, q[2:], ""
	}
	// The longest known name in front of a separator or a digit.
	for i := len(q) - 1; i > 0; i-- {
		switch c := q[i]; {
		case c == '-' || c == ':' || c == ' ' || c == '_' || c == '@' || c == '/':
			if f := families[q[:i]]; f != nil {
				return f, strings.TrimLeft(q[i+1:], "-: "), q[:i]
			}
		case c >= '0' && c <= '9' && (q[i-1] < '0' || q[i-1] > '9'):
			if f := families[q[:i]]; f != nil {
				return f, q[i:], q[:i]
			}
		}
	}
	if c := q[0]; c >= '0' && c <= '9' || c == 'v' && len(q) > 1 && digits(q[1:]) > 0 || q == "edge" {
		return nil, q, ""
	}
	return nil, "", ""
}

// ecosystem is OSV's word for a release of f; the bare word where it has none.
func (f *family) ecosystem(release, text string) string {
	switch {
	case f.rolling:
		return f.word
	case f == opensuse && strings.Contains(text+release, "tumbleweed"):
		return "openSUSE:Tumbleweed"
	case f == opensuse && release != "":
		return "openSUSE:Leap " + strings.TrimPrefix(release, "leap-")
	case f == suse && release != "":
		if strings.Contains(text, "micro") || text == "slem" {
			return "SUSE:Linux Enterprise Micro " + release
		}
		number, pack, found := strings.Cut(suseRelease(release), ".")
		if found {
			return "SUSE:Linux Enterprise Server " + number + " SP" + pack
		}
		return "SUSE:Linux Enterprise Server " + number
	case release == "":
		return f.word
	}
	if f == ubuntu {
		if pro, found := strings.CutPrefix(release, "pro-"); found {
			release = "pro:" + pro
		}
	}
	release = normalRelease(f.word, release)
	switch f {
	case debian, alpine, ubuntu:
		// Only numbers and the names of what is never released are releases.
		if release != "sid" && release != "edge" && !strings.ContainsAny(release, "0123456789") {
			return f.word
		}
	}
	return f.word + ":" + release
}

// releaseFromVersion finds the release in the version of the package, where
// distributions put it: 1.2-3.el9_4, 7.50-1.fc25, 2.36-9+deb12u4, 1.1.1f-1ubuntu2.22.04.1.
func releaseFromVersion(f *family, v string) string {
	after := func(mark string) string {
		if i := strings.LastIndex(v, mark); i >= 0 {
			rest := v[i+len(mark):]
			return rest[:digits(rest)]
		}
		return ""
	}
	switch f {
	case redhat, almalinux, rocky, oracle:
		return behind(v, "el")
	case fedora:
		return cmp.Or(behind(v, "fc"), behind(v, "module_f"), behind(v, "module+f"))
	case amazon:
		return after(".amzn")
	case mageia:
		return after(".mga")
	case photon:
		return after(".ph")
	case azure:
		if r := after(".azl"); r != "" {
			return r
		}
		return after(".cm")
	case debian:
		if i := strings.LastIndex(v, "deb"); i > 0 && (v[i-1] == '+' || v[i-1] == '~') {
			rest := v[i+3:]
			if n := digits(rest); n > 0 && n < len(rest) && rest[n] == 'u' {
				return rest[:n]
			}
		}
	case ubuntu:
		return ubuntuFromVersion(v)
	}
	return ""
}

// behind returns the digits behind the last mark that starts a word of v, wherever the word
// stands: 22.el8_4 and 1.module+el8.5.0+826 and 1.module_el8.5.0+826 all say 8.
func behind(v, mark string) string {
	for i := strings.LastIndex(v, mark); i >= 0; i = strings.LastIndex(v[:i], mark) {
		rest := v[i+len(mark):]
		n := digits(rest)
		if n == 0 || i == 0 || isLetterOrDigit(v[i-1]) {
			continue
		}
		// A commit may look like fc39ab; nothing else has an l in it.
		if n == len(rest) || mark == "el" || !isLetterOrDigit(rest[n]) {
			return rest[:n]
		}
	}
	return ""
}

func isLetterOrDigit(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// releaseFromModule finds the release in the label of an rpm module: in
// postgresql:12:8050020211018..., the third part is a time behind the release of the
// platform, with two digits each for what comes after its first point.
func releaseFromModule(f *family, label string) string {
	parts := strings.Split(label, ":")
	const stamp = len("20211018161123")
	if len(parts) < 3 || digits(parts[2]) != len(parts[2]) || len(parts[2]) <= stamp {
		return ""
	}
	platform := parts[2][:len(parts[2])-stamp]
	switch f {
	case redhat, almalinux, rocky, oracle:
		if len(platform) > 4 {
			return platform[:len(platform)-4]
		}
	case fedora:
		if len(platform) == 2 {
			return platform
		}
	}
	return ""
}

// Distro is the value of a distro qualifier for an operating system that a document names
// ("Debian GNU/Linux", "12 (bookworm)"), and the ecosystem that it means. ok is false where
// it is none that records are kept for, or says no release.
func Distro(name, version string) (qualifier, ecosystem string, ok bool) {
	name, version = strings.TrimSpace(name), strings.TrimSpace(version)
	text := lower(name)
	if version != "" {
		text += "-" + lower(version)
	}
	f, release, word := parseDistro(text)
	if f == nil {
		return "", "", false
	}
	ecosystem = f.ecosystem(release, word)
	if !f.rolling && ecosystem == f.word {
		return "", "", false
	}
	if !strings.ContainsAny(text, " /()") {
		return text, ecosystem, true
	}
	// Words and remarks: the release as records have it says the same.
	id := strings.ReplaceAll(word, " ", "-")
	if short, known := shortNames[f]; known {
		id = short
	}
	if f == opensuse && strings.Contains(text, "leap") {
		id = "opensuse-leap"
	}
	if f.rolling || release == "" {
		return id, ecosystem, true
	}
	number, _, _ := strings.Cut(release, " ")
	if qualifier = id + "-" + number; qualifierMeans(qualifier) != ecosystem {
		qualifier = text
	}
	return qualifier, ecosystem, true
}

func qualifierMeans(q string) string {
	f, release, text := parseDistro(q)
	if f == nil {
		return ""
	}
	return f.ecosystem(release, text)
}

// shortNames are the ids of distributions in /etc/os-release.
var shortNames = map[*family]string{
	debian: "debian", ubuntu: "ubuntu", alpine: "alpine", wolfi: "wolfi", chainguard: "chainguard", almalinux: "almalinux",
	rocky: "rocky", redhat: "rhel", oracle: "ol", amazon: "amzn", fedora: "fedora", suse: "sles", photon: "photon",
	azure: "azurelinux", mageia: "mageia", openeuler: "openeuler",
}

// ubuntuFromVersion finds YY.MM behind "ubuntu0." or "~", as security updates have it.
func ubuntuFromVersion(v string) string {
	for i := strings.LastIndexAny(v, "~u"); i >= 0; i = strings.LastIndexAny(v[:i], "~u") {
		rest := v[i+1:]
		if v[i] == 'u' {
			if !strings.HasSuffix(v[:i+1], "ubuntu") {
				continue
			}
			n := digits(rest)
			if n == 0 || n == len(rest) || rest[n] != '.' {
				continue
			}
			rest = rest[n+1:]
		}
		if len(rest) >= 5 && digits(rest) == 2 && rest[2] == '.' && digits(rest[3:]) == 2 && rest[:2] >= "12" &&
			(rest[3:5] == "04" || rest[3:5] == "10") {
			return rest[:5]
		}
	}
	return ""
}
