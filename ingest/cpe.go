package ingest

import (
	"strings"

	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/cpe"
	"sluice/normalize/purl"
)

// packageKey says that a package is looked up by a CPE, too. What is known of one purl by several
// components, in however many documents, adds up: no order of imports makes a difference.
type packageKey struct {
	id  id.ID // of this, for the cache of what is stored
	pkg id.ID
	key string
}

// addCPE adds the keys of a CPE that a component gives beside its purl, or alone.
func (inv *inventory) addCPE(tenant, pkg id.ID, text string, seen map[id.ID]bool) {
	if text == "" {
		return
	}
	for _, key := range cpe.Keys(text) {
		k := packageKey{id.Derive(tenant, "package key", string(pkg[:]), key), pkg, key}
		if !seen[k.id] {
			seen[k.id] = true
			inv.cpes = append(inv.cpes, k)
		}
	}
}

// cpePackage is the package of a component that has no purl and a CPE: it has a purl that nobody
// wrote, with the component's own name and version, and the CPE as a qualifier. No record
// names it by that: it is found by its CPE or not at all, and it stays an unknown. ok is false where the CPE names
// no product, and where the purl would be too long.
func cpePackage(tenant id.ID, c normalize.Component) (p Package, ok bool) {
	n, ok := cpe.Parse(c.CPE)
	if !ok {
		return p, false
	}
	name, version := joinName(c.Group, c.Name), c.Version
	if name == "" {
		name = n.Vendor + "/" + n.Product
	}
	if release := n.Release(); release != "" {
		version = release
	}
	var b strings.Builder
	b.WriteString("pkg:generic")
	for part := range strings.SplitSeq(name, "/") {
		b.WriteString("/" + escaped(part))
	}
	if version != "" {
		b.WriteString("@" + escaped(version))
	}
	b.WriteString("?cpe=" + escaped(strings.TrimSpace(clean(c.CPE))))
	parsed, err := purl.Parse(b.String())
	if err != nil || len(parsed.Purl) > purl.MaxLength || parsed.Reason == purl.ReasonInvalidPurl {
		return p, false
	}
	return NewPackage(tenant, parsed), true
}

// escaped is a part of a purl: bytes that could mean something are written as %XX.
func escaped(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~:", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
