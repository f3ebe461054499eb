package openvex

import (
	"strings"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// identity is what a product and a subcomponent have in common.
type identity struct{ id, purl, cpe string }

type product struct {
	identity
	subcomponents []identity
}

// product reads a product: an IRI or purl in a string, or an object with identifiers.
func (r *reader) product() (p product) {
	if !r.IsObject() {
		p.identity = identify(r.Text())
		return p
	}
	p.identity = r.identity(func() { p.subcomponents = r.identities() })
	return p
}

// identities reads a list of subcomponents.
func (r *reader) identities() (list []identity) {
	for ok := r.List(); ok && r.Element(); {
		var sub identity
		if r.IsObject() {
			sub = r.identity(r.Skip)
		} else {
			sub = identify(r.Text())
		}
		if sub != (identity{}) {
			list = append(list, sub)
		}
	}
	return list
}

// identity reads {"@id", "identifiers": {...}}; subcomponents reads that member.
func (r *reader) identity(subcomponents func()) identity {
	var id, name, cpe22, cpe23 string
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "@id":
			id = r.Text()
		case "identifiers":
			for ok := r.Object(); ok && r.Member(); {
				switch string(r.Name()) {
				case "purl":
					name = r.Text()
				case "cpe22":
					cpe22 = r.Text()
				case "cpe23":
					cpe23 = r.Text()
				default:
					r.Skip()
				}
			}
		case "subcomponents":
			subcomponents()
		default:
			r.Skip()
		}
	}
	i := identify(id)
	// The identifiers say more than an @id does, unless that is a purl itself.
	if i.purl == "" {
		i.purl = name
	}
	for _, cpe := range []string{cpe23, cpe22} {
		if i.cpe == "" {
			i.cpe = cpe
		}
	}
	if i.id == "" {
		i.id = i.purl
	}
	if i.id == "" {
		i.id = i.cpe
	}
	return i
}

// identify sees what kind of identifier a string is.
func identify(s string) identity {
	i := identity{id: s}
	switch {
	case purl.Is(s):
		i.purl = s
	case len(s) >= 4 && strings.EqualFold(s[:4], "cpe:"):
		i.cpe = s
	}
	return i
}

// expand gives the statement its products, one for each subcomponent where there are any.
func (r *reader) expand(s *normalize.Statement, products []product, common []identity) {
	for _, p := range products {
		if p.identity == (identity{}) {
			continue
		}
		subs := p.subcomponents
		if len(subs) == 0 {
			subs = common
		}
		if r.products += max(1, len(subs)); r.products > r.maxProducts {
			r.Fail(normalize.Park(normalize.ReasonTooMany, s.Pointer+"/products",
				"more than %d products in all statements; raise the limit or split the document", r.maxProducts))
			return
		}
		out := normalize.Product{ID: p.id, Purl: p.purl, CPE: p.cpe}
		if len(subs) == 0 {
			s.Products = append(s.Products, out)
		}
		for _, sub := range subs {
			out.Subcomponent, out.SubcomponentID = sub.purl, ""
			if sub.purl == "" {
				out.SubcomponentID = sub.id
			}
			s.Products = append(s.Products, out)
		}
	}
}
