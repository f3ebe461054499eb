package spdx

import (
	"strconv"
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// Details implements [normalize.Detailer].
func (f JSON) Details(in normalize.Input) (*normalize.Details, error) {
	doc, err := f.Normalize(in)
	if err != nil {
		return nil, err
	}
	d := &details{
		r:    lenient.New(in.Bytes, "", nil),
		out:  &normalize.Details{Document: doc, Tools: doc.Tools},
		refs: make(map[string]string),
	}
	d.read(doc)
	return d.out, d.r.Err()
}

// details is the state of the pass over a document that takes what Normalize leaves.
type details struct {
	r    *lenient.Reader
	out  *normalize.Details
	refs map[string]string // the SPDXIDs of the packages, once
	id   string            // of the document

	described     []string
	relationships []byte // read at the end: packages may come after them
	// extracted are the licences whose text stands in the document: their names by LicenseRef.
	extracted map[string]string
	taken     int // edges, licences, hashes, references
}

func (d *details) read(doc *normalize.Document) {
	if d.r.Object() {
		d.members("")
	}
	d.r.End()
	d.edges()
	main := ""
	if len(doc.Main) > 0 {
		main = doc.Main[0].Pointer
	}
	for i := range d.out.Components {
		c := &d.out.Components[i]
		for j := range c.Licenses {
			d.name(&c.Licenses[j])
		}
		if c.Pointer == main && main != "" {
			d.out.Supplier = c.Supplier
			first := *c
			copy(d.out.Components[1:i+1], d.out.Components[:i])
			d.out.Components[0] = first
			if first.Ref != "" {
				d.out.Roots = []string{first.Ref}
			}
			main = ""
		}
	}
	if len(d.out.Roots) == 0 {
		for _, ref := range d.described {
			if ref, ok := d.refs[ref]; ok {
				d.out.Roots = append(d.out.Roots, ref)
			}
		}
	}
}

// name gives a licence that is a reference to a text in the document the name that it has there.
func (d *details) name(l *normalize.License) {
	if name, ok := d.extracted[l.Expression]; ok && name != "" {
		l.Name, l.Expression = name, ""
	}
}

func (d *details) members(prefix string) {
	r := d.r
	for r.Member() {
		switch name := string(r.Name()); name {
		case "spdxVersion", "name", "documentNamespace":
			r.Skip()
		case "SPDXID":
			d.id = string(r.Bytes())
		case "dataLicense":
			if l := text(r.Text()); l != "" {
				d.out.Licenses = []normalize.License{{ID: l}}
			}
		case "creationInfo":
			d.creationInfo()
		case "documentDescribes":
			for ok := r.List(); ok && r.Element(); {
				if ref := string(r.Bytes()); ref != "" && d.take() {
					d.described = append(d.described, ref)
				}
			}
		case "packages":
			for i, ok := 0, r.Array(); ok && r.Element(); i++ {
				if !r.IsObject() {
					r.Skip()
					continue
				}
				d.pkg(prefix + "/packages/" + strconv.Itoa(i))
			}
		case "relationships":
			d.relationships = r.Raw()
		case "hasExtractedLicensingInfos":
			d.extractedLicenses()
		case wrapper[1:]:
			if prefix == "" && r.IsObject() {
				r.Object()
				d.members(wrapper)
			} else {
				r.Skip()
			}
		default:
			d.other(name)
		}
	}
}

// take counts one more thing that is kept.
func (d *details) take() bool {
	if d.taken++; d.taken > normalize.MaxDetails {
		d.r.Fail(normalize.Park(normalize.ReasonTooMany, "", "more than %d licences, checksums, references and relationships", normalize.MaxDetails))
		return false
	}
	return true
}

// other counts what the next value holds.
func (d *details) other(name string) {
	r, n := d.r, 1
	switch {
	case r.IsArray():
		n = 0
		if r.Array() {
			for ; r.Element(); n++ {
				r.Skip()
			}
		}
	case r.IsNull():
		n = 0
		r.Skip()
	default:
		if raw := string(r.Raw()); raw == `""` || raw == "{}" {
			n = 0
		}
	}
	if n > 0 {
		d.lost(name, n)
	}
}

func (d *details) lost(name string, n int) {
	if d.out.Other == nil {
		d.out.Other = make(map[string]int)
	}
	if len(d.out.Other) < 1000 {
		d.out.Other[name] += n
	}
}

func (d *details) creationInfo() {
	r := d.r
	for ok := r.Object(); ok && r.Member(); {
		switch name := string(r.Name()); name {
		case "creators":
			for ok := r.List(); ok && r.Element(); {
				kind, name := party(r.Text())
				if kind != "" && kind != "Tool" && name != "" && d.take() {
					d.out.Authors = append(d.out.Authors, name)
				}
			}
		case "created":
			r.Skip()
		default:
			d.other("creationInfo." + name)
		}
	}
}

// party reads "Organization: Example (mail@example.com)". Of something without a word in front
// of it the kind is "".
func party(s string) (kind, name string) {
	before, after, found := strings.Cut(text(s), ":")
	if found {
		for _, kind := range []string{"Organization", "Person", "Tool"} {
			if strings.EqualFold(strings.TrimSpace(before), kind) {
				name, _ = strings.CutSuffix(strings.TrimSpace(after), "()")
				return kind, strings.TrimSpace(name)
			}
		}
	}
	return "", text(s)
}

func (d *details) pkg(pointer string) {
	r := d.r
	c := normalize.ComponentDetails{Pointer: pointer}
	var declared, concluded string
	var purls, cpes int
	for ok := r.Object(); ok && r.Member(); {
		switch name := string(r.Name()); name {
		case "SPDXID":
			if c.Ref = string(r.Bytes()); c.Ref != "" {
				d.refs[c.Ref] = c.Ref
			}
		case "name", "packageName", "versionInfo", "packageVersion", "primaryPackagePurpose", "sourceInfo":
			r.Skip()
		case "filesAnalyzed":
			r.Skip() // of a document without its files it is false
		case "supplier":
			_, c.Supplier = party(r.Text())
		case "originator":
			_, c.Author = party(r.Text())
		case "description":
			c.Description = text(r.Text())
		case "summary":
			if summary := text(r.Text()); c.Description == "" {
				c.Description = summary
			}
		case "copyrightText":
			c.Copyright = text(r.Text())
		case "licenseDeclared":
			declared = text(r.Text())
		case "licenseConcluded":
			concluded = text(r.Text())
		case "checksums":
			c.Hashes = d.checksums()
		case "homepage":
			d.reference(&c, "website", text(r.Text()))
		case "downloadLocation":
			d.reference(&c, "distribution", text(r.Text()))
		case "externalRefs":
			for ok := r.Array(); ok && r.Element(); {
				kind, ref := d.externalRef()
				switch kind {
				case "purl":
					if purls++; purls > 1 && ref.URL != "" && d.take() {
						c.Purls = append(c.Purls, ref.URL)
					}
				case "cpe":
					if cpes++; cpes > 1 && ref.URL != "" && d.take() {
						c.CPEs = append(c.CPEs, ref.URL)
					}
				default:
					if ref.URL != "" && d.take() {
						c.References = append(c.References, ref)
					}
				}
			}
		default:
			switch raw := string(r.Raw()); raw {
			case "null", "[]", "{}", `""`, `"NOASSERTION"`, `"NONE"`, `["NOASSERTION"]`:
			default:
				if d.take() {
					c.Other = append(c.Other, known(name))
				}
			}
		}
	}
	if declared != "" {
		c.Licenses = append(c.Licenses, license(declared, false))
	}
	if concluded != "" && concluded != declared {
		c.Licenses = append(c.Licenses, license(concluded, true))
	}
	d.out.Components = append(d.out.Components, c)
}

// names of members, so that a hundred thousand packages do not hold as many copies.
var names = words("packageFileName", "packageVerificationCode", "licenseInfoFromFiles", "licenseComments", "comment",
	"attributionTexts", "annotations", "releaseDate", "builtDate", "validUntilDate", "hasFiles")

func words(list ...string) map[string]string {
	m := make(map[string]string, len(list))
	for _, w := range list {
		m[w] = w
	}
	return m
}

func known(name string) string {
	if n, ok := names[name]; ok {
		return n
	}
	return name
}

// license is an expression; one of a single word from the list is an id.
func license(s string, concluded bool) normalize.License {
	if strings.ContainsAny(s, " ()+") || strings.HasPrefix(s, "LicenseRef-") || strings.HasPrefix(s, "DocumentRef-") {
		return normalize.License{Expression: s, Concluded: concluded}
	}
	return normalize.License{ID: s, Concluded: concluded}
}

func (d *details) reference(c *normalize.ComponentDetails, kind, url string) {
	if url != "" && d.take() {
		c.References = append(c.References, normalize.Reference{Type: kind, URL: url})
	}
}

func (d *details) externalRef() (kind string, ref normalize.Reference) {
	r := d.r
	var word, locator []byte
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "referenceType":
			word = r.Bytes()
		case "referenceLocator":
			locator = r.Bytes()
		case "comment":
			ref.Comment = r.Text()
		default:
			r.Skip()
		}
	}
	ref.Type, ref.URL = string(word), text(string(locator))
	return referenceKind(word, locator), ref
}

func (d *details) checksums() (list []normalize.Hash) {
	r := d.r
	for ok := r.Array(); ok && r.Element(); {
		var h normalize.Hash
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "algorithm":
				h.Algorithm = algorithm(r.Text())
			case "checksumValue":
				h.Value = r.Text()
			default:
				r.Skip()
			}
		}
		if h.Value != "" && d.take() {
			list = append(list, h)
		}
	}
	return list
}

// algorithm is CycloneDX's word for one of SPDX: SHA256 is SHA-256, BLAKE2b_256 BLAKE2b-256.
func algorithm(s string) string {
	number, sha := strings.CutPrefix(s, "SHA")
	switch {
	case sha && !strings.Contains(number, "-"):
		return "SHA-" + number
	case strings.HasPrefix(s, "BLAKE2b_"):
		return "BLAKE2b-" + s[len("BLAKE2b_"):]
	}
	return s
}

func (d *details) extractedLicenses() {
	r := d.r
	d.extracted = make(map[string]string)
	texts := 0
	for ok := r.Array(); ok && r.Element(); {
		var id, name string
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "licenseId":
				id = r.Text()
			case "name":
				name = text(r.Text())
			case "extractedText":
				if raw := r.Raw(); len(raw) > len(`""`) {
					texts++
				}
			default:
				r.Skip()
			}
		}
		if id != "" && d.take() {
			d.extracted[id] = name
		}
	}
	if texts > 0 {
		d.lost("hasExtractedLicensingInfos", texts)
	}
}

// relations say what a relationship means for its two ends, and whether they change places.
var relations = map[string]struct {
	kind  string
	turns bool
}{
	"DEPENDS_ON": {normalize.DependsOn, false}, "HAS_PREREQUISITE": {normalize.DependsOn, false},
	"DYNAMIC_LINK": {normalize.DependsOn, false}, "STATIC_LINK": {normalize.DependsOn, false},
	"DEPENDENCY_OF": {normalize.DependsOn, true}, "PREREQUISITE_FOR": {normalize.DependsOn, true},
	"BUILD_DEPENDENCY_OF": {normalize.DependsOn, true}, "DEV_DEPENDENCY_OF": {normalize.DependsOn, true},
	"OPTIONAL_DEPENDENCY_OF": {normalize.DependsOn, true}, "PROVIDED_DEPENDENCY_OF": {normalize.DependsOn, true},
	"RUNTIME_DEPENDENCY_OF": {normalize.DependsOn, true}, "TEST_DEPENDENCY_OF": {normalize.DependsOn, true},
	"BUILD_TOOL_OF": {normalize.DependsOn, true}, "DEV_TOOL_OF": {normalize.DependsOn, true}, "TEST_TOOL_OF": {normalize.DependsOn, true},
	"CONTAINS": {normalize.Contains, false}, "CONTAINED_BY": {normalize.Contains, true}, "PACKAGE_OF": {normalize.Contains, true},
}

// edges reads the relationships between packages, and counts those that none of the above holds.
func (d *details) edges() {
	if d.relationships == nil || d.r.Failed() {
		return
	}
	outer := d.r
	r := lenient.New(d.relationships, "", nil)
	d.r = r
	related := make(map[string]bool)
	for ok := r.Array(); ok && r.Element(); {
		var from, to, kind []byte
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "spdxElementId":
				from = r.Bytes()
			case "relatedSpdxElement":
				to = r.Bytes()
			case "relationshipType":
				kind = r.Bytes()
			default:
				r.Skip()
			}
		}
		d.relate(related, string(from), string(to), strings.ToUpper(string(kind)))
	}
	for i := range d.out.Components {
		c := &d.out.Components[i]
		c.Related = c.Ref != "" && related[c.Ref]
	}
	if err := r.Err(); err != nil {
		outer.Fail(err)
	}
	d.r = outer
}

func (d *details) relate(related map[string]bool, from, to, kind string) {
	switch kind {
	case "DESCRIBED_BY":
		from, to = to, from
		fallthrough
	case "DESCRIBES":
		if (from == usualID || from == d.id) && d.take() {
			d.described = append(d.described, to)
		}
		return
	}
	meaning, ok := relations[kind]
	if meaning.turns {
		from, to = to, from
	}
	first, knowsFrom := d.refs[from]
	second, knowsTo := d.refs[to]
	if ok && knowsFrom && (to == "NONE" || to == "NOASSERTION") {
		related[first] = related[first] || to == "NONE"
		return
	}
	if !ok || !knowsFrom || !knowsTo {
		d.lost("relationships", 1)
		return
	}
	if d.take() {
		related[first] = true
		d.out.Edges = append(d.out.Edges, normalize.Edge{From: first, To: second, Kind: meaning.kind})
	}
}
