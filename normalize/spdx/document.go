package spdx

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// document is the state of one pass over a document.
type document struct {
	r   *lenient.Reader
	out *normalize.Document
	max int // components

	name       string
	id         string // the document's own SPDXID
	hasVersion bool
	wrapped    string // the pointer of what holds the document

	ids       map[string]int32    // SPDXIDs of packages: how many had one before
	described map[string]struct{} // what the document describes, packages or not
	// relations hold who describes whom until the document's own id is known.
	relations []relation

	// Relationships refer to packages: where these come later, they are read at the end.
	hasPackages bool
	later       section
	related     []bool // packages that a relationship is about
	// What is neither package nor document is a file or a snippet, of which there may be a hundred
	// times as many: of their ids a hash is kept, and what refers to them stays where it is.
	others  []uint64
	unknown []reference
}

// section is a member that is read later.
type section struct {
	raw     []byte
	pointer string
}

// seed is of the hashes of ids.
var seed = maphash.MakeSeed()

// reference is one from relationship number index to something that is no package.
type reference struct {
	to    []byte // in the document
	index int32
	from  bool
}

// relation says that from describes to.
type relation struct{ from, to string }

// usualID is the SPDXID that every document should have.
const usualID = "SPDXRef-DOCUMENT"

func (d *document) read() {
	if !d.r.Object() {
		d.r.Fail(normalize.Park(normalize.ReasonInvalid, "", "an SPDX document is a JSON object, this is not"))
		return
	}
	d.members("")
	d.r.End()
	if d.r.Failed() {
		return
	}
	if !d.hasVersion {
		d.r.Fail(normalize.Park(normalize.ReasonUnsupported, "/spdxVersion",
			"the document does not say which version of SPDX it is: write SPDX-2.3"))
		return
	}
	d.finish()
}

// members reads the members of the document. prefix is where it is inside the
// original: "" or [wrapper].
func (d *document) members(prefix string) {
	r := d.r
	for r.Member() {
		switch string(r.Name()) {
		case "spdxVersion":
			d.version(string(r.Bytes()), prefix+"/spdxVersion")
		case "SPDXID":
			d.id = string(r.Bytes())
		case "name":
			d.name = text(r.Text())
		case "documentNamespace":
			d.out.ID = r.Text()
		case "creationInfo":
			d.creationInfo(prefix + "/creationInfo")
		case "documentDescribes":
			for ok := r.List(); ok && r.Element(); {
				d.described[string(r.Bytes())] = struct{}{}
			}
		case "packages":
			d.packages(prefix + "/packages")
			d.hasPackages = true
		case "relationships":
			if pointer := prefix + "/relationships"; d.hasPackages {
				d.relationships(r, pointer)
			} else {
				d.later = section{r.Raw(), pointer}
			}
		case "files", "snippets":
			d.notPackages()
		case "annotations", "externalDocumentRefs", "hasExtractedLicensingInfos", "revieweds":
			r.Pass(lenient.ShapeObjects)
		case wrapper[1:]:
			if prefix == "" && r.IsObject() {
				r.Object()
				d.wrapped = wrapper
				d.members(wrapper)
			} else {
				r.Skip()
			}
		default:
			r.Skip()
		}
	}
}

func (d *document) version(s, pointer string) {
	d.hasVersion = true
	version, exact := versionOf(strings.TrimSpace(s))
	if version == "" {
		d.r.Fail(normalize.Park(normalize.ReasonUnsupported, pointer,
			"%.40q is not a version that can be read: write SPDX-2.2 or SPDX-2.3", s))
		return
	}
	if !exact {
		d.out.Warn("version", pointer, "%.40q is read as %s", s, version)
	}
	d.out.FormatVersion = version
}

func (d *document) creationInfo(pointer string) {
	r := d.r
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "created":
			s := r.Text()
			t, err := lenient.Time(s)
			if err != nil {
				d.out.Warn("invalid-time", pointer+"/created", "%.60q is no time that a document can have", s)
			}
			d.out.Time = t
		case "creators":
			for ok := r.List(); ok && r.Element(); {
				d.creator(r.Text())
			}
		default:
			r.Skip()
		}
	}
}

// maxTools is how many tools of a document are kept.
const maxTools = 20

// creator takes one of those who made the document: the first speaks for it.
func (d *document) creator(s string) {
	if s != "" && d.out.Issuer == "" {
		d.out.Issuer = s
	}
	kind, name, found := strings.Cut(s, ":")
	if found && !strings.EqualFold(strings.TrimSpace(kind), "Tool") && strings.TrimSpace(name) != "" {
		d.out.Stated.Author = true
	}
	if found && strings.EqualFold(strings.TrimSpace(kind), "Tool") && len(d.out.Tools) < maxTools {
		if t := tool(name); t.Name != "" {
			d.out.Tools = append(d.out.Tools, t)
		}
	}
}

// notPackages notes the ids of files and snippets, without reading more of them.
func (d *document) notPackages() {
	r := d.r
	for ok := r.Array(); ok && r.Element(); {
		raw := r.Raw()
		if i := bytes.Index(raw, []byte(`"SPDXID"`)); i >= 0 {
			value := bytes.TrimLeft(raw[i+len(`"SPDXID"`):], " \t\r\n:")
			if len(value) > 0 && value[0] == '"' {
				if end := bytes.IndexByte(value[1:], '"'); end >= 0 {
					d.others = append(d.others, maphash.Bytes(seed, value[1:1+end]))
				}
			}
		}
	}
}

// relationships keeps who describes whom, counts the packages that anything is said of, and
// looks for references that lead nowhere. r is at the list, whose pointer is given.
func (d *document) relationships(r *lenient.Reader, pointer string) {
	slices.Sort(d.others)
	for i, ok := 0, r.Array(); ok && r.Element(); i++ {
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
		if from == nil && to == nil && kind == nil {
			continue // of another type
		}
		describes := true
		switch string(kind) {
		case "DESCRIBES":
			d.relations = append(d.relations, relation{string(from), string(to)})
		case "DESCRIBED_BY":
			d.relations = append(d.relations, relation{string(to), string(from)})
		default:
			describes = d.kind(kind, from, to, pointer, i)
		}
		d.end(from, i, true, !describes)
		d.end(to, i, false, !describes)
	}
}

// kind looks at the type of a relationship that is not written as most are, and reports whether
// it says what the document describes.
func (d *document) kind(kind, from, to []byte, pointer string, i int) (describes bool) {
	if _, ok := relationshipTypes[string(kind)]; ok {
		return false
	}
	switch upper := strings.ToUpper(string(kind)); upper {
	case "DESCRIBES":
		d.relations = append(d.relations, relation{string(from), string(to)})
		return true
	case "DESCRIBED_BY":
		d.relations = append(d.relations, relation{string(to), string(from)})
		return true
	default:
		if _, ok := relationshipTypes[upper]; !ok && !d.out.Enough("unknown-relationship") {
			d.out.Warn("unknown-relationship", pointer+"/"+strconv.Itoa(i)+"/relationshipType", "%.60q is no type of a relationship", kind)
		}
	}
	return false
}

// end looks at one end of relationship i. counts says that it tells how packages depend.
func (d *document) end(ref []byte, i int, from, counts bool) {
	if index, ok := d.ids[string(ref)]; ok {
		if counts {
			d.relate(int(index))
		}
		return
	}
	switch {
	case string(ref) == usualID, string(ref) == d.id, string(ref) == "NONE", string(ref) == "NOASSERTION", bytes.HasPrefix(ref, []byte("DocumentRef-")):
		return
	}
	if d.isOther(ref) {
		return
	}
	d.unknown = append(d.unknown, reference{ref, int32(i), from})
}

// isOther reports whether a file or snippet has the id; the hashes are sorted.
func (d *document) isOther(ref []byte) bool {
	if len(d.others) == 0 {
		return false
	}
	_, ok := slices.BinarySearch(d.others, maphash.Bytes(seed, ref))
	return ok
}

func (d *document) relate(index int) {
	if n := len(d.ids) + 1; len(d.related) < n {
		d.related = append(d.related, make([]bool, n-len(d.related))...)
	}
	if !d.related[index] {
		d.related[index] = true
		d.out.Stated.Relations++
	}
}

// dangling warns of references to what is nowhere in the document.
func (d *document) dangling(pointer string) {
	if len(d.unknown) == 0 {
		return
	}
	slices.Sort(d.others)
	for _, ref := range d.unknown {
		// Files, and the document's own id, may have come after the relationships.
		if d.isOther(ref.to) || string(ref.to) == d.id || d.out.Enough("dangling-ref") {
			continue
		}
		member := "/relatedSpdxElement"
		if ref.from {
			member = "/spdxElementId"
		}
		d.out.Warn("dangling-ref", pointer+"/"+strconv.Itoa(int(ref.index))+member, "no package, file or snippet has the SPDXID %.200q", ref.to)
	}
}

// finish finds the subject: the one package that the document describes, or
// else the document itself.
func (d *document) finish() {
	if d.later.raw != nil {
		r := lenient.New(d.later.raw, d.later.pointer, d.out.Warn)
		d.relationships(r, d.later.pointer)
	}
	d.dangling(d.wrapped + "/relationships")
	for _, rel := range d.relations {
		if rel.from == usualID || rel.from == d.id && d.id != "" {
			d.described[rel.to] = struct{}{}
		}
	}
	describe(d.out, d.described, d.name)
}
