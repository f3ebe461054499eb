package osv

import (
	"slices"
	"strings"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// sources maps the first part of an id to the database that issued it, where the
// database is known by another word than that part in lower case.
var sources = map[string]string{
	"ALSA": "almalinux", "ALBA": "almalinux", "ALEA": "almalinux",
	"ASB": "android", "PUB": "android",
	"AZL":  "azurelinux",
	"BELL": "bellsoft", "BIT": "bitnami", "CGA": "chainguard", "CLSA": "tuxcare", "DHI": "docker",
	"DSA": "debian", "DLA": "debian", "DTSA": "debian", "DEBIAN": "debian", "ELA": "debian-elts",
	"ELSA": "oracle", "HSEC": "haskell", "JLSEC": "julia", "KUBE": "kubernetes", "LBSEC": "loopback",
	"MAL": "malicious-packages", "MGASA": "mageia", "MINI": "minimos", "OESA": "openeuler", "OSEC": "ocaml",
	"PHSA": "photon", "RSEC": "r", "RHSA": "redhat", "RHBA": "redhat", "RHEA": "redhat", "RLSA": "rocky", "RXSA": "rocky",
	"UBUNTU": "ubuntu", "USN": "ubuntu", "LSN": "ubuntu", "openSUSE": "suse", "SUSE": "suse",
}

// sourceOf names the database that issued an id.
func sourceOf(id string) string {
	prefix, _, found := strings.Cut(id, "-")
	if !found {
		// Red Hat's and its rebuilds' ids have a colon too, but behind a hyphen.
		return "osv"
	}
	if s, ok := sources[prefix]; ok {
		return s
	}
	if s, ok := sources[strings.ToUpper(prefix)]; ok {
		return s
	}
	return strings.ToLower(prefix)
}

// everybodys are the databases whose ids anybody keeps records under: NVD, a distribution and
// a vendor may each have one called CVE-2024-1, and none of them is a version of another's.
var everybodys = map[string]bool{"cve": true, "cnvd": true, "cnnvd": true, "euvd": true, "jvndb": true, "temp": true}

// source names who keeps the record: the database that issued the id; for an id that is
// everybody's also where the record says it comes from, else what it is about. Versions of a
// record have one source, so that is all of it that does not change from version to version.
func (r *reader) source() string {
	issuer := sourceOf(r.v.ID)
	if !everybodys[issuer] {
		return issuer
	}
	if r.from != "" {
		return issuer + " of " + keeper(r.from)
	}
	var ecosystems []string
	for _, a := range r.v.Affected {
		base, _, _ := strings.Cut(purl.Ecosystem(a.Ecosystem), ":")
		ecosystems = append(ecosystems, base)
	}
	if ecosystems = distinct(ecosystems); len(ecosystems) == 0 {
		return issuer
	}
	return issuer + " of " + strings.Join(ecosystems, ", ")
}

// keeper is the repository or the host of the address that a record gives as its source:
// the path behind it may change.
func keeper(s string) string {
	_, rest, found := strings.Cut(s, "://")
	if !found {
		return strings.ToLower(s)
	}
	host, path, _ := strings.Cut(rest, "/")
	if host = strings.ToLower(host); host != "github.com" && host != "raw.githubusercontent.com" && host != "gitlab.com" {
		return host
	}
	owner, path, _ := strings.Cut(path, "/")
	repository, _, _ := strings.Cut(path, "/")
	if host == "raw.githubusercontent.com" {
		host = "github.com"
	}
	return host + "/" + strings.ToLower(owner+"/"+repository)
}

// advisories are the ids of advisories that may fix several vulnerabilities at once.
var advisories = [...]string{
	"ALSA-", "ALBA-", "ALEA-", "RLSA-", "RXSA-", "RHSA-", "RHBA-", "RHEA-", "DSA-", "DLA-", "DTSA-", "ELA-", "USN-", "LSN-",
	"SUSE-", "openSUSE-", "MGASA-", "ELSA-", "ASB-", "PUB-", "OESA-", "PHSA-", "CLSA-", "BELL-", "ALAS", "FEDORA-",
}

// distributions are the ecosystems whose records speak of vulnerabilities in what the
// distribution packages, not of vulnerabilities of its own.
var distributions = [...]string{
	"AlmaLinux", "Alpaquita", "Alpine", "Amazon Linux", "Android", "Azure Linux", "BellSoft Hardened Containers", "Chainguard",
	"CleanStart", "Debian", "Docker Hardened Images", "Echo", "Fedora", "Mageia", "MinimOS", "openEuler", "openSUSE",
	"Oracle Linux", "Photon OS", "Red Hat", "Rocky Linux", "Root", "SUSE", "TuxCare", "Ubuntu", "Wolfi",
}

// nameRecord sets Source, Names and Aliases.
//
// A distribution's record is named by the vulnerabilities that it is about: the CVEs in
// upstream, else in aliases (Rocky Linux lists there what it fixes), else in related
// (AlmaLinux), else the GitHub advisories in upstream, else itself. Those names are no
// aliases then: one advisory must not make one group of ten CVEs.
func (r *reader) nameRecord() {
	v := &r.v
	v.Source = r.source()
	v.Aliases = slices.DeleteFunc(v.Aliases, func(id string) bool { return id == v.ID })
	v.Names = []string{v.ID}
	if !r.isAdvisory() {
		return
	}
	if embedded := embeddedCVE(v.ID); embedded != "" {
		v.Names = cves(v.Upstream)
		if len(v.Names) == 0 {
			v.Names = []string{embedded}
		}
	} else {
		for _, list := range [...][]string{cves(v.Upstream), cves(v.Aliases), cves(v.Related), withPrefix(v.Upstream, "GHSA-")} {
			if len(list) > 0 {
				v.Names = list
				break
			}
		}
	}
	var moved []string
	v.Aliases = slices.DeleteFunc(v.Aliases, func(id string) bool {
		if slices.Contains(v.Names, id) {
			moved = append(moved, id)
			return true
		}
		return false
	})
	if len(moved) > 0 {
		v.Upstream = distinct(append(v.Upstream, moved...))
	}
	if len(v.Aliases) == 0 {
		v.Aliases = nil
	}
}

func (r *reader) isAdvisory() bool {
	id := r.v.ID
	if normalize.IsCVE(id) {
		return false
	}
	if embeddedCVE(id) != "" {
		return true
	}
	for _, prefix := range advisories {
		if strings.HasPrefix(id, prefix) {
			return true
		}
	}
	for _, a := range r.v.Affected {
		base, _, _ := strings.Cut(a.Ecosystem, ":")
		if !slices.Contains(distributions[:], base) {
			return false
		}
	}
	return len(r.v.Affected) > 0
}

// embeddedCVE is the CVE in an id that is a database's name for one:
// DEBIAN-CVE-2024-1234, ROOT-OS-ALPINE-318-CVE-2024-1234.
func embeddedCVE(id string) string {
	if i := strings.Index(id, "-CVE-"); i > 0 && normalize.IsCVE(id[i+1:]) {
		return id[i+1:]
	}
	return ""
}

func cves(list []string) []string {
	var out []string
	for _, id := range list {
		if normalize.IsCVE(id) {
			out = append(out, id)
		}
	}
	return distinct(out)
}

func withPrefix(list []string, prefix string) []string {
	var out []string
	for _, id := range list {
		if strings.HasPrefix(id, prefix) {
			out = append(out, id)
		}
	}
	return distinct(out)
}
