package vexdoc

import (
	"bytes"
	"errors"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"sluice/normalize"
	"sluice/normalize/purl"
)

var cycloneDXState = map[string]cdx.ImpactAnalysisState{
	normalize.NotAffected: cdx.IASNotAffected, normalize.Affected: cdx.IASExploitable,
	normalize.Fixed: cdx.IASResolved, normalize.UnderInvestigation: cdx.IASInTriage,
}

// cycloneDX writes a VEX that stands alone: it describes the artifact and lists no components, which
// an SBOM would; what is affected is named by purl.
func (w *writer) cycloneDX(version string) ([]byte, error) {
	if w.Artifact == "" {
		return nil, errors.New("CycloneDX says verdicts on one artifact in a document, and there are several")
	}
	main := &cdx.Component{Type: cdx.ComponentTypeApplication, BOMRef: w.Artifact, Name: w.Artifact, PackageURL: w.Artifact}
	subject, err := purl.Parse(w.Artifact)
	if err == nil {
		main.Name, main.Version = subject.Name, subject.Version
	}
	bom := cdx.NewBOM()
	bom.SerialNumber, bom.Version = "urn:uuid:"+w.ID, w.Version
	bom.Metadata = &cdx.Metadata{
		Timestamp: stamp(w.Time), Component: main, Authors: &[]cdx.OrganizationalContact{{Name: w.Author}},
		Tools:    &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "sluice"}}},
		Supplier: &cdx.OrganizationalEntity{Name: w.Author},
	}
	list := []cdx.Vulnerability{}
	for _, v := range w.Verdicts {
		entry := w.cycloneDXEntry(v)
		if p, err := purl.Parse(v.Package); err == nil && purl.SameName(p, subject) {
			w.lose(v, "product", v.Package, "the package has the name of the artifact: it is read as being about all of that")
		}
		if n := len(list); n > 0 && sameEntry(list[n-1], entry) {
			*list[n-1].Affects = append(*list[n-1].Affects, (*entry.Affects)...)
			continue
		}
		list = append(list, entry)
	}
	bom.Vulnerabilities = &list
	spec := map[string]cdx.SpecVersion{"1.6": cdx.SpecVersion1_6, "1.7": cdx.SpecVersion1_7}[version]
	bom.SpecVersion, bom.JSONSchema = spec, "http://cyclonedx.org/schema/bom-"+version+".schema.json"
	var out bytes.Buffer
	// Not EncodeVersion, which leaves out a list that is empty: a document that says nothing any more has one, and
	// without it is an SBOM by which its artifact has no components. What is written here 1.6 and 1.7 both have.
	err = cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).Encode(bom)
	return out.Bytes(), err
}

func (w *writer) cycloneDXEntry(v Verdict) cdx.Vulnerability {
	w.common(v)
	a := &cdx.VulnerabilityAnalysis{State: cycloneDXState[v.Status], Detail: v.Impact}
	if v.Status == normalize.NotAffected {
		a.Detail = v.reason()
		a.Justification = cdx.ImpactAnalysisJustification(w.justification(v, detailed, "CycloneDX"))
	}
	if !v.Time.IsZero() {
		a.FirstIssued, a.LastUpdated = stamp(v.Time), stamp(v.Time)
	}
	entry := cdx.Vulnerability{
		ID: v.Vulnerability, Analysis: a, Recommendation: v.Action, Affects: &[]cdx.Affects{{Ref: v.Package}},
	}
	if p := v.provenance(); p != "" {
		entry.Properties = &[]cdx.Property{{Name: "sluice:provenance", Value: p}}
	}
	return entry
}

// sameEntry reports whether two entries differ in what is affected alone.
func sameEntry(a, b cdx.Vulnerability) bool {
	text := func(v cdx.Vulnerability) string {
		v.Affects = nil
		out, _ := indented(v)
		return strings.TrimSpace(string(out))
	}
	return text(a) == text(b)
}
