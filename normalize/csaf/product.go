package csaf

import (
	"fmt"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/bomlink"
)

// identity is one way in which a product can be matched: a purl, with a range of versions
// where that decides, or a BOM-Link.
type identity struct {
	purl, versionRange string
	serial, ref        string
}

// maxChain bounds how deep relationships are followed; they may form a circle.
const maxChain = 16

// identify finds what the helpers of a product amount to. Where one of several can be
// read, that is enough; where none can, why says so.
func (p *product) identify() {
	if p.identified {
		return
	}
	p.identified = true
	switch {
	case p.id == "":
		p.why = "a product id is missing, or no text"
		return
	case !p.known:
		p.why = fmt.Sprintf("the product %s is not in the product tree", quote(p.id))
		return
	case p.doubtful:
		p.why = fmt.Sprintf("the product %s is defined in different ways", quote(p.id))
		return
	}
	fail := func(why string) {
		if p.why == "" {
			p.why = fmt.Sprintf("the product %s: %s", quote(p.id), why)
		}
	}
	for _, raw := range p.purls {
		i, why := p.branch.at(raw)
		if why != "" {
			fail(why)
			continue
		}
		p.identities = append(p.identities, i)
	}
	// What a BOM-Link leads to has its version there.
	for _, link := range p.links {
		serial, ref, err := bomlink.Parse(link)
		if err != nil {
			fail(fmt.Sprintf("%s %v", quote(link), err))
			continue
		}
		p.identities = append(p.identities, identity{serial: serial, ref: ref})
	}
	switch {
	case len(p.identities) > 0:
		p.why = ""
	case p.why == "":
		kinds := "its name"
		if p.cpe != "" {
			kinds = "its CPE"
		}
		if len(p.helpers) > 0 {
			kinds = strings.Join(p.helpers, ", ")
		}
		p.why = fmt.Sprintf("the product %s has no purl, and nothing is matched by %s", quote(p.id), kinds)
	}
}

// alone reports whether the only thing that is wrong with p is that it has no purl.
func (p *product) alone() bool {
	return p.known && !p.doubtful && !p.related && len(p.purls) == 0 && len(p.links) == 0
}

// end follows relationships to the product at their end, nil where they go round in a circle.
func (t *tree) end(n int32, stop func(*product) bool, next func(*product) int32) *product {
	for range maxChain {
		p := &t.products[n]
		if !p.related || stop(p) {
			return p
		}
		n = next(p)
	}
	return nil
}

// resolve gives what the statements say about a product: one value for each way to match
// it. A relationship is a component inside a product; where relationships are stacked
// (package in module in platform), the innermost and the outermost count. Both ends have to
// be understood: half of a relationship is about more than the whole of it.
func (t *tree) resolve(n int32) (list []normalize.Product, culprit *product) {
	p := &t.products[n]
	out := normalize.Product{ID: p.id, CPE: p.cpe, Name: p.name, Version: p.branch.label()}
	if !p.related {
		if p.identify(); p.why != "" {
			return []normalize.Product{out.AboutNothing(p.why)}, p
		}
		for _, i := range p.identities {
			q := out
			q.Purl, q.VersionRange, q.BOMSerial, q.BOMRef = i.purl, i.versionRange, i.serial, i.ref
			list = append(list, q)
		}
		return list, nil
	}
	if !p.known || p.doubtful {
		p.identify()
		return []normalize.Product{out.AboutNothing(p.why)}, p
	}
	component := t.end(p.component, func(q *product) bool { return len(q.purls) > 0 }, func(q *product) int32 { return q.component })
	whole := t.end(p.whole, func(q *product) bool { return len(q.purls) > 0 || q.cpe != "" }, func(q *product) int32 { return q.whole })
	if component == nil || whole == nil {
		p.why = fmt.Sprintf("the relationships of %s go round in a circle, or are more than %d", quote(p.id), maxChain)
		return []normalize.Product{out.AboutNothing(p.why)}, p
	}
	if len(component.purls) == 0 && len(p.purls) > 0 {
		component = p // the helper of the relationship itself
	}
	out.CPE, out.Name, out.Version = whole.cpe, whole.name, whole.branch.label()
	component.identify()
	whole.identify()
	if out.SubcomponentID = component.id; len(component.purls) > 0 {
		out.SubcomponentID = component.purls[0]
	}
	for _, end := range []*product{component, whole} {
		if end.why == "" && !end.hasPurl() {
			end.why = fmt.Sprintf("the product %s has a BOM-Link and no purl, which is not enough in a relationship", quote(end.id))
		}
		if end.why != "" {
			return []normalize.Product{out.AboutNothing(end.why)}, end
		}
	}
	out.SubcomponentID = ""
	for _, w := range whole.identities {
		for _, c := range component.identities {
			if w.purl == "" || c.purl == "" {
				continue
			}
			q := out
			q.Purl, q.ProductRange = w.purl, w.versionRange
			q.Subcomponent, q.VersionRange = c.purl, c.versionRange
			list = append(list, q)
		}
	}
	return list, nil
}

func (p *product) hasPurl() bool {
	for _, i := range p.identities {
		if i.purl != "" {
			return true
		}
	}
	return false
}

// label is the version as people read it.
func (b branch) label() string {
	if b.version != "" {
		return b.version
	}
	return b.versionRange
}

// quote shows the beginning of a text that a document holds.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		return fmt.Sprintf("%.*q…", most, s)
	}
	return fmt.Sprintf("%q", s)
}
