package normalize

import "slices"

// Detailer is a Format that can also say what an SBOM holds beyond what is matched: who made
// it, licences, hashes, suppliers, what depends on what. None of that is stored in rows: it is
// read from the original when somebody asks (an export, a path, the quality of a document),
// and costs an import nothing.
//
// A notation whose Document.JSON is the JSON form of a standard need not implement it:
// detect.Details reads that form with the format that it belongs to.
type Detailer interface {
	// Details reads the document, which Normalize accepts. What is odd is taken as far as it can
	// be used, without warnings: Normalize has said them. An error is a *ParkError. Memory is
	// bounded by the document and by Limits.
	Details(in Input) (*Details, error)
}

// Details is what an SBOM says beyond what is matched.
type Details struct {
	// Document is what Normalize says of the same bytes. Its components and those below belong
	// together by Pointer: one below may be several there, one for each purl.
	Document *Document
	// Tools made the document, the one that speaks for it first: see Document.Tools.
	Tools []Tool
	// Authors are the people and organisations that wrote the document, as it names them.
	Authors []string
	// Supplier is who supplies what the document describes; "" where it does not say.
	Supplier string
	// Licenses are those of the document itself (CycloneDX metadata.licenses, SPDX dataLicense).
	Licenses []License
	// Roots are the references of what the document describes: the main component, or several.
	Roots []string
	// Components are all components, the main one first where the format keeps it apart.
	Components []ComponentDetails
	Services   []Service
	// Edges lead from one reference that the document defines to another, in its order. References
	// to nothing and to files are left out.
	Edges []Edge
	// Other counts what the document has and nothing above holds, by the member's name:
	// "annotations", "files". An export cannot carry it.
	Other map[string]int
}

// Tool is a program that made a document.
type Tool struct {
	Vendor, Name, Version string
}

// String is the tool as people write it: "syft 1.20.0".
func (t Tool) String() string {
	if t.Version == "" {
		return t.Name
	}
	return t.Name + " " + t.Version
}

// ComponentDetails are those of one entry.
type ComponentDetails struct {
	Ref     string // bom-ref, SPDXID; "" where absent, and not always unique
	Pointer string // of the entry in the JSON form, as Component.Pointer
	// Parent is the Pointer of the component that it is nested in; "" at the top.
	Parent string
	// Supplier delivers it, Author wrote it (the originator of SPDX, author, manufacturer or publisher of CycloneDX).
	Supplier, Author string
	Description      string
	Copyright        string
	Licenses         []License
	Hashes           []Hash
	References       []Reference
	// Purls and CPEs are those after the first that Component has. CycloneDX has none.
	Purls, CPEs []string
	// Related says that the document states what it depends on, be it nothing.
	Related bool
	// Other names the members that nothing above holds: "evidence", "filesAnalyzed".
	Other []string
}

// License is a licence as it is written: one of ID, Expression and Name is set.
type License struct {
	ID         string // on the SPDX list, as the document says
	Expression string // SPDX expression
	Name       string
	URL        string
	// Concluded says that somebody found it out, rather than that the supplier declared it.
	Concluded bool
}

// Hash is a checksum of a component. Algorithm is CycloneDX's word: "SHA-256", "MD5".
type Hash struct{ Algorithm, Value string }

// Reference leads to something outside. Type is CycloneDX's word: "website", "vcs",
// "distribution"; of an SPDX reference that is neither purl nor CPE, its type as written.
type Reference struct{ Type, URL, Comment string }

// Service is something that is called rather than contained.
type Service struct {
	Ref, Pointer         string
	Group, Name, Version string
	Provider             string
	Endpoints            []string
	Other                []string // members that nothing above holds
}

// The kinds of edges.
const (
	DependsOn = "depends-on" // From needs To
	Contains  = "contains"   // To is a part of From
	Provides  = "provides"   // From implements To, a specification
)

// Edge says how one component relates to another.
type Edge struct{ From, To, Kind string }

// MaxDetails is how many edges, and how many licences, hashes, references and the like in all,
// are read from one document. The largest real one has some hundred thousand.
const MaxDetails = 4_000_000

// Path returns the references of the shortest way from what the document describes to one that
// is wanted, both included; nil where there is none. A way along dependencies alone is taken
// before a shorter one through what merely contains something: a document that lists all its
// packages below the main component would hide who needs them. Where what it describes leads
// nowhere near, the way starts at something that nothing else leads to.
func (d *Details) Path(wanted func(ref string) bool) []string {
	all := []string{DependsOn, Contains, Provides}
	for _, kinds := range [][]string{all[:1], all} {
		if path := d.graph(kinds).path(d.Roots, wanted); path != nil {
			return path
		}
	}
	for _, kinds := range [][]string{all[:1], all} {
		g := d.graph(kinds)
		if path := g.path(g.sources, wanted); path != nil {
			return path
		}
	}
	return nil
}

// graph is what leads where by edges of some kinds.
type graph struct {
	next    map[string][]string
	sources []string // those that nothing leads to
}

func (d *Details) graph(kinds []string) graph {
	g := graph{next: make(map[string][]string)}
	led := make(map[string]bool)
	for _, e := range d.Edges {
		if slices.Contains(kinds, e.Kind) && e.From != e.To {
			g.next[e.From] = append(g.next[e.From], e.To)
			led[e.To] = true
		}
	}
	for _, e := range d.Edges {
		if len(g.next[e.From]) > 0 && !led[e.From] {
			led[e.From] = true
			g.sources = append(g.sources, e.From)
		}
	}
	return g
}

// path searches breadth first, so the first way that is found is a shortest one.
func (g graph) path(roots []string, wanted func(string) bool) []string {
	before := make(map[string]string, len(g.next))
	queue := slices.Clone(roots)
	for _, root := range roots {
		before[root] = ""
	}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if wanted(at) {
			var path []string
			for ref := at; ref != ""; ref = before[ref] {
				path = append(path, ref)
			}
			slices.Reverse(path)
			return path
		}
		for _, to := range g.next[at] {
			if _, seen := before[to]; !seen {
				before[to] = at
				queue = append(queue, to)
			}
		}
	}
	return nil
}
