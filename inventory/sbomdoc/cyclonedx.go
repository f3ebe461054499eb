package sbomdoc

import (
	"bytes"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"sluice/normalize"
)

// types are the component types that both versions have.
var types = map[string]bool{
	"application": true, "framework": true, "library": true, "container": true, "platform": true, "operating-system": true, "device": true,
	"device-driver": true, "firmware": true, "file": true, "machine-learning-model": true, "data": true, "cryptographic-asset": true,
}

var (
	hashValue = regexp.MustCompile(`^([a-fA-F0-9]{32}|[a-fA-F0-9]{40}|[a-fA-F0-9]{64}|[a-fA-F0-9]{96}|[a-fA-F0-9]{128})$`)
	hashes    = set("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512", "BLAKE2b-256", "BLAKE2b-384", "BLAKE2b-512", "BLAKE3")
	// references are the types that every version has.
	references = set("vcs", "issue-tracker", "website", "advisories", "bom", "mailing-list", "social", "chat", "documentation", "support",
		"distribution", "license", "build-meta", "build-system", "release-notes", "security-contact", "model-card", "log", "configuration", "evidence",
		"formulation", "attestation", "threat-model", "adversary-model", "risk-assessment", "vulnerability-assertion", "exploitability-statement",
		"pentest-report", "static-analysis-report", "dynamic-analysis-report", "runtime-analysis-report", "component-analysis-report", "maturity-report",
		"certification-report", "codified-infrastructure", "quality-metrics", "poam", "source-distribution", "electronic-signature", "digital-signature", "rfc-9116", "other")
	serial = regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

func (w *writer) cycloneDX(version string) ([]byte, error) {
	d := w.source
	bom := cdx.NewBOM()
	if serial.MatchString(d.Document.ID) {
		bom.SerialNumber = d.Document.ID
		if n, err := strconv.Atoi(d.Document.Version); err == nil && n > 0 {
			bom.Version = n
		}
	}
	bom.Metadata = w.metadata()
	refs := map[string]bool{}
	inside := map[string][]int{} // the places of what is nested, by the pointer of what it is in
	for i, it := range w.items {
		inside[it.details.Parent] = append(inside[it.details.Parent], i)
	}
	var build func(parent string) []cdx.Component
	build = func(parent string) []cdx.Component {
		var list []cdx.Component
		for _, i := range inside[parent] {
			it := w.items[i]
			c := w.component(i, refs)
			if it.Pointer != "" && it.Pointer != parent {
				if nested := build(it.Pointer); nested != nil {
					c.Components = &nested
				}
			}
			if i == 0 && w.main {
				bom.Metadata.Component = &c
			} else {
				list = append(list, c)
			}
			list = append(list, morePurls(it, c, refs)...)
		}
		return list
	}
	components := build("")
	bom.Components = &components
	if bom.Metadata.Component == nil && d.Document.Subject.Name != "" {
		bom.Metadata.Component = &cdx.Component{Type: cdx.ComponentTypeApplication, Name: d.Document.Subject.Name, Version: d.Document.Subject.Version}
	}
	if list := w.services(refs); len(list) > 0 {
		bom.Services = &list
	}
	if list := w.dependencies(refs); len(list) > 0 {
		bom.Dependencies = &list
	}
	target := cdx.SpecVersion1_7
	if version == "1.6" {
		target = cdx.SpecVersion1_6
	}
	var out bytes.Buffer
	err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, target)
	return out.Bytes(), err
}

func (w *writer) metadata() *cdx.Metadata {
	d := w.source
	m := &cdx.Metadata{}
	if !d.Document.Time.IsZero() {
		m.Timestamp = d.Document.Time.UTC().Format(time.RFC3339)
	}
	if len(d.Tools) > 0 {
		var tools []cdx.Component
		for i, t := range d.Tools {
			if slices.Contains(d.Tools[:i], t) {
				continue
			}
			c := cdx.Component{Type: cdx.ComponentTypeApplication, Name: t.Name, Version: t.Version}
			if t.Vendor != "" {
				c.Publisher = t.Vendor
			}
			tools = append(tools, c)
		}
		m.Tools = &cdx.ToolsChoice{Components: &tools}
	}
	var authors []cdx.OrganizationalContact
	for _, a := range d.Authors {
		authors = append(authors, cdx.OrganizationalContact{Name: a})
	}
	if authors != nil {
		m.Authors = &authors
	}
	if d.Supplier != "" {
		m.Supplier = &cdx.OrganizationalEntity{Name: d.Supplier}
	}
	m.Licenses = w.licenses(d.Licenses, "")
	return m
}

func (w *writer) component(i int, refs map[string]bool) cdx.Component {
	it := w.items[i]
	x := it.details
	c := cdx.Component{
		Type: cdx.ComponentType(it.Type), Group: it.Group, Name: it.Name, Version: it.Version, PackageURL: it.Purl, CPE: it.CPE,
		Scope: cdx.Scope(it.Scope), Description: x.Description, Copyright: x.Copyright,
	}
	if !types[it.Type] {
		c.Type = cdx.ComponentTypeLibrary
		if it.Type != "" {
			w.lose("type "+it.Type, 1, it.Pointer)
		}
	}
	// Each has a bom-ref: two entries that are the same in all else are still two.
	c.BOMRef = it.Ref
	if it.Ref == "" || refs[it.Ref] {
		if it.Ref != "" {
			w.lose("bom-ref of two components", 1, it.Pointer)
		}
		c.BOMRef = "component-" + strconv.Itoa(i)
		for refs[c.BOMRef] {
			c.BOMRef += "-x"
		}
	}
	refs[c.BOMRef] = true
	if x.Supplier != "" {
		c.Supplier = &cdx.OrganizationalEntity{Name: x.Supplier}
	}
	if x.Author != "" {
		c.Authors = &[]cdx.OrganizationalContact{{Name: x.Author}}
	}
	if n := len(x.CPEs); n > 0 {
		w.lose("CPEs after the first", n, it.Pointer)
	}
	c.Licenses = w.licenses(x.Licenses, it.Pointer)
	var sums []cdx.Hash
	for _, h := range x.Hashes {
		if hashes[h.Algorithm] && hashValue.MatchString(h.Value) {
			sums = append(sums, cdx.Hash{Algorithm: cdx.HashAlgorithm(h.Algorithm), Value: h.Value})
		} else {
			w.lose("hash "+h.Algorithm, 1, it.Pointer)
		}
	}
	if sums != nil {
		c.Hashes = &sums
	}
	var links []cdx.ExternalReference
	for i, r := range x.References {
		if _, err := url.Parse(r.URL); err != nil {
			w.lose("external reference whose URL is none", 1, it.Pointer)
			continue
		}
		if slices.Contains(x.References[:i], r) {
			continue
		}
		ref := cdx.ExternalReference{Type: cdx.ExternalReferenceType(r.Type), URL: r.URL, Comment: r.Comment}
		if !references[r.Type] {
			ref.Type = cdx.ERTypeOther
			ref.Comment = strings.TrimSpace(r.Type + " " + r.Comment)
		}
		links = append(links, ref)
	}
	if links != nil {
		c.ExternalReferences = &links
	}
	c.Properties = origin(it.Component)
	return c
}

// origin writes the source package and module as scanners write them, so that it is read again.
func origin(c normalize.Component) *[]cdx.Property {
	var list []cdx.Property
	for _, p := range []cdx.Property{
		{Name: "syft:metadata:source", Value: c.Source}, {Name: "syft:metadata:sourceVersion", Value: c.SourceVersion}, {Name: "syft:metadata:modularityLabel", Value: c.Module},
	} {
		if p.Value != "" {
			list = append(list, p)
		}
	}
	if list == nil {
		return nil
	}
	return &list
}

// morePurls are components of their own: each purl is a package, and a component here has one.
func morePurls(it item, first cdx.Component, refs map[string]bool) (list []cdx.Component) {
	for n, p := range it.purls[min(1, len(it.purls)):] {
		c := first
		c.BOMRef, c.Components, c.PackageURL = first.BOMRef+"-purl-"+strconv.Itoa(n+2), nil, p
		for refs[c.BOMRef] {
			c.BOMRef += "-x"
		}
		refs[c.BOMRef] = true
		list = append(list, c)
	}
	return list
}

func (w *writer) licenses(list []normalize.License, pointer string) *cdx.Licenses {
	if len(list) == 0 {
		return nil
	}
	if l := list[0]; len(list) == 1 && l.Expression != "" {
		return &cdx.Licenses{{Expression: l.Expression}}
	}
	var out cdx.Licenses
	for _, l := range list {
		c := cdx.License{ID: l.ID, Name: l.Name, URL: l.URL}
		if l.ID != "" && !isLicense(l.ID) {
			c.ID, c.Name = "", l.ID
		}
		if l.Expression != "" {
			c.Name = l.Expression
			w.lose("licence expression beside others, written as a name", 1, pointer)
		}
		if l.Concluded {
			c.Acknowledgement = cdx.LicenseAcknowledgementConcluded
		}
		out = append(out, cdx.LicenseChoice{License: &c})
	}
	return &out
}

func (w *writer) services(refs map[string]bool) (list []cdx.Service) {
	for _, s := range w.source.Services {
		v := cdx.Service{Group: s.Group, Name: s.Name, Version: s.Version}
		if s.Ref != "" && !refs[s.Ref] {
			refs[s.Ref] = true
			v.BOMRef = s.Ref
		}
		if s.Provider != "" {
			v.Provider = &cdx.OrganizationalEntity{Name: s.Provider}
		}
		if len(s.Endpoints) > 0 {
			endpoints := s.Endpoints
			v.Endpoints = &endpoints
		}
		for _, other := range s.Other {
			w.lose("services."+other, 1, s.Pointer)
		}
		list = append(list, v)
	}
	return list
}

// dependencies has an entry for each component of which anything is known. What merely contains
// another and does not enclose it in the list has no place here.
func (w *writer) dependencies(refs map[string]bool) (list []cdx.Dependency) {
	at := map[string]int{}
	entry := func(ref string) int {
		if i, ok := at[ref]; ok {
			return i
		}
		at[ref] = len(list)
		list = append(list, cdx.Dependency{Ref: ref})
		return at[ref]
	}
	parent := map[string]string{}
	for _, it := range w.items {
		if it.details.Related && refs[it.Ref] {
			entry(it.Ref)
		}
		if it.details.Parent != "" {
			parent[it.Ref] = it.details.Parent
		}
	}
	seen := map[normalize.Edge]bool{}
	for _, e := range w.source.Edges {
		if !refs[e.From] || !refs[e.To] || seen[e] {
			continue
		}
		seen[e] = true
		var to **[]string
		switch e.Kind {
		case normalize.DependsOn:
			to = &list[entry(e.From)].Dependencies
		case normalize.Provides:
			to = &list[entry(e.From)].Provides
		default:
			if parent[e.To] == "" {
				w.lose("relationships: "+e.Kind, 1, "")
			}
			continue
		}
		if *to == nil {
			*to = &[]string{}
		}
		**to = append(**to, e.To)
	}
	return list
}
