package cyclonedx

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"

	"sluice/normalize"
	"sluice/normalize/internal/xmltext"
	"sluice/normalize/lenient"
)

// guard hands out the tokens of a document to the library's decoder. It stops
// what is too deep or not well-formed, and keeps back what is not CycloneDX: the
// library looks at local names only, so that <ext:name> would become the name,
// and it refuses the whole document for an element that it does not know.
type guard struct {
	dec    *xml.Decoder
	text   xmltext.Text
	limits normalize.Limits
	warn   lenient.WarnFunc

	root         xml.Name
	version      string   // of the specification, by the root's namespace
	seen         bool     // the root element
	components   int      // components of the SBOM itself
	others       int      // components of pedigrees, tools and the like
	costs        costs    // of the elements of an entry
	budget       int      // bytes that the entry may still cost before errEntry; negative: any number
	line, column int      // where the last token starts
	path         []string // local names of the open elements
	members      []uint64 // of once, that were seen in each of them
	tree         int      // how many of them, from the root on, are where components of the SBOM are
	extensions   []string // namespaces that were left out
	err          error    // a *normalize.ParkError
}

func newGuard(t xmltext.Text, limits normalize.Limits, costs costs, warn lenient.WarnFunc) *guard {
	dec := xml.NewDecoder(bytes.NewReader(t.Body))
	dec.Entity = xml.HTMLEntity // &nbsp; and &eacute; are mistakes that harm nobody
	return &guard{dec: dec, text: t, limits: limits, costs: costs, warn: warn, budget: -1}
}

// costs is what an element takes in memory, in bytes, slack of growing slices included:
// up to forty times the room of its text.
type costs struct {
	of   map[string]int
	rest int // other elements
}

// wholeCosts are those of the library's structs.
var wholeCosts = costs{of: map[string]int{
	"component": 1000, "service": 500, "vulnerability": 600, "license": 400, "workflow": 600, "task": 600, "trigger": 600,
}, rest: 200}

// maxEntry is how many bytes one entry of a list, such as a component with all that is
// inside of it, may cost. The largest entry of our real documents has 588 elements.
const maxEntry = 32 << 20

var errEntry = fmt.Errorf("an entry that would take more than %d MiB of memory", maxEntry>>20)

// run reads the document with f, which reads the tokens of the guard, and then
// what follows the root element, where nothing should.
func (g *guard) run(f func() error) error {
	err := f()
	for g.err == nil && err == nil {
		_, err = g.next()
	}
	switch {
	case g.err != nil:
		return g.err
	case err == io.EOF:
		return nil
	}
	return err
}

// Token implements [xml.TokenReader].
func (g *guard) Token() (xml.Token, error) {
	for {
		tok, err := g.next()
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if g.foreign(tok) {
				if err := g.skip(); err != nil {
					return nil, err
				}
				continue
			}
			g.element(tok)
			tok.Attr = slices.DeleteFunc(tok.Attr, func(a xml.Attr) bool {
				return a.Name.Space != "" || a.Name.Local == "xmlns"
			})
			return tok, nil
		case xml.EndElement, xml.CharData:
			return tok, nil
		}
		// Comments, instructions and document types say nothing.
	}
}

// next reads a token, keeps the path, and parks what must not go on.
func (g *guard) next() (xml.Token, error) {
	g.line, g.column = g.dec.InputPos()
	tok, err := g.dec.Token()
	if err != nil {
		g.line, g.column = g.dec.InputPos() // where it went wrong, not where the token starts
		return nil, g.failed(err)
	}
	switch t := tok.(type) {
	case xml.StartElement:
		if err := g.enter(t.Name); err != nil {
			return nil, err
		}
	case xml.EndElement:
		g.leave(t.Name.Local)
		g.path, g.members = g.path[:len(g.path)-1], g.members[:len(g.members)-1]
		g.tree = min(g.tree, len(g.path))
	case xml.CharData:
		if len(g.path) == 0 && len(bytes.TrimSpace(t)) > 0 {
			return nil, g.park(normalize.ReasonSyntax, "text outside of the root element")
		}
	}
	return tok, nil
}

// enter checks an element before it is handed out, and adds it to the path.
func (g *guard) enter(name xml.Name) error {
	switch {
	case len(g.path) >= g.limits.MaxDepth:
		return g.park(normalize.ReasonDepth, "nested deeper than %d levels", g.limits.MaxDepth)
	case len(g.path) == 0 && g.seen:
		return g.park(normalize.ReasonSyntax, "a second root element: send one document at a time")
	case len(g.path) == 0:
		g.root, g.seen, g.version = name, true, versionOf(name.Space)
		if name.Local != "bom" {
			return g.park(normalize.ReasonInvalid, "the root element is <%.60s>, CycloneDX has <bom>", name.Local)
		}
		if !supported(g.version) {
			g.err = unsupported(g.version, g.position())
			return g.err
		}
	case name.Local == "component":
		count := &g.others
		if g.tree == len(g.path) {
			if g.path[g.tree-1] == "metadata" {
				break // what the SBOM describes
			}
			count = &g.components
		}
		if *count++; *count > g.limits.MaxComponents {
			return g.park(normalize.ReasonTooMany, "more than %d components: split the document or raise the limit", g.limits.MaxComponents)
		}
	}
	if g.budget >= 0 {
		cost, ok := g.costs.of[name.Local]
		if !ok {
			cost = g.costs.rest
		}
		if g.budget -= cost; g.budget < 0 {
			g.budget = -1
			return errEntry
		}
	}
	if g.tree == len(g.path) && (g.tree == 0 || name.Local == "components" || name.Local == "component" || name.Local == "metadata") {
		g.tree++
	}
	g.path, g.members = append(g.path, name.Local), append(g.members, 0)
	return nil
}

// skip passes over the element that was just opened.
func (g *guard) skip() error {
	for level := len(g.path); len(g.path) >= level; {
		if _, err := g.next(); err != nil {
			return err
		}
	}
	return nil
}

// children lists what the library takes inside of some elements; at anything
// else it gives up.
var children = map[string][]string{
	"tools":    {"tool", "components", "services"},
	"licenses": {"license", "expression", "expression-detailed"},
	"evidence": {"identity", "occurrences", "callstack", "licenses", "copyright"},
}

// foreign reports whether an element, the last of the path, is not CycloneDX.
func (g *guard) foreign(e xml.StartElement) bool {
	if e.Name.Space != g.root.Space && e.Name.Space != "" && versionOf(e.Name.Space) == "" {
		if !slices.Contains(g.extensions, e.Name.Space) {
			g.extensions = append(g.extensions, e.Name.Space)
			g.warn("extension", g.position(), "elements of the namespace %.100q are not carried into the JSON form", e.Name.Space)
		}
		return true
	}
	if len(g.path) < 3 {
		return false
	}
	parent, grandparent := g.path[len(g.path)-2], g.path[len(g.path)-3]
	known, ok := children[parent]
	if !ok || slices.Contains(known, e.Name.Local) || parent == "evidence" && grandparent != "component" {
		return false
	}
	g.warn("unknown-element", g.position(), "<%.60s> does not belong into <%s>; left out", e.Name.Local, parent)
	return true
}

func (g *guard) failed(err error) error {
	if err == io.EOF {
		if !g.seen {
			return g.park(normalize.ReasonSyntax, "no XML element in this document")
		}
		return io.EOF
	}
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return g.park(normalize.ReasonSyntax, "not well-formed XML: %s", syntax.Msg)
	}
	return g.park(normalize.ReasonSyntax, "not well-formed XML: %v", err)
}

func (g *guard) park(reason, format string, args ...any) error {
	g.err = normalize.Park(reason, g.position(), format, args...)
	return g.err
}

// position is where the last token is in the original, as line:column.
func (g *guard) position() string { return g.text.Position(g.line, g.column) }
