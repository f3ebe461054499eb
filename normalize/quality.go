package normalize

import "strings"

// Stated is what a reader counts while it passes by. Components are entries, the main one
// among them, whatever number of purls they have.
type Stated struct {
	Suppliers int  // components whose supplier is named
	Relations int  // components of which the document says what they need or what needs them
	Author    bool // a person or an organisation says that it wrote the document
}

// Quality is how much of the minimum elements for an SBOM (NTIA, 2021) a document has: how many
// of its components have each, and what the document says of itself.
type Quality struct {
	Components  int  `json:"components"`
	Suppliers   int  `json:"supplier"`
	Names       int  `json:"name"`
	Versions    int  `json:"version"`
	Identifiers int  `json:"identifier"` // a purl or a CPE
	Relations   int  `json:"relationship"`
	Matchable   int  `json:"matchable"` // that advisories can be found for; of all but files and the like
	Software    int  `json:"software"`  // components but files and the like
	Author      bool `json:"author"`
	Timestamp   bool `json:"timestamp"`
}

// Quality counts what components have; Software and Matchable are for who knows packages.
func (d *Document) Quality() Quality {
	q := Quality{Suppliers: d.Stated.Suppliers, Relations: d.Stated.Relations, Author: d.Stated.Author, Timestamp: !d.Time.IsZero()}
	for _, list := range [][]Component{d.Main, d.Components} {
		var has struct{ name, version, identifier bool }
		count := func() {
			q.Components++
			q.Names += one(has.name)
			q.Versions += one(has.version)
			q.Identifiers += one(has.identifier)
		}
		for i := range list {
			c := &list[i]
			// Several purls of one entry follow each other.
			if i > 0 && (c.Pointer == "" || c.Pointer != list[i-1].Pointer) {
				count()
				has.name, has.version, has.identifier = false, false, false
			}
			has.name = has.name || c.Name != ""
			has.version = has.version || c.Versioned()
			has.identifier = has.identifier || strings.HasPrefix(c.Purl, "pkg:") || c.CPE != ""
		}
		if len(list) > 0 {
			count()
		}
	}
	return q
}

// Versioned reports whether the component says its version, be it in its purl only.
func (c *Component) Versioned() bool {
	if c.Version != "" {
		return true
	}
	p := c.Purl
	if end := strings.IndexAny(p, "?#"); end >= 0 {
		p = p[:end]
	}
	at := strings.LastIndexByte(p, '@')
	return at > strings.LastIndexByte(p, '/') && at < len(p)-1
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
