package openvex

import (
	"strings"

	"sluice/normalize"
)

// identity is what a product and a subcomponent have in common.
type identity struct{ id, purl, cpe string }

type product struct {
	identity
	subcomponents []identity
}

// product reads a product: an IRI or purl in a string, or an object with identifiers.
func (r *reader) product() (p product, err error) {
	if !r.IsObject() {
		s, err := r.Text()
		p.identity = identify(s)
		return p, err
	}
	p.identity, err = r.identity(func() (err error) {
		p.subcomponents, err = r.identities()
		return err
	})
	return p, err
}

// identities reads a list of subcomponents.
func (r *reader) identities() (list []identity, err error) {
	err = r.Array(func(int) error {
		var sub identity
		var err error
		if r.IsObject() {
			sub, err = r.identity(r.Skip)
		} else {
			var s string
			s, err = r.Text()
			sub = identify(s)
		}
		if sub != (identity{}) {
			list = append(list, sub)
		}
		return err
	})
	return list, err
}

// identity reads {"@id", "identifiers": {...}}; subcomponents reads that member.
func (r *reader) identity(subcomponents func() error) (identity, error) {
	var id, purl, cpe22, cpe23 string
	err := r.Object(func(name string) (err error) {
		switch name {
		case "@id":
			id, err = r.Text()
		case "identifiers":
			err = r.Object(func(name string) (err error) {
				switch name {
				case "purl":
					purl, err = r.Text()
				case "cpe22":
					cpe22, err = r.Text()
				case "cpe23":
					cpe23, err = r.Text()
				default:
					err = r.Skip()
				}
				return err
			})
		case "subcomponents":
			err = subcomponents()
		default:
			err = r.Skip()
		}
		return err
	})
	i := identify(id)
	// The identifiers say more than an @id does, unless that is a purl itself.
	if i.purl == "" {
		i.purl = purl
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
	return i, err
}

// identify sees what kind of identifier a string is.
func identify(s string) identity {
	i := identity{id: s}
	switch lower := strings.ToLower(s[:min(len(s), 4)]); lower {
	case "pkg:":
		i.purl = s
	case "cpe:":
		i.cpe = s
	}
	return i
}

// expand gives the statement its products, one for each subcomponent where there are any.
func (r *reader) expand(s *normalize.Statement, products []product, common []identity) error {
	for _, p := range products {
		if p.identity == (identity{}) {
			continue
		}
		subs := p.subcomponents
		if len(subs) == 0 {
			subs = common
		}
		if r.products += max(1, len(subs)); r.products > r.maxProducts {
			return normalize.Park(normalize.ReasonTooMany, s.Pointer+"/products", "more than %d products in all statements; raise the limit or split the document", r.maxProducts)
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
	return nil
}
