package snapshot

import "sluice/normalize"

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

// take counts one more thing that is kept for details.
func (r *reader) take() bool {
	if r.taken++; r.taken > normalize.MaxDetails {
		r.Fail(normalize.Park(normalize.ReasonTooMany, "", "more than %d dependencies", normalize.MaxDetails))
		return false
	}
	return true
}

// settle finds what the dependencies of a manifest, from the given edge on, lead to: they are
// named by their members or by their purls, and may come later. Others are left out.
func (r *reader) settle(first int, known map[string]string) {
	kept := r.out.Edges[:first]
	for _, e := range r.out.Edges[first:] {
		if to, ok := known[e.To]; ok {
			e.To = to
			kept = append(kept, e)
		}
	}
	r.out.Edges = kept
}
