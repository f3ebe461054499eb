package csaf

import (
	"bytes"
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

// product is a full product name, with what its branch, relationship or path adds.
type product struct {
	id            string
	known         bool // it is in the tree; else something refers to an id that nobody defines
	name, version string
	versionRange  string
	purls         []string
	cpe           string
	component     int32 // of a relationship or path: what is inside whole
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

func (t *tree) number(id []byte) int32 {
	n, ok := t.numbers[string(id)]
	if !ok {
		n = int32(len(t.products))
		text := string(id)
		t.numbers[text] = n
		t.products = append(t.products, product{id: text})
	}
	return n
}

func (r *reader) productTree() {
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "branches":
			r.branches(branch{})
		case "full_product_names":
			for ok := r.List(); ok && r.Element(); {
				r.fullProductName(branch{})
			}
		case "relationships":
			for ok := r.List(); ok && r.Element(); {
				r.relationship()
			}
		case "product_paths":
			for ok := r.List(); ok && r.Element(); {
				r.productPath()
			}
		case "product_groups":
			for ok := r.List(); ok && r.Element(); {
				r.productGroup()
			}
		default:
			r.Skip()
		}
	}
}

// branch is what the branches above a product say about its version.
type branch struct{ version, versionRange string }

func (r *reader) branches(above branch) {
	for ok := r.List(); ok && r.Element(); {
		r.branch(above)
	}
}

// branch reads a branch with those below it. Its category and name may come after
// its children, which is rare, so they are filled in afterwards. The nesting has
// been bounded by detect.Scan, and by the decoder at 10,000.
func (r *reader) branch(above branch) {
	var category, label string
	var below []int32 // products read before category and name were known
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
	for ok := r.Object(); ok && r.Member(); {
		first := len(r.tree.defined)
		switch string(r.Name()) {
		case "category":
			category = r.Text()
		case "name":
			label = r.Text()
		case "product":
			r.fullProductName(here())
		case "branches":
			r.branches(here())
		default:
			r.Skip()
		}
		if category == "" || label == "" {
			below = append(below, r.tree.defined[first:]...)
		}
	}
	if b := here(); b != (branch{}) {
		for _, n := range below {
			if p := &r.tree.products[n]; p.version == "" && p.versionRange == "" {
				p.version, p.versionRange = b.version, b.versionRange
			}
		}
	}
}

// none is the number of no product.
const none int32 = -1

// fullProductName reads {"name", "product_id", "product_identification_helper"} and
// returns the number of the product, or none where it was known already or has no id.
func (r *reader) fullProductName(above branch) int32 {
	p := product{known: true, version: above.version, versionRange: above.versionRange}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "name":
			p.name = r.Text()
		case "product_id":
			p.id = r.Text()
		case "product_identification_helper":
			r.helper(&p)
		default:
			r.Skip()
		}
	}
	if r.Failed() {
		return none
	}
	if p.id == "" {
		r.doc.Warn("no-product-id", r.Pointer(), "the product has no product_id; nothing can refer to it")
		return none
	}
	n := r.tree.number([]byte(p.id))
	if len(r.tree.products) > r.maxProducts {
		r.Fail(normalize.Park(normalize.ReasonTooMany, r.Pointer(), "more than %d products; raise the limit or split the document", r.maxProducts))
		return none
	}
	if q := &r.tree.products[n]; q.known {
		// Red Hat repeats a product, word for word, in each family that it belongs to.
		if !q.same(&p) {
			r.doc.Warn("duplicate-ref", r.Pointer(), "the product id %.60q is defined in different ways; the first definition counts", p.id)
		}
		return none
	}
	r.tree.products[n] = p
	r.tree.defined = append(r.tree.defined, n)
	return n
}

// helper reads a product_identification_helper: "purl" in 2.0, "purls" in 2.1.
func (r *reader) helper(p *product) {
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "purl":
			r.addPurl(p, r.Text())
		case "purls":
			for _, purl := range r.Texts() {
				r.addPurl(p, purl)
			}
		case "cpe":
			p.cpe = r.Text()
		default:
			r.Skip()
		}
	}
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

// relationship reads a product that is made of two others, as 2.0 has it.
func (r *reader) relationship() {
	var component, whole []byte
	defined := none
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "full_product_name":
			defined = r.fullProductName(branch{})
		case "product_reference":
			component = r.id()
		case "relates_to_product_reference":
			whole = r.id()
		default:
			// All categories (default_component_of, installed_on, ...) point the same way.
			r.Skip()
		}
	}
	r.relate(defined, component, whole)
}

// productPath reads a product that is made of several others, which 2.1 has in place
// of relationships: the first is installed on (is a component of, ...) the next, and
// so on. A path of three says the same as two relationships, one on top of the other,
// and gives the same: the innermost and the outermost product count.
func (r *reader) productPath() {
	var component, whole []byte
	defined := none
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "full_product_name":
			defined = r.fullProductName(branch{})
		case "beginning_product_reference":
			component = r.id()
		case "subpaths":
			whole = r.lastOfPath()
		default:
			r.Skip()
		}
	}
	r.relate(defined, component, whole)
}

// lastOfPath reads the subpaths and returns the product at their end.
func (r *reader) lastOfPath() (last []byte) {
	for ok := r.List(); ok && r.Element(); {
		for ok := r.Object(); ok && r.Member(); {
			if string(r.Name()) != "next_product_reference" {
				r.Skip()
			} else if id := r.id(); len(id) > 0 {
				last = id
			}
		}
	}
	return last
}

// relate says that a product is the component inside the whole.
func (r *reader) relate(defined int32, component, whole []byte) {
	if r.Failed() || defined == none {
		return
	}
	if len(component) == 0 || len(whole) == 0 {
		r.doc.Warn("invalid-relationship", r.Pointer(), "the relationship or path lacks the product at one of its ends")
		return
	}
	c, w := r.tree.number(component), r.tree.number(whole)
	p := &r.tree.products[defined]
	p.component, p.whole, p.related = c, w, true
}

func (r *reader) productGroup() {
	var id string
	var members []int32
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "group_id":
			id = r.Text()
		case "product_ids":
			members = r.ids()
		default:
			r.Skip()
		}
	}
	if id != "" {
		r.tree.groups[id] = members
	}
}

// id takes a product id; the bytes belong to the document.
func (r *reader) id() []byte { return bytes.TrimSpace(r.Bytes()) }

// ids reads a list of product ids as numbers.
func (r *reader) ids() (list []int32) {
	for ok := r.List(); ok && r.Element(); {
		id := r.id()
		if len(id) == 0 {
			continue
		}
		if r.references++; r.references > 16*r.maxProducts {
			r.Fail(normalize.Park(normalize.ReasonTooMany, r.Pointer(), "more than %d references to products; raise the limit or split the document", 16*r.maxProducts))
			return nil
		}
		list = append(list, r.tree.number(id))
	}
	return list
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
