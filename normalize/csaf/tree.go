package csaf

import (
	"bytes"
	"slices"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/bomlink"
)

// tree is the product tree, flat: products by number. An id gets its number where
// it first appears, be that the tree or the list of a vulnerability.
type tree struct {
	products []product
	defined  []int32 // the known ones, in the order of their definitions
	numbers  map[string]int32
	groups   map[string][]int32
	again    [][2]int32 // products that are defined once more, with the other definition
}

// product is a full product name, with what its branch, relationship or path adds.
type product struct {
	id        string
	known     bool // it is in the tree; else something refers to an id that nobody defines
	doubtful  bool // the tree defines the id in different ways
	name, cpe string
	purls     []string
	links     []string // BOM-Links
	helpers   []string // the kinds of the helpers that nothing is matched by
	branch    branch
	component int32 // of a relationship or path: what is inside whole
	whole     int32
	related   bool
	said      bool // a warning has been given
	// What identify found out, once.
	identified bool
	identities []identity
	why        string // there are none
}

// same reports whether two definitions of an id identify the same thing.
func (p *product) same(q *product) bool {
	return p.cpe == q.cpe && p.branch == q.branch && p.related == q.related && p.component == q.component && p.whole == q.whole &&
		slices.Equal(p.purls, q.purls) && slices.Equal(p.links, q.links)
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
	t.defined, t.again = nil, nil
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
	var early []int32 // products below that were read before category and name were known
	here := func() branch {
		if category == "" || label == "" {
			return branch{}
		}
		return above.with(branchOf(category, label))
	}
	for ok := r.Object(); ok && r.Member(); {
		first := len(r.tree.defined)
		switch string(r.Name()) {
		case "category":
			category = strings.ToLower(r.Text())
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
			early = append(early, r.tree.defined[first:]...)
		}
	}
	if len(early) == 0 {
		return
	}
	outer := above.with(branchOf(category, label))
	for _, n := range early {
		p := &r.tree.products[n]
		p.branch = outer.with(p.branch)
	}
}

// none is the number of no product.
const none int32 = -1

// fullProductName reads {"name", "product_id", "product_identification_helper"} and
// returns the number of the product, or none where it has no id.
func (r *reader) fullProductName(above branch) int32 {
	p := product{known: true, branch: above}
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
	if r.tree.products[n].known {
		// Red Hat repeats a product, word for word, in each family that it belongs to. It
		// gets a number of its own until all is known of both.
		m := int32(len(r.tree.products))
		r.tree.again = append(r.tree.again, [2]int32{n, m})
		r.tree.products = append(r.tree.products, product{})
		n = m
	}
	r.tree.products[n] = p
	r.tree.defined = append(r.tree.defined, n)
	return n
}

// helper reads a product_identification_helper: "purl" in 2.0, "purls" in 2.1. The other
// kinds are noted, so that it can be said why a product is not matched.
func (r *reader) helper(p *product) {
	for ok := r.Object(); ok && r.Member(); {
		switch kind := string(r.Name()); kind {
		case "purl":
			r.addPurl(p, r.Text())
		case "purls":
			for _, purl := range r.Texts() {
				r.addPurl(p, purl)
			}
		case "x_generic_uris":
			r.genericURIs(p)
		case "cpe":
			p.cpe = r.Text()
		case "hashes", "model_numbers", "sbom_urls", "serial_numbers", "skus":
			r.Skip()
			p.helped(kind)
		default:
			r.Skip()
		}
	}
}

// helped notes a kind of helper that nothing is matched by.
func (p *product) helped(kind string) {
	if !slices.Contains(p.helpers, kind) {
		p.helpers = append(p.helpers, kind)
	}
}

// genericURIs takes the BOM-Links out of x_generic_uris: section 3.1.3.3.8 has them as its
// example of how to name a component of a CycloneDX BOM.
func (r *reader) genericURIs(p *product) {
	for ok := r.List(); ok && r.Element(); {
		for ok := r.Object(); ok && r.Member(); {
			if string(r.Name()) != "uri" {
				r.Skip()
				continue
			}
			uri := r.Text()
			switch {
			case !bomlink.Is(uri):
				p.helped("x_generic_uris")
			case len(p.links) < maxPurls && !slices.Contains(p.links, uri):
				p.links = append(p.links, uri)
			}
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

// compareAgain looks for products whose definitions differ, now that all is known of them.
func (r *reader) compareAgain() {
	for _, pair := range r.tree.again {
		p, q := &r.tree.products[pair[0]], &r.tree.products[pair[1]]
		if !p.doubtful && !p.same(q) {
			p.doubtful = true
			r.doc.Warn("duplicate-ref", "/product_tree", "the product id %.60q is defined in different ways; nobody can tell which of them is meant", p.id)
		}
	}
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
		// An id that is empty or no text stays: it is a product that nobody can tell.
		id := r.id()
		if r.references++; r.references > 16*r.maxProducts {
			r.Fail(normalize.Park(normalize.ReasonTooMany, r.Pointer(), "more than %d references to products; raise the limit or split the document", 16*r.maxProducts))
			return nil
		}
		list = append(list, r.tree.number(id))
	}
	return list
}
