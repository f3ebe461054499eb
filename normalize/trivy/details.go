package trivy

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
		r.Fail(normalize.Park(normalize.ReasonTooMany, "", "more than %d licences and dependencies", normalize.MaxDetails))
		return false
	}
	return true
}
