package inventory

import (
	"context"
	"errors"
	"math"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory/sbomdoc"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/purl"
)

// readAgain are the limits of a document that is stored: it was within those of its import.
var readAgain = normalize.Limits{MaxBytes: math.MaxInt32, MaxComponents: math.MaxInt32, MaxDepth: 10_000, MaxString: math.MaxInt32}

// Details says what a stored SBOM holds beyond what is matched: licences, hashes, suppliers,
// what depends on what. It reads the original, whole, each time it is asked.
func (inv *Inventory) Details(ctx context.Context, tenant id.ID, key DocumentKey) (*normalize.Details, error) {
	if len(inv.cfg.Formats) == 0 {
		return nil, errors.New("inventory: Config.Formats is required to read documents again")
	}
	original, err := inv.Original(ctx, tenant, key)
	if err != nil {
		return nil, err
	}
	d, err := detect.Details(normalize.Input{Bytes: original, Limits: readAgain}, inv.cfg.Formats)
	if errors.Is(err, detect.ErrNoDetails) {
		return nil, ask.Wrong("", "document %s: %w", key.given, err)
	}
	if err != nil {
		return nil, during("read document "+key.given+" again", err)
	}
	return d, nil
}

// ExportAs writes a stored SBOM in one of sbomdoc.Targets, and says what that loses.
func (inv *Inventory) ExportAs(ctx context.Context, tenant id.ID, key DocumentKey, as string) ([]byte, []sbomdoc.Loss, error) {
	if err := ask.OneOf("as", as, sbomdoc.Targets...); err != nil {
		return nil, nil, err
	}
	d, err := inv.Details(ctx, tenant, key)
	if err != nil {
		return nil, nil, err
	}
	if d.Document.Kind != normalize.SBOM {
		return nil, nil, ask.Wrong("as", "document %s is of kind %s; only an SBOM is written in another format", key.given, d.Document.Kind)
	}
	return sbomdoc.Write(d, as)
}

// Step is one component on the way from what an SBOM describes to a package of it.
type Step struct {
	Ref     string `json:"ref"` // bom-ref or SPDXID
	Name    string `json:"name"`
	Version string `json:"version"`
	Purl    string `json:"purl"`
}

// Path is the shortest way of dependencies from what a stored SBOM describes to a package, both
// included. It is empty where the document does not say how it gets there.
func (inv *Inventory) Path(ctx context.Context, tenant id.ID, key DocumentKey, packagePurl string) ([]Step, error) {
	want, err := purl.Parse(packagePurl)
	if err != nil {
		return nil, ask.Wrong("package", "%q: %w", packagePurl, err)
	}
	d, err := inv.Details(ctx, tenant, key)
	if err != nil {
		return nil, err
	}
	return PathIn(d, want.Purl), nil
}

// PathIn is Path in details that were read already, to a canonical purl: who asks for many
// packages of one document reads that once.
func PathIn(d *normalize.Details, packagePurl string) []Step {
	by := steps(d)
	path := d.Path(func(ref string) bool {
		for _, s := range by[ref] {
			if s.Purl == "" {
				continue
			}
			if p, err := purl.Parse(s.Purl); err == nil && p.Purl == packagePurl {
				return true
			}
		}
		return false
	})
	list := []Step{}
	for i, ref := range path {
		s := Step{Ref: ref}
		for j, one := range by[ref] {
			if p, err := purl.Parse(one.Purl); j == 0 || i == len(path)-1 && err == nil && p.Purl == packagePurl {
				s = one
			}
		}
		list = append(list, s)
	}
	return list
}

// steps are the components of a document by reference; several have one, or one has several purls.
func steps(d *normalize.Details) map[string][]Step {
	by := make(map[string][]Step, len(d.Document.Components)+1)
	for _, list := range [][]normalize.Component{d.Document.Main, d.Document.Components} {
		for _, c := range list {
			if c.Ref != "" {
				by[c.Ref] = append(by[c.Ref], Step{Ref: c.Ref, Name: c.Name, Version: c.Version, Purl: c.Purl})
			}
		}
	}
	for _, s := range d.Services {
		if s.Ref != "" {
			by[s.Ref] = append(by[s.Ref], Step{Ref: s.Ref, Name: s.Name, Version: s.Version})
		}
	}
	return by
}
