package csaf

import (
	"slices"
	"strings"

	"sluice/normalize"
)

// tree is the product tree, flat: products by number. An id gets its number where
// it first appears, be that the tree or the list of a vulnerability.
type tree struct {
	products []product
	defined  []int32 // the known ones, in the order of their definitions
	numbers  map[string]int32
	groups   map[string][]int32
}

// product is a full product name, with what its branch or relationship adds.
type product struct {
	id            string
	known         bool // it is in the tree; else something refers to an id that nobody defines
	name, version string
	versionRange  string
	purls         []string
	cpe           string
	component     int32 // of a relationship: what is inside whole
	whole         int32
	related       bool
	missing       bool // a warning has been given
}

// same reports whether two definitions of an id identify the same thing.
func (p *product) same(q *product) bool {
	return p.cpe == q.cpe && p.version == q.version && p.versionRange == q.versionRange && slices.Equal(p.purls, q.purls)
}

func newTree() *tree {
	t := &tree{}
	t.reset()
	return t
}

// reset forgets what is known of the products, but not their numbers.
func (t *tree) reset() {
	for i := range t.products {
		t.products[i] = product{id: t.products[i].id}
	}
	if t.numbers == nil {
		t.numbers = map[string]int32{}
	}
	t.defined = nil
	t.groups = map[string][]int32{}
}

func (t *tree) number(id string) int32 {
	n, ok := t.numbers[id]
	if !ok {
		n = int32(len(t.products))
		t.numbers[id] = n
		t.products = append(t.products, product{id: id})
	}
	return n
}

func (r *reader) productTree() error {
	return r.Object(func(name string) error {
		switch name {
		case "branches":
			return r.Array(func(int) error { return r.branch(branch{}) })
		case "full_product_names":
			return r.Array(func(int) error { return r.fullProductName(branch{}, nil) })
		case "relationships":
			return r.Array(r.relationship)
		case "product_groups":
			return r.Array(r.productGroup)
		}
		return r.Skip()
	})
}

// branch is what the branches above a product say about its version.
type branch struct{ version, versionRange string }

// branch reads a branch with those below it. Its category and name may come after
// its children, which is rare, so they are filled in afterwards. The nesting has
// been bounded by detect.Scan, and by the decoder at 10,000.
func (r *reader) branch(above branch) error {
	var category, label string
	var below []int32 // products read before category and name were known
	read := func(b branch, element func(b branch) error) error {
		first := len(r.tree.defined)
		err := element(b)
		if category == "" || label == "" {
			below = append(below, r.tree.defined[first:]...)
		}
		return err
	}
	here := func() branch {
		b := above
		switch {
		case category == "product_version":
			b.version, b.versionRange = label, ""
		case category == "product_version_range" && strings.HasPrefix(label, "vers:"):
			b.version, b.versionRange = "", label
		}
		return b
	}
	err := r.Object(func(name string) (err error) {
		switch name {
		case "category":
			category, err = r.Text()
		case "name":
			label, err = r.Text()
		case "product":
			err = read(here(), func(b branch) error { return r.fullProductName(b, nil) })
		case "branches":
			err = read(here(), func(b branch) error {
				return r.Array(func(int) error { return r.branch(b) })
			})
		default:
			err = r.Skip()
		}
		return err
	})
	if b := here(); b != (branch{}) {
		for _, n := range below {
			if p := &r.tree.products[n]; p.version == "" && p.versionRange == "" {
				p.version, p.versionRange = b.version, b.versionRange
			}
		}
	}
	return err
}

// fullProductName reads {"name", "product_id", "product_identification_helper"} and
// calls known with the product's number, once its members are read.
func (r *reader) fullProductName(above branch, known func(int32)) error {
	p := product{known: true, version: above.version, versionRange: above.versionRange}
	err := r.Object(func(name string) (err error) {
		switch name {
		case "name":
			p.name, err = r.Text()
		case "product_id":
			p.id, err = r.Text()
		case "product_identification_helper":
			err = r.Object(func(name string) (err error) {
				switch name {
				case "purl":
					var purl string
					purl, err = r.Text()
					r.addPurl(&p, purl)
				case "purls":
					var purls []string
					purls, err = r.Texts()
					for _, purl := range purls {
						r.addPurl(&p, purl)
					}
				case "cpe":
					p.cpe, err = r.Text()
				default:
					err = r.Skip()
				}
				return err
			})
		default:
			err = r.Skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if p.id == "" {
		r.doc.Warn("no-product-id", r.Pointer(), "the product has no product_id; nothing can refer to it")
		return nil
	}
	n := r.tree.number(p.id)
	if len(r.tree.products) > r.maxProducts {
		return normalize.Park(normalize.ReasonTooMany, r.Pointer(), "more than %d products; raise the limit or split the document", r.maxProducts)
	}
	if q := &r.tree.products[n]; q.known {
		// Red Hat repeats a product, word for word, in each family that it belongs to.
		if !q.same(&p) {
			r.doc.Warn("duplicate-ref", r.Pointer(), "the product id %q is defined in different ways; the first definition counts", clip(p.id))
		}
		return nil
	}
	r.tree.products[n] = p
	r.tree.defined = append(r.tree.defined, n)
	if known != nil {
		known(n)
	}
	return nil
}

// maxPurls bounds the purls of one product: a relationship multiplies those of its two.
const maxPurls = 64

func (r *reader) addPurl(p *product, purl string) {
	switch {
	case purl == "" || slices.Contains(p.purls, purl):
	case len(p.purls) == maxPurls:
		r.doc.Warn("too-many-purls", r.Pointer(), "the product has more than %d purls; the rest is not used", maxPurls)
	default:
		p.purls = append(p.purls, purl)
	}
}

// relationship reads a product that is made of two others.
func (r *reader) relationship(int) error {
	var component, whole string
	defined := int32(-1)
	err := r.Object(func(name string) (err error) {
		switch name {
		case "full_product_name":
			err = r.fullProductName(branch{}, func(n int32) { defined = n })
		case "product_reference":
			component, err = r.Text()
		case "relates_to_product_reference":
			whole, err = r.Text()
		default:
			// All categories (default_component_of, installed_on, ...) point the same way.
			err = r.Skip()
		}
		return err
	})
	if err != nil || defined < 0 {
		return err
	}
	if component == "" || whole == "" {
		r.doc.Warn("invalid-relationship", r.Pointer(), "the relationship lacks one of its two products")
		return nil
	}
	c, w := r.tree.number(component), r.tree.number(whole)
	p := &r.tree.products[defined]
	p.component, p.whole, p.related = c, w, true
	return nil
}

func (r *reader) productGroup(int) error {
	var id string
	var members []int32
	err := r.Object(func(name string) (err error) {
		switch name {
		case "group_id":
			id, err = r.Text()
		case "product_ids":
			members, err = r.ids()
		default:
			err = r.Skip()
		}
		return err
	})
	if id != "" {
		r.tree.groups[id] = members
	}
	return err
}

// ids reads a list of product ids as numbers.
func (r *reader) ids() (list []int32, err error) {
	err = r.Array(func(int) error {
		id, err := r.Text()
		if id != "" {
			if r.references++; r.references > 16*r.maxProducts {
				return normalize.Park(normalize.ReasonTooMany, r.Pointer(), "more than %d references to products; raise the limit or split the document", 16*r.maxProducts)
			}
			list = append(list, r.tree.number(id))
		}
		return err
	})
	return list, err
}

// maxChain bounds how deep relationships are followed; they may form a circle.
const maxChain = 16

// resolve gives what the statements say about a product: one value for each of its
// purls. A relationship is a component inside a product; where relationships are
// stacked (package in module in platform), the innermost and the outermost count.
func (t *tree) resolve(n int32) []normalize.Product {
	p := &t.products[n]
	if !p.related {
		out := normalize.Product{ID: p.id, CPE: p.cpe, Name: p.name, Version: p.version, VersionRange: p.versionRange}
		return each(out, p.purls, func(q *normalize.Product, purl string) { q.Purl = purl })
	}
	component, whole := &t.products[p.component], &t.products[p.whole]
	for i := 0; i < maxChain && component.related && len(component.purls) == 0; i++ {
		component = &t.products[component.component]
	}
	for i := 0; i < maxChain && whole.related && len(whole.purls) == 0 && whole.cpe == ""; i++ {
		whole = &t.products[whole.whole]
	}
	out := normalize.Product{ID: p.id, CPE: whole.cpe, Name: whole.name, Version: whole.version, VersionRange: component.versionRange}
	purls := component.purls
	if len(purls) == 0 {
		purls = p.purls // the helper of the relationship itself
	}
	if len(purls) == 0 {
		out.SubcomponentID = component.id
	}
	var list []normalize.Product
	for _, q := range each(out, whole.purls, func(q *normalize.Product, purl string) { q.Purl = purl }) {
		list = append(list, each(q, purls, func(q *normalize.Product, purl string) { q.Subcomponent = purl })...)
	}
	return list
}

// each copies p once for each purl; without any it is p alone.
func each(p normalize.Product, purls []string, set func(*normalize.Product, string)) []normalize.Product {
	if len(purls) == 0 {
		return []normalize.Product{p}
	}
	list := make([]normalize.Product, len(purls))
	for i, purl := range purls {
		list[i] = p
		set(&list[i], purl)
	}
	return list
}
