package csaf

import (
	"slices"
	"strings"

	"sluice/normalize"
)

// Bounds that no real document comes near; they keep hostile ones linear.
const (
	maxText    = 8 << 10 // bytes of Impact and Action, which join what is said about several products
	maxTexts   = 64      // different texts in them
	maxBundles = 64      // statements of one vulnerability; further justifications are left out
	maxSteps   = 1 << 24 // products reached through groups, in one document
)

// bundle becomes a statement: the products of a vulnerability with one status and justification.
type bundle struct {
	status, justification string
	products              []int32
	has                   map[int32]struct{}
	impact, action        texts
}

// texts joins different texts, one a line.
type texts struct {
	seen []string
	size int
}

func (t *texts) add(s string) {
	if t.size+len(s) > maxText || len(t.seen) == maxTexts || slices.Contains(t.seen, s) {
		return
	}
	t.seen = append(t.seen, s)
	t.size += len(s)
}

func (t *texts) String() string { return strings.Join(t.seen, "\n") }

// statements turns the vulnerabilities into statements, now that the tree is known.
func (r *reader) statements() {
	// Advisories name the same thousand products for each of their vulnerabilities:
	// the statements share one list.
	shared := map[string][]normalize.Product{}
	total := 0
	r.compareAgain()
	advisory, in := normalize.VulnID(r.doc.ID), r.shared()
	for i := range r.vulnerabilities {
		v := &r.vulnerabilities[i]
		bundles := r.bundles(v)
		id, aliases := v.names(advisory, in)
		for _, b := range bundles {
			key := string(appendKey(nil, b.products))
			products, ok := shared[key]
			if !ok {
				for _, n := range b.products {
					resolved, culprit := r.tree.resolve(n)
					if culprit != nil {
						r.unreadable(culprit, v.pointer)
					}
					if products = append(products, resolved...); len(products) > r.maxProducts {
						break
					}
				}
				shared[key] = products
			}
			before := len(r.doc.Statements)
			r.doc.AddStatement(normalize.Statement{
				VulnID:        id,
				Aliases:       aliases,
				Status:        b.status,
				Justification: b.justification,
				Impact:        b.impact.String(),
				Action:        b.action.String(),
				Products:      products,
				Pointer:       v.pointer,
			})
			// A shared list counts each time: whoever stores the statements writes it each time.
			if total += (len(r.doc.Statements) - before) * len(products); total > r.maxProducts {
				r.Fail(normalize.Park(normalize.ReasonTooMany, v.pointer,
					"more than %d products in all statements; raise the limit or split the document", r.maxProducts))
				return
			}
		}
		*v = vulnerability{} // its lists are not needed any more
	}
	r.doc.SettleAliases()
	if r.unmatched > 0 {
		r.doc.Warn("no-purl", r.firstUnmatched.pointer, "%d products are about nothing that can be matched; the first: %s", r.unmatched, r.firstUnmatched.why)
	}
}

// bundles sorts the products of a vulnerability by status and justification.
func (r *reader) bundles(v *vulnerability) []*bundle {
	labels := map[int32]string{}
	general := "" // a flag without products is about all of them
	for _, f := range v.flags {
		label := strings.ToLower(f.text)
		if !normalize.IsJustification(label) {
			r.doc.Warn("unknown-justification", v.pointer+"/flags", "%.60q is no justification of CSAF; it is kept as it is", label)
		}
		if len(f.products) == 0 && len(f.groups) == 0 && general == "" {
			general = label
		}
		for n := range r.all(f, v.pointer) {
			if _, ok := labels[n]; !ok {
				labels[n] = label
			}
		}
	}
	// The lists are members of an object, whose order means nothing. Of two statements of one
	// document at one time the later counts, so the more cautious word comes last.
	slices.SortStableFunc(v.lists, func(a, b list) int { return slices.Index(caution, a.status) - slices.Index(caution, b.status) })
	var list []*bundle
	index := map[[2]string]*bundle{}
	for _, l := range v.lists {
		for _, n := range l.products {
			k := [2]string{l.status}
			if l.status == normalize.NotAffected {
				var ok bool
				if k[1], ok = labels[n]; !ok {
					k[1] = general
				}
			}
			b := index[k]
			if b == nil && len(list) >= maxBundles {
				k[1] = ""
				b = index[k]
			}
			if b == nil {
				b = &bundle{status: k[0], justification: k[1], has: map[int32]struct{}{}}
				index[k] = b
				list = append(list, b)
			}
			if _, again := b.has[n]; !again {
				b.has[n] = struct{}{}
				b.products = append(b.products, n)
			}
		}
	}
	r.tell(v, list)
	return list
}

// tell adds threats and remediations to the bundles that they are about.
func (r *reader) tell(v *vulnerability, list []*bundle) {
	about := map[int32][]*bundle{}
	for _, b := range list {
		for _, n := range b.products {
			about[n] = append(about[n], b)
		}
	}
	add := func(notes []note, to func(*bundle) *texts) {
		for _, note := range notes {
			if len(note.products) == 0 && len(note.groups) == 0 {
				for _, b := range list {
					to(b).add(note.text)
				}
				continue
			}
			left := len(list)
			told := map[*bundle]bool{}
			for n := range r.all(note, v.pointer) {
				for _, b := range about[n] {
					if !told[b] {
						told[b] = true
						to(b).add(note.text)
						left--
					}
				}
				if left == 0 {
					break
				}
			}
		}
	}
	add(v.threats, func(b *bundle) *texts { return &b.impact })
	var ignored texts
	add(v.remediations, func(b *bundle) *texts {
		if b.status == normalize.NotAffected {
			return &ignored // nothing to do about what is not affected
		}
		return &b.action
	})
}

// all iterates over the products of a note, groups expanded.
func (r *reader) all(n note, pointer string) func(yield func(int32) bool) {
	return func(yield func(int32) bool) {
		for _, p := range n.products {
			if !yield(p) {
				return
			}
		}
		for _, g := range n.groups {
			members, ok := r.tree.groups[g]
			if !ok {
				r.doc.Warn("dangling-ref", pointer, "the product group %.60q is not in the product tree", g)
				r.tree.groups[g] = nil // said once
			}
			for _, p := range members {
				if r.steps++; r.steps > maxSteps {
					if r.steps == maxSteps+1 {
						r.doc.Warn("too-many-references", pointer, "the product groups are referred to so often that the rest of the flags, threats and remediations is not used")
					}
					return
				}
				if !yield(p) {
					return
				}
			}
		}
	}
}

// caution has the statuses from the least to the most cautious.
var caution = []string{normalize.NotAffected, normalize.Fixed, normalize.UnderInvestigation, normalize.Affected}

// unreadable warns, once for each, about a product that makes statements be about nothing.
// Those that only lack a purl are many in some documents, and nothing is wrong with them:
// they are counted.
func (r *reader) unreadable(p *product, pointer string) {
	if p.said {
		return
	}
	p.said = true
	pointer += "/product_status"
	switch {
	case p.alone():
		if r.unmatched++; r.unmatched == 1 {
			r.firstUnmatched.pointer, r.firstUnmatched.why = pointer, p.why
		}
	case !p.known:
		r.doc.Warn("dangling-ref", pointer, "%s; the statement about it is about nothing", p.why)
	default:
		r.doc.Warn("unreadable-product", pointer, "%s; the statement about it is about nothing", p.why)
	}
}

func appendKey(key []byte, products []int32) []byte {
	for _, n := range products {
		key = append(key, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	return key
}
