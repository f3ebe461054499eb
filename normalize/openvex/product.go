package openvex

import (
	"fmt"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/bomlink"
	"sluice/normalize/purl"
)

// identity is what a product and a subcomponent have in common. Why says why nothing can
// be matched by it; one of several identifiers is enough.
type identity struct {
	id, purl, cpe string
	serial, ref   string // of a BOM-Link
	why           string
	pointer       string // where why is set
}

type product struct {
	identity
	subcomponents []identity
}

// product reads a product: an IRI or purl in a string, or an object with identifiers.
func (r *reader) product() (p product) {
	p.identity = r.identity(func() { p.subcomponents = r.identities() })
	return p
}

// identities reads a list of subcomponents. What is none stays in the list: it narrows the
// statement to something that nobody can tell, and not to nothing at all.
func (r *reader) identities() (list []identity) {
	for ok := r.List(); ok && r.Element(); {
		list = append(list, r.identity(r.Skip))
	}
	return list
}

// identity reads a string, or {"@id", "identifiers": {...}}; subcomponents reads that member.
func (r *reader) identity(subcomponents func()) identity {
	var id, name, cpe22, cpe23 string
	if r.IsObject() {
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
	} else {
		id = r.Text()
	}
	i := r.identify(id, name, cpe23, cpe22)
	if i.why != "" {
		i.pointer = r.Pointer()
	}
	return i
}

// identify takes the first identifier that something can be matched by. An @id that is a
// purl says more than the identifiers, any other @id says less.
func (r *reader) identify(id, name, cpe23, cpe22 string) (i identity) {
	i.cpe = firstOf(cpe23, cpe22)
	if len(id) >= 4 && strings.EqualFold(id[:4], "cpe:") {
		i.cpe = id
	}
	i.id = firstOf(id, name, i.cpe)
	if name == "" && !purl.Is(id) && !bomlink.Is(id) {
		i.why = unmatched
		if i.id == "" {
			i.why = "nothing is named"
		}
		return i
	}
	var problems []string
	for n, candidate := range []string{id, name} {
		switch {
		case candidate == "" || n == 0 && !purl.Is(candidate):
		default:
			problem := r.unreadable(candidate)
			if problem == "" {
				i.purl = candidate
				return i
			}
			problems = append(problems, fmt.Sprintf("%.60q %s", candidate, problem))
		}
	}
	if bomlink.Is(id) {
		var err error
		if i.serial, i.ref, err = bomlink.Parse(id); err == nil {
			return i
		}
		problems = append(problems, fmt.Sprintf("%.60q %v", id, err))
	}
	i.why = strings.Join(problems, "; ")
	return i
}

// unreadable is purl.Unreadable, once for each purl: the same product stands in a thousand
// statements.
func (r *reader) unreadable(s string) string {
	problem, known := r.problems[s]
	if !known {
		if r.problems == nil {
			r.problems = map[string]string{}
		}
		problem = purl.Unreadable(s)
		r.problems[s] = problem
	}
	return problem
}

// unmatched is said of an identifier with which nothing is wrong but that no artifact and no
// package is known by.
const unmatched = "nothing is matched by an IRI or CPE, only by a purl"

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// expand gives the statement its products, one for each subcomponent where there are any.
func (r *reader) expand(s *normalize.Statement, products []product, common []identity) {
	for _, p := range products {
		subs := p.subcomponents
		if len(subs) == 0 {
			subs = common
		}
		if !r.count(max(1, len(subs)), s.Pointer) {
			return
		}
		out := normalize.Product{ID: p.id, Purl: p.purl, CPE: p.cpe, BOMSerial: p.serial, BOMRef: p.ref}
		r.complain(p.identity)
		if len(subs) == 0 {
			s.Products = append(s.Products, aboutNothing(out, p.why))
		}
		for _, sub := range subs {
			r.complain(sub)
			why := firstOf(p.why, sub.why)
			if why == "" && (p.serial != "" || sub.serial != "") {
				why = "a BOM-Link names a component by itself; with subcomponents it cannot be told what is meant"
			}
			q := out
			q.Subcomponent = sub.purl
			if sub.purl == "" {
				q.SubcomponentID = sub.id
			}
			s.Products = append(s.Products, aboutNothing(q, why))
		}
	}
}

// count counts products; false where they are too many for one document.
func (r *reader) count(n int, pointer string) bool {
	if r.products += n; r.products > r.maxProducts {
		r.Fail(normalize.Park(normalize.ReasonTooMany, pointer+"/products",
			"more than %d products in all statements; raise the limit or split the document", r.maxProducts))
	}
	return !r.Failed()
}

func aboutNothing(p normalize.Product, why string) normalize.Product {
	if why == "" {
		return p
	}
	return p.AboutNothing(why)
}

// complain warns about an identity that makes statements be about nothing. Those that only
// lack a purl are counted: some documents have nothing else.
func (r *reader) complain(i identity) {
	switch {
	case i.why == "":
	case i.why == unmatched:
		if r.unmatched++; r.unmatched == 1 {
			r.firstUnmatched = i
		}
	default:
		r.doc.Warn("unreadable-product", i.pointer, "%s; the statement is about nothing", i.why)
	}
}
