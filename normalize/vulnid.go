package normalize

import "strings"

// lowerID are the databases whose ids have lower case behind the first part, and upperID
// those that are upper case throughout; both by that part in lower case. openSUSE's own
// spelling is neither.
var (
	lowerID = map[string]string{"ghsa": "GHSA", "cga": "CGA", "mini": "MINI", "echo": "ECHO", "bit": "BIT"}
	upperID = wordSet("cve", "cnvd", "cnnvd", "euvd", "gsd", "go", "pysec", "psf", "rustsec", "osv", "mal", "hsec", "rsec", "jlsec", "osec", "lbsec",
		"dsa", "dla", "dtsa", "ela", "debian", "temp", "usn", "lsn", "ubuntu", "alpine", "rhsa", "rhba", "rhea", "alsa", "alba", "alea",
		"rlsa", "rlba", "rlea", "rxsa", "elsa", "elba", "alas", "alas2", "alas2023", "fedora", "suse", "mgasa", "oesa", "phsa", "azl", "clsa", "glsa",
		"curl", "asb", "pub", "kube", "jvndb", "zdi", "snyk", "nswg", "drupal", "eef")
)

func wordSet(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, w := range list {
		m[w] = true
	}
	return m
}

// MaxID is how long the id of a vulnerability may be, in bytes: two of them and more fit
// into a row of an index (2,704 bytes). An id is never cut: two long ones that begin alike
// are two.
const MaxID = 1000

// VulnID is the one spelling of the id of a vulnerability or an advisory. Everything that
// names one goes through it, on its way in and in questions: records, aliases, statements,
// decisions, filters. The ids of databases that are known are told apart without case
// (cve-2024-1 is CVE-2024-1, ghsa-AAAA-bbbb-cccc is GHSA-aaaa-bbbb-cccc), those of others
// are kept as they are.
func VulnID(id string) string {
	id = strings.TrimSpace(id)
	database, rest, found := strings.Cut(id, "-")
	if !found {
		return id
	}
	word := strings.ToLower(database)
	switch prefix, isLower := lowerID[word]; {
	case isLower:
		database, rest = prefix, strings.ToLower(rest)
		if word == "bit" {
			// Bitnami's, with a CVE in it: BIT-nginx-2024-7347, BIT-CVE-2024-1.
			if cve := strings.Index(rest, "cve-"); cve == 0 || cve > 0 && rest[cve-1] == '-' {
				rest = rest[:cve] + strings.ToUpper(rest[cve:])
			}
		}
	case upperID[word]:
		database, rest = strings.ToUpper(database), strings.ToUpper(rest)
	case word == "opensuse":
		database, rest = "openSUSE", strings.ToUpper(rest)
	default:
		return id
	}
	if len(id) == len(database)+1+len(rest) && id[:len(database)] == database && id[len(database)+1:] == rest {
		return id
	}
	return database + "-" + rest
}

// IsCVE reports whether id, as VulnID writes it, is that of a CVE: CVE-, a year, a number.
func IsCVE(id string) bool {
	rest, found := strings.CutPrefix(id, "CVE-")
	year, number, hyphen := strings.Cut(rest, "-")
	return found && hyphen && len(year) == 4 && isDigits(year) && isDigits(number)
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
