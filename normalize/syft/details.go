package syft

import (
	"sluice/normalize"
	"sluice/normalize/lenient"
)

// Details implements [normalize.Detailer].
func (f Format) Details(in normalize.Input) (*normalize.Details, error) {
	d := &normalize.Details{}
	doc, err := f.read(in, d)
	if err != nil {
		return nil, err
	}
	d.Tools = doc.Tools
	return d, nil
}

// take counts one more thing that is kept for details; nothing is while nobody asks.
func (r *reader) take() bool {
	if r.out == nil {
		return false
	}
	if r.taken++; r.taken > normalize.MaxDetails {
		r.Fail(normalize.Park(normalize.ReasonTooMany, "", "more than %d licences, names and relationships", normalize.MaxDetails))
		return false
	}
	return true
}

// details adds what needs the whole document: what was scanned, the distribution, and what
// depends on what.
func (r *reader) details() {
	var front []normalize.ComponentDetails
	if len(r.doc.Main) > 0 {
		front = append(front, normalize.ComponentDetails{Ref: r.source.id, Pointer: r.doc.Main[0].Pointer})
		r.out.Roots = []string{r.source.id}
	}
	for _, c := range r.doc.Components {
		if c.Type == "operating-system" {
			front = append(front, normalize.ComponentDetails{Pointer: c.Pointer})
		}
	}
	r.out.Components = append(front, r.out.Components...)
	known := func(id string) bool { return id != "" && (r.refs[id] || id == r.source.id) }
	if len(r.relationships) == 0 {
		return
	}
	s := lenient.New(r.relationships, "/artifactRelationships", nil)
	for ok := s.Array(); ok && s.Element(); {
		var parent, child, kind string
		for ok := s.Object(); ok && s.Member(); {
			switch string(s.Name()) {
			case "parent":
				parent = s.Text()
			case "child":
				child = s.Text()
			case "type":
				kind = s.Text()
			default:
				s.Skip()
			}
		}
		if !known(parent) || !known(child) || !r.take() {
			continue // of files
		}
		switch kind {
		case "dependency-of":
			r.out.Edges = append(r.out.Edges, normalize.Edge{From: child, To: parent, Kind: normalize.DependsOn})
		case "contains", "ownership-by-file-overlap":
			r.out.Edges = append(r.out.Edges, normalize.Edge{From: parent, To: child, Kind: normalize.Contains})
		}
	}
	r.Fail(s.Err())
}
