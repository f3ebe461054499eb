package sbomdoc

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"sluice/normalize"
)

const noAssertion = "NOASSERTION"

// purposes are those of SPDX 2.3.
var purposes = set("application", "framework", "library", "container", "operating-system", "device", "firmware", "source", "archive", "file", "install", "other")

var element = regexp.MustCompile(`^SPDXRef-[A-Za-z0-9.-]+$`)

// spdxWriter is a writer with what SPDX needs beside.
type spdxWriter struct {
	*writer
	doc   *spdx.Document
	ids   map[string]common.ElementID // by the source's reference
	taken map[string]bool
	named map[string]string // LicenseRef by name
}

func (w *writer) spdx() ([]byte, error) {
	s := &spdxWriter{writer: w, ids: map[string]common.ElementID{}, taken: map[string]bool{"DOCUMENT": true}, named: map[string]string{}}
	s.doc = &spdx.Document{SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXIdentifier: "DOCUMENT", DocumentName: w.name(), CreationInfo: w.creation()}
	for i, it := range w.items {
		s.pkg(i, it)
	}
	s.relationships()
	for _, v := range w.source.Services {
		w.lose("services", 1, v.Pointer)
	}
	for _, l := range w.source.Licenses {
		if l.ID != "CC0-1.0" {
			w.lose("licences of the document", 1, "")
		}
	}
	// Without a namespace of its own the document is named by what it says.
	if s.doc.DocumentNamespace = w.source.Document.ID; !strings.Contains(s.doc.DocumentNamespace, ":") || strings.ContainsAny(s.doc.DocumentNamespace, "# ") {
		body, err := json.Marshal(s.doc)
		if err != nil {
			return nil, err
		}
		s.doc.DocumentNamespace = fmt.Sprintf("urn:sluice:sha256:%x", sha256.Sum256(body))
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(s.doc)
	return out.Bytes(), err
}

// creation names who made the source. A time is required: without one it is the beginning of
// what documents can have.
func (w *writer) creation() *spdx.CreationInfo {
	d := w.source
	c := &spdx.CreationInfo{Created: "1990-01-01T00:00:00Z"}
	if !d.Document.Time.IsZero() {
		c.Created = d.Document.Time.UTC().Format(time.RFC3339)
	}
	for _, a := range d.Authors {
		c.Creators = append(c.Creators, common.Creator{CreatorType: "Organization", Creator: a})
	}
	for _, t := range d.Tools {
		name := t.Name
		if t.Version != "" {
			name += "-" + t.Version
		}
		c.Creators = append(c.Creators, common.Creator{CreatorType: "Tool", Creator: name})
		if t.Vendor != "" {
			w.lose("vendor of a tool", 1, "")
		}
	}
	if c.Creators == nil {
		c.Creators = []common.Creator{{CreatorType: "Tool", Creator: "sluice"}}
	}
	return c
}

// id is the SPDXID of an item: its own where it is one, else made of its place.
func (s *spdxWriter) id(i int, it item) common.ElementID {
	id := strconv.Itoa(i)
	if i == 0 && s.main {
		id = "main"
	}
	id = "Package-" + id
	if own, ok := strings.CutPrefix(it.Ref, "SPDXRef-"); ok && element.MatchString(it.Ref) && !s.taken[own] {
		id = own
	}
	for s.taken[id] {
		id += "-x"
	}
	s.taken[id] = true
	if it.Ref != "" {
		if _, ok := s.ids[it.Ref]; ok {
			s.lose("reference of two components", 1, it.Pointer)
		} else {
			s.ids[it.Ref] = common.ElementID(id)
		}
	}
	return common.ElementID(id)
}

func (s *spdxWriter) pkg(i int, it item) {
	x := it.details
	p := &spdx.Package{
		PackageSPDXIdentifier: s.id(i, it), PackageName: joined(it.Group, it.Name), PackageVersion: it.Version, PackageDownloadLocation: noAssertion,
		PackageDescription: x.Description, PackageCopyrightText: x.Copyright, IsFilesAnalyzedTagPresent: true,
	}
	if p.PackageName == "" {
		p.PackageName = noAssertion
	}
	switch {
	case purposes[it.Type]:
		// The schema has an underscore in OPERATING_SYSTEM, where the specification has a hyphen.
		p.PrimaryPackagePurpose = strings.ReplaceAll(strings.ToUpper(it.Type), "-", "_")
	case it.Type != "":
		p.PrimaryPackagePurpose = "OTHER"
		s.lose("type "+it.Type, 1, it.Pointer)
	}
	if it.Scope != "" {
		s.lose("scope", 1, it.Pointer)
	}
	if it.Source != "" {
		p.PackageSourceInfo = strings.TrimSpace("built package from: " + it.Source + " " + it.SourceVersion)
	}
	if it.Module != "" {
		s.lose("module", 1, it.Pointer)
	}
	if x.Supplier != "" {
		p.PackageSupplier = &common.Supplier{SupplierType: "Organization", Supplier: x.Supplier}
	}
	if x.Author != "" {
		p.PackageOriginator = &common.Originator{OriginatorType: "Organization", Originator: x.Author}
	}
	p.PackageLicenseDeclared = s.expression(x.Licenses, false, it.Pointer)
	p.PackageLicenseConcluded = s.expression(x.Licenses, true, it.Pointer)
	for _, h := range x.Hashes {
		if a := algorithm(h.Algorithm); a != "" {
			p.PackageChecksums = append(p.PackageChecksums, common.Checksum{Algorithm: a, Value: h.Value})
		} else {
			s.lose("hash "+h.Algorithm, 1, it.Pointer)
		}
	}
	s.references(p, it)
	s.doc.Packages = append(s.doc.Packages, p)
}

func (s *spdxWriter) references(p *spdx.Package, it item) {
	add := func(category, kind, locator, comment string) {
		if locator == "" || category == "OTHER" && strings.ContainsAny(locator, " \t\r\n") || strings.ContainsAny(kind, " \t") {
			s.lose("external reference that is no single word", 1, it.Pointer)
			return
		}
		p.PackageExternalReferences = append(p.PackageExternalReferences, &spdx.PackageExternalReference{Category: category, RefType: kind, Locator: locator, ExternalRefComment: comment})
	}
	for _, purl := range it.purls {
		if purl != "" {
			add("PACKAGE-MANAGER", "purl", purl, "")
		}
	}
	for _, cpe := range append([]string{it.CPE}, it.details.CPEs...) {
		switch {
		case strings.HasPrefix(cpe, "cpe:2.3:"):
			add("SECURITY", "cpe23Type", cpe, "")
		case cpe != "":
			add("SECURITY", "cpe22Type", cpe, "")
		}
	}
	for _, r := range it.details.References {
		switch {
		case r.Type == "website" && p.PackageHomePage == "":
			p.PackageHomePage = r.URL
		case r.Type == "distribution" && p.PackageDownloadLocation == noAssertion:
			p.PackageDownloadLocation = r.URL
		default:
			add("OTHER", r.Type, r.URL, r.Comment)
		}
	}
}

// expression joins the licences of one kind. A name becomes a reference to a text, which is the
// name: what it says is not in the source.
func (s *spdxWriter) expression(list []normalize.License, concluded bool, pointer string) string {
	var parts []string
	for _, l := range list {
		if l.Concluded != concluded {
			continue
		}
		switch {
		case l.Expression != "":
			parts = append(parts, l.Expression)
		case l.ID != "" && isLicense(l.ID):
			parts = append(parts, l.ID)
		default:
			name := l.ID + l.Name
			ref, ok := s.named[name]
			if !ok {
				ref = "LicenseRef-" + strconv.Itoa(len(s.named)+1)
				s.named[name] = ref
				other := &spdx.OtherLicense{LicenseIdentifier: ref, ExtractedText: name, LicenseName: name}
				if l.URL != "" {
					other.LicenseCrossReferences = []string{l.URL}
				}
				s.doc.OtherLicenses = append(s.doc.OtherLicenses, other)
			}
			parts = append(parts, ref)
		}
	}
	if len(parts) > 1 {
		for i, p := range parts {
			if strings.Contains(p, " ") {
				parts[i] = "(" + p + ")"
			}
		}
	}
	if len(parts) == 0 {
		return noAssertion
	}
	return strings.Join(parts, " AND ")
}

func algorithm(s string) common.ChecksumAlgorithm {
	if number, ok := strings.CutPrefix(s, "SHA-"); ok {
		s = "SHA" + number
	}
	switch a := common.ChecksumAlgorithm(s); a {
	case common.SHA1, common.SHA224, common.SHA256, common.SHA384, common.SHA512, common.MD2, common.MD4, common.MD5, common.MD6, common.SHA3_256,
		common.SHA3_384, common.SHA3_512, common.BLAKE2b_256, common.BLAKE2b_384, common.BLAKE2b_512, common.BLAKE3, common.ADLER32:
		return a
	}
	return ""
}

func joined(group, name string) string {
	if group == "" || name == "" {
		return group + name
	}
	return group + "/" + name
}

func (s *spdxWriter) relationships() {
	at := func(id common.ElementID) common.DocElementID { return common.DocElementID{ElementRefID: id} }
	add := func(from common.ElementID, kind string, to common.DocElementID) {
		s.doc.Relationships = append(s.doc.Relationships, &spdx.Relationship{RefA: at(from), RefB: to, Relationship: kind})
	}
	switch {
	case s.main:
		add("DOCUMENT", "DESCRIBES", at(s.doc.Packages[0].PackageSPDXIdentifier))
	default:
		described := false
		for _, root := range s.source.Roots {
			if id, ok := s.ids[root]; ok {
				add("DOCUMENT", "DESCRIBES", at(id))
				described = true
			}
		}
		if !described && len(s.doc.Packages) > 1 { // of one alone it would be the main component
			for _, p := range s.doc.Packages {
				add("DOCUMENT", "DESCRIBES", at(p.PackageSPDXIdentifier))
			}
		}
	}
	needs := map[string]bool{}
	seen := map[normalize.Edge]bool{}
	for _, e := range s.source.Edges {
		from, ok := s.ids[e.From]
		to, there := s.ids[e.To]
		if !ok || !there || seen[e] {
			continue
		}
		seen[e] = true
		switch e.Kind {
		case normalize.DependsOn:
			needs[e.From] = true
			add(from, "DEPENDS_ON", at(to))
		case normalize.Contains:
			add(from, "CONTAINS", at(to))
		default:
			s.lose("dependencies: "+e.Kind, 1, "")
		}
	}
	for _, it := range s.items {
		if id, ok := s.ids[it.Ref]; ok && it.details.Related && !needs[it.Ref] {
			needs[it.Ref] = true
			add(id, "DEPENDS_ON", common.DocElementID{SpecialID: "NONE"})
		}
	}
}
