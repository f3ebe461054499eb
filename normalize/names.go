package normalize

import (
	"slices"
	"strings"
)

// maxNames is how many ids one statement may give. Real ones give a handful; each may become
// a statement, and each is compared with each.
const maxNames = 256

// AddStatement adds a statement under the vulnerability, or the vulnerabilities, that it
// names, in their one spelling (VulnID). Of the ids of a statement at most one is a CVE;
// where they are several, what they name is an advisory, and the statement is about each of
// them and makes none of them another name of the next: a verdict about one CVE must never
// hide another.
func (d *Document) AddStatement(s Statement) {
	names, cves := d.names(&s)
	switch {
	case len(names) == 0:
	case cves <= 1:
		s.VulnID, s.Aliases = names[0], nil
		if len(names) > 1 {
			s.Aliases = names[1:]
		}
		d.Statements = append(d.Statements, s)
	default:
		s.Aliases = nil
		for _, name := range names {
			s.VulnID = name
			d.Statements = append(d.Statements, s)
		}
	}
}

// names are the distinct ids of a statement, its own first, and how many of them are CVEs.
func (d *Document) names(s *Statement) (names []string, cves int) {
	for i := -1; i < len(s.Aliases); i++ {
		id := s.VulnID
		if i >= 0 {
			id = s.Aliases[i]
		}
		id = VulnID(id)
		switch {
		case len(id) > MaxID:
			d.Warn("bad-id", s.Pointer, "the id %.60q… of a vulnerability is longer than %d bytes; it is not used", id, MaxID)
			if i < 0 {
				return nil, 0
			}
			continue
		case id == "" || slices.Contains(names, id):
			continue
		case len(names) == maxNames:
			d.Warn("too-many-ids", s.Pointer, "the statement gives more than %d ids of vulnerabilities; the rest is not used", maxNames)
			return names, cves
		}
		names = append(names, id)
		if isCVE(id) {
			cves++
		}
	}
	return names, cves
}

// SettleAliases takes back the aliases that the document gives to several CVEs: they name an
// advisory about all of them. It is called when all statements are there.
func (d *Document) SettleAliases() {
	cveOf := map[string]string{} // of other ids; "" where they are several
	for i := range d.Statements {
		s := &d.Statements[i]
		if len(s.Aliases) == 0 {
			continue
		}
		cve := s.cve()
		if cve == "" {
			continue
		}
		for _, id := range append([]string{s.VulnID}, s.Aliases...) {
			if isCVE(id) {
				continue
			}
			if have, ok := cveOf[id]; !ok {
				cveOf[id] = cve
			} else if have != cve {
				cveOf[id] = ""
			}
		}
	}
	if len(cveOf) == 0 {
		return
	}
	several := func(id string) bool {
		cve, ok := cveOf[id]
		return ok && cve == ""
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		if len(s.Aliases) == 0 {
			continue
		}
		cve := s.cve()
		if several(s.VulnID) && cve != "" {
			s.VulnID = cve
		}
		var kept []string
		for _, id := range s.Aliases {
			if id != s.VulnID && !several(id) {
				kept = append(kept, id)
			}
		}
		s.Aliases = kept
	}
}

// cve is the CVE among the ids of a statement, "" where there is none.
func (s *Statement) cve() string {
	if isCVE(s.VulnID) {
		return s.VulnID
	}
	for _, id := range s.Aliases {
		if isCVE(id) {
			return id
		}
	}
	return ""
}

func isCVE(id string) bool { return strings.HasPrefix(id, "CVE-") }
