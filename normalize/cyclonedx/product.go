package cyclonedx

import (
	"fmt"
	"net/url"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/bomlink"
	"sluice/normalize/purl"
	"sluice/normalize/version"
)

// product says what a reference of a vulnerability is about.
func (b *bom) product(ref, pointer string) normalize.Product {
	p, code, why := b.resolve(ref)
	switch {
	case code == "":
	case why == "":
		b.doc.Warn(code, pointer, "no component has the bom-ref %.200q; it is taken for the package of that name inside of what the document describes", ref)
	default:
		b.doc.Warn(code, pointer, "%.200q %s; the statement is about nothing", ref, why)
		return normalize.Product{ID: ref}.AboutNothing(fmt.Sprintf("%.60q %s", ref, why))
	}
	return p
}

// resolve finds what a reference means: something in this document, something in another
// BOM, or in a document that describes nothing a package wherever it is. Code is that of a
// warning, why says that nobody can tell what is meant.
func (b *bom) resolve(ref string) (p normalize.Product, code, why string) {
	if p, why, ok := b.localProduct(ref); ok {
		if why != "" {
			return p, "unreadable-product", why
		}
		return p, "", ""
	}
	if bomlink.Is(ref) {
		return b.linkedProduct(ref)
	}
	if !purl.Is(ref) {
		return p, "dangling-ref", "is the bom-ref of no component"
	}
	if problem := purl.Unreadable(ref); problem != "" {
		return p, "unreadable-product", problem
	}
	if !b.hasMain && len(b.doc.Components) == 0 {
		return normalize.Product{ID: ref, Purl: ref}, "", ""
	}
	// The document describes something, and speaks of nothing else: of that product in this
	// or another version, or of a package inside of it.
	if b.hasMain && sameName(ref, b.doc.Subject.Purl) {
		return normalize.Product{ID: ref, Purl: ref}, "", ""
	}
	p = b.mainProduct()
	p.ID, p.Subcomponent, p.SubcomponentID = ref, ref, ref
	if !b.hasPurl(ref) {
		code = "dangling-ref"
	}
	return p, code, ""
}

// localProduct finds what ref names inside this document: the main component or another
// one inside of it. Without a main component that is inside of the artifact that the
// document is about, whatever it is. Why says that it is there and no use.
func (b *bom) localProduct(ref string) (p normalize.Product, why string, ok bool) {
	if ref == "" {
		return p, "", false
	}
	index, isPart := b.refs[ref]
	switch isMain := b.hasMain && ref == b.main; {
	case b.doubtful[ref], isMain && isPart && (index == noComponent || b.doc.Components[index].Purl != b.doc.Subject.Purl):
		return p, "is the bom-ref of different components", true
	case isMain:
		return b.mainProduct(), "", true
	case !isPart:
		return p, "", false
	case index == noComponent:
		return p, "is the bom-ref of a service or a tool, not of a component", true
	}
	c := &b.doc.Components[index]
	if c.Purl == "" {
		return p, "is a component without a purl, which no vulnerability is found in", true
	}
	if problem := purl.Unreadable(c.Purl); problem != "" {
		return p, "is a component whose purl " + problem, true
	}
	p = b.mainProduct()
	p.ID, p.Subcomponent, p.SubcomponentID = ref, c.Purl, ref
	return p, "", true
}

// mainProduct is what the document describes: its main component, if it has one.
func (b *bom) mainProduct() normalize.Product {
	s := b.doc.Subject
	p := normalize.Product{ID: b.main, Name: s.Name, Version: s.Version, InDocument: true}
	if purl.Unreadable(s.Purl) == "" {
		p.Purl = s.Purl
	}
	return p
}

// linkedProduct reads a BOM-Link: a component of another BOM, or the whole of one.
func (b *bom) linkedProduct(ref string) (p normalize.Product, code, why string) {
	serial, part, err := bomlink.Parse(ref)
	if err != nil {
		return p, "invalid-bom-link", err.Error()
	}
	if serial == bomlink.Serial(b.doc.ID) && (b.hasMain || len(b.doc.Components) > 0) {
		// A link to the very document that it stands in.
		if part == "" {
			return b.mainProduct(), "", ""
		}
		p, why, ok := b.localProduct(part)
		switch {
		case !ok:
			return p, "dangling-ref", "is a link to this document, in which nothing has that bom-ref"
		case why != "":
			return p, "unreadable-product", why
		}
		return p, "", ""
	}
	p = normalize.Product{ID: ref, BOMSerial: serial, BOMRef: part}
	if purl.Is(part) && purl.Unreadable(part) == "" {
		p.Subcomponent = part
	}
	return p, "", ""
}

// hasPurl reports whether a component has this purl.
func (b *bom) hasPurl(s string) bool {
	if b.purls == nil {
		b.purls = make(map[string]struct{}, len(b.doc.Components))
		for i := range b.doc.Components {
			b.purls[b.doc.Components[i].Purl] = struct{}{}
		}
	}
	_, ok := b.purls[s]
	return ok
}

// sameName reports whether two purls name the same thing, in whatever version.
func sameName(a, b string) bool {
	p, err := purl.Parse(a)
	q, err2 := purl.Parse(b)
	return err == nil && err2 == nil && purl.SameName(p, q)
}

// atVersion narrows a product to one of its versions.
func atVersion(p normalize.Product, v, subjectVersion string) normalize.Product {
	switch {
	case p.Unreadable != "":
		return p
	case p.BOMSerial != "":
		// The link leads to a component that has a version there.
		p.VersionRange = version.Exactly(scheme(p.Subcomponent), v)
	case p.Subcomponent != "":
		p.Subcomponent = setPurlVersion(p.Subcomponent, v)
		return p
	case p.InDocument:
		// The list may name versions that are not the one the document describes.
		// The range says which, whatever purl the artifact gets.
		p.VersionRange = version.Exactly(scheme(p.Purl), v)
		if p.Purl != "" {
			p.Purl = setPurlVersion(p.Purl, v)
			p.InDocument = subjectVersion == "" || subjectVersion == v
		}
	default:
		p.Purl = setPurlVersion(p.Purl, v)
	}
	p.Version = v
	return p
}

// inRange narrows a product to a range of its versions, which is VERS or one of the ways
// in which people write one.
func inRange(p normalize.Product, text string) (normalize.Product, error) {
	if p.Unreadable != "" {
		return p, nil
	}
	named := p.Subcomponent
	if named == "" {
		named = p.Purl
	}
	versions, err := version.Range(scheme(named), text)
	if err != nil {
		return p, err
	}
	p.VersionRange = versions
	switch {
	case p.BOMSerial != "":
	case p.Subcomponent != "":
		p.Subcomponent = setPurlVersion(p.Subcomponent, "")
	default:
		p.Version = ""
		if p.Purl != "" {
			p.Purl = setPurlVersion(p.Purl, "")
		}
	}
	return p, nil
}

// scheme is the VERS type of a purl's versions.
func scheme(of string) string {
	if purl.Is(of) {
		if typ, _, ok := strings.Cut(strings.TrimLeft(of[len("pkg:"):], "/"), "/"); ok {
			return strings.ToLower(typ)
		}
	}
	return ""
}

// setPurlVersion replaces the version of a purl; "" removes it.
func setPurlVersion(of, version string) string {
	end := len(of)
	if i := strings.IndexAny(of, "?#"); i >= 0 {
		end = i
	}
	path, rest := of[:end], of[end:]
	// The @ of the version follows the name. One after a slash is a scope that
	// should have been escaped: pkg:npm/@babel/core@7.0.0.
	for i := 1; i < len(path); i++ {
		if path[i] == '@' && path[i-1] != '/' {
			path = path[:i]
			break
		}
	}
	if version != "" {
		path += "@" + strings.ReplaceAll(escape(version), "%3A", ":")
	}
	return path + rest
}

// escape percent-encodes everything that could be an operator or a separator.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
