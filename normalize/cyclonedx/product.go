package cyclonedx

import (
	"net/url"
	"strings"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// bomLinkPrefix starts a BOM-Link: urn:cdx:SERIAL/VERSION#BOM-REF.
const bomLinkPrefix = "urn:cdx:"

// product says what a reference of a vulnerability is about.
func (b *bom) product(ref, pointer string) normalize.Product {
	if p, ok := b.localProduct(ref); ok {
		return p
	}
	if strings.HasPrefix(ref, bomLinkPrefix) {
		return b.linkedProduct(ref, pointer)
	}
	if purl.Is(ref) {
		return normalize.Product{ID: ref, Purl: ref}
	}
	b.doc.Warn("dangling-ref", pointer, "no component has the bom-ref %.200q", ref)
	return normalize.Product{ID: ref}
}

// localProduct finds what ref names inside this document.
func (b *bom) localProduct(ref string) (normalize.Product, bool) {
	if b.hasMain && ref == b.main && ref != "" {
		return b.mainProduct(), true
	}
	index, ok := b.refs[ref]
	if !ok || index == noComponent {
		return normalize.Product{}, false
	}
	c := &b.doc.Components[index]
	if !b.hasMain {
		return normalize.Product{ID: ref, Purl: c.Purl, CPE: c.CPE, Name: c.Name, Version: c.Version}, true
	}
	// The statement is about this component inside the main one. SubcomponentID
	// keeps it narrow where the component has no purl.
	p := b.mainProduct()
	p.ID, p.Subcomponent, p.SubcomponentID = ref, c.Purl, ref
	return p, true
}

// mainProduct is the document's main component.
func (b *bom) mainProduct() normalize.Product {
	s := b.doc.Subject
	return normalize.Product{ID: b.main, Purl: s.Purl, Name: s.Name, Version: s.Version, InDocument: true}
}

// linkedProduct reads a BOM-Link: a component of another BOM, or the whole of one.
func (b *bom) linkedProduct(ref, pointer string) normalize.Product {
	link, fragment, _ := strings.Cut(ref[len(bomLinkPrefix):], "#")
	serial, _, _ := strings.Cut(link, "/")
	serial = bareSerial(serial)
	if serial == "" {
		b.doc.Warn("invalid-bom-link", pointer, "%.200q names no BOM: write urn:cdx:SERIAL/VERSION#BOM-REF", ref)
		return normalize.Product{ID: ref}
	}
	fragment = linkedRef(fragment)
	if serial == bareSerial(b.doc.ID) {
		// A link to the very document that it stands in.
		if p, ok := b.localProduct(fragment); ok {
			return p
		}
	}
	p := normalize.Product{ID: ref, BOMSerial: serial, BOMRef: fragment}
	if purl.Is(fragment) {
		p.Subcomponent = fragment
	}
	return p
}

// linkedRef is the bom-ref in the fragment of a BOM-Link. It should be escaped,
// but a purl is often put there as it is: unescaping its own %40 would make
// another purl of it. One that was escaped shows it by %3A or %25.
func linkedRef(fragment string) string {
	if purl.Is(fragment) && !strings.Contains(fragment, "%25") {
		return fragment
	}
	if ref, err := url.PathUnescape(fragment); err == nil {
		return ref
	}
	return fragment
}

// bareSerial is a serial number without urn:uuid:, in lower case.
func bareSerial(s string) string {
	return strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "urn:uuid:")
}

// atVersion narrows a product to one of its versions.
func atVersion(p normalize.Product, version, subjectVersion string) normalize.Product {
	switch {
	case p.Subcomponent != "":
		p.Subcomponent = setPurlVersion(p.Subcomponent, version)
		return p
	case p.SubcomponentID != "":
		p.VersionRange = exactly(p.Subcomponent, version)
		return p
	case p.InDocument:
		// The list may name versions that are not the one the document describes.
		// The range says which, whatever purl the artifact gets.
		p.VersionRange = exactly(p.Purl, version)
		if p.Purl != "" {
			p.Purl = setPurlVersion(p.Purl, version)
			p.InDocument = subjectVersion == "" || subjectVersion == version
		}
	case p.Purl != "":
		p.Purl = setPurlVersion(p.Purl, version)
	default:
		p.VersionRange = exactly("", version)
	}
	p.Version = version
	return p
}

// inRange narrows a product to a range of its versions.
func inRange(p normalize.Product, versionRange string) normalize.Product {
	p.VersionRange = versionRange
	switch {
	case p.Subcomponent != "":
		p.Subcomponent = setPurlVersion(p.Subcomponent, "")
	case p.SubcomponentID != "":
	default:
		p.Version = ""
		if p.Purl != "" {
			p.Purl = setPurlVersion(p.Purl, "")
		}
	}
	return p
}

// exactly is the VERS range that holds one version, in the scheme of the purl's type.
func exactly(of, version string) string {
	scheme := "generic"
	if purl.Is(of) {
		if typ, _, ok := strings.Cut(strings.TrimLeft(of[len("pkg:"):], "/"), "/"); ok && typ != "" {
			scheme = strings.ToLower(typ)
		}
	}
	return "vers:" + scheme + "/" + escape(version)
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
