package cyclonedx

import (
	"strconv"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/internal/bomlink"
	"sluice/normalize/lenient"
)

// bom is the state of one pass over a document.
type bom struct {
	r      *lenient.Reader
	doc    *normalize.Document
	limits normalize.Limits
	rules  *ruleBook
	walk   walk
	fine   map[string]struct{} // lists of licences, as they stand in the document
	xml    bool                // this is the JSON form of XML

	// refs holds every bom-ref: the index of a component, or noComponent.
	refs map[string]int
	// doubtful holds those of them that several components have which are not the same.
	doubtful map[string]bool
	// purls holds those of all components, once somebody asks.
	purls map[string]struct{}
	// main is the bom-ref of metadata.component.
	main    string
	hasMain bool

	// These sections refer to components, which may come after them. They are
	// passed over and read at the end; the bytes stay where they are.
	dependencies, vulnerabilities section

	hasFormat  bool
	hasVersion bool
	hasList    bool   // of components, be it empty
	number     string // the document's own version among those of its serial number
	issuer     issuer
	products   int // in all statements together
}

// noComponent marks the bom-ref of something that can be referred to but is no
// component: a service or a tool.
const noComponent = -1

// section is a member that is read later.
type section struct {
	raw     []byte
	pointer string
}

func (b *bom) read() {
	r := b.r
	if !b.enterRoot() {
		return
	}
	for r.Member() {
		switch string(r.Name()) {
		case "bomFormat":
			b.hasFormat = true
			if format := r.Bytes(); string(format) != "CycloneDX" {
				b.doc.Warn("bom-format", "/bomFormat", "%.40q instead of \"CycloneDX\"", format)
			}
		case "specFormat":
			r.Skip()
			r.Fail(unsupported("2.0", "/specFormat"))
		case "specVersion":
			b.version(r.Text())
		case "serialNumber":
			b.doc.ID = r.Text()
		case "version":
			b.numbered()
		case "metadata":
			b.section("metadata", b.metadata)
		case "components":
			b.hasList = true
			b.components("/components")
		case "services":
			b.section("services", b.services)
		case "dependencies":
			b.dependencies = section{r.Raw(), "/dependencies"}
		case "vulnerabilities":
			if b.vulnerabilities = (section{r.Raw(), "/vulnerabilities"}); string(b.vulnerabilities.raw) == "null" {
				b.vulnerabilities.raw = nil
			}
		case "$schema":
			r.Skip()
		default:
			i := b.rules.bom.find(r.Name())
			if i < 0 {
				r.Skip()
				b.doc.Warn(unknownMember, r.Pointer(), "a document of CycloneDX has no such member; it is kept in the original only")
				continue
			}
			b.checkMember(&b.rules.bom.members[i], r.Raw(), "")
		}
	}
	r.End()
	if r.Failed() {
		return
	}
	b.finish()
}

// section reads a member of the document with f, and then looks at what f leaves.
func (b *bom) section(name string, f func()) {
	outer, raw := b.r, b.r.Raw()
	if outer.Failed() {
		return
	}
	b.r = lenient.New(raw, "/"+name, b.doc.Warn)
	f()
	err := b.r.Err()
	if b.r = outer; err != nil {
		outer.Fail(err)
		return
	}
	b.checkTop(name, raw)
}

// strictLicenses reports whether a list of licences may have one expression only, and nothing else then.
func (b *bom) strictLicenses() bool {
	return b.hasVersion && b.doc.FormatVersion != versions[len(versions)-1]
}

func (b *bom) enterRoot() bool {
	if b.r.Object() {
		return true
	}
	b.r.Fail(normalize.Park(normalize.ReasonInvalid, "", "a CycloneDX document is a JSON object, this is not"))
	return false
}

func (b *bom) version(version string) {
	b.hasVersion = true
	if !supported(version) {
		b.r.Fail(unsupported(version, "/specVersion"))
		return
	}
	b.doc.FormatVersion = version
}

// numbered reads the document's own version, which may be more than the schema takes.
func (b *bom) numbered() {
	raw := b.r.Raw()
	number := lenient.New(raw, "/version", b.doc.Warn)
	b.number = number.Scalar()
	if n, err := strconv.Atoi(string(raw)); (err != nil || n < 1) && string(raw) != "null" && b.number != "" {
		b.doc.Warn(invalidValue, "/version", "%.60q is no whole number from 1 on", b.number)
	}
}

// finish does what needs the whole document.
func (b *bom) finish() {
	if !b.hasFormat {
		b.doc.Warn(missingMember, "/bomFormat", "the document does not say that it is CycloneDX")
	}
	if !b.hasVersion {
		b.doc.Warn("missing-version", "/specVersion", "the document does not say which version of CycloneDX it is")
	}
	b.doc.Issuer = b.issuer.name()
	b.series()
	if _, ok := b.refs[b.main]; ok && b.main != "" {
		b.doc.Warn("duplicate-ref", "/metadata/component/bom-ref", "%.200q is the bom-ref of another component too", b.main)
	}
	b.readDependencies()
	b.readVulnerabilities()
	b.checkTop("vulnerabilities", b.vulnerabilities.raw)
	b.doc.Kind = normalize.SBOM
	// A VEX that makes no statement any more is still one: as an SBOM it would say that its
	// product is empty.
	if len(b.doc.Components) == 0 && (len(b.doc.Statements) > 0 || b.vulnerabilities.raw != nil && !b.hasList) {
		b.doc.Kind = normalize.VEX
		if len(b.doc.Statements) == 0 {
			b.doc.Warn("no-statements", "/vulnerabilities", "the document lists no components, and nothing among its vulnerabilities is a statement")
		}
	}
}

// series says which version of which BOM this is. What is no UUID, or the UUID of nobody,
// is a placeholder that many documents share.
func (b *bom) series() {
	serial, number := bomlink.Serial(b.doc.ID), b.number
	switch {
	case !bomlink.IsUUID(serial):
		if serial != "" {
			b.doc.Warn("invalid-serial", "/serialNumber", "%.60q is no UUID (urn:uuid:…): the document is taken for the only version of itself", b.doc.ID)
		}
		serial = ""
	case strings.Trim(serial, "0-") == "":
		serial = ""
	case number == "":
		number = "1" // the default of the schema
	}
	b.doc.SetVersion(serial, number, "/version")
}

func (b *bom) metadata() {
	r := b.r
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "timestamp":
			b.doc.Time = b.time(r.Text(), "/metadata/timestamp")
		case "component":
			b.mainComponent()
		case "supplier":
			b.issuer.supplier = b.entityName()
		case "manufacturer":
			b.issuer.manufacturer = b.entityName()
		case "manufacture":
			b.issuer.manufacture = b.entityName()
		case "authors":
			for ok := r.Array(); ok && r.Element(); {
				if name := b.entityName(); b.issuer.author == "" {
					b.issuer.author = name
				}
			}
		case "tools":
			b.tools()
		case "licenses", "properties", "lifecycles":
			r.Pass(lenient.ShapeObjects)
		default:
			r.Skip()
		}
	}
	b.doc.Stated.Author = b.issuer.author != "" || b.issuer.manufacturer != ""
}

// mainComponent reads metadata.component: the subject, which is not a component
// of itself, though its nested components are.
func (b *bom) mainComponent() {
	const pointer = "/metadata/component"
	if b.r.IsNull() || !b.r.IsObject() {
		b.r.Object()
		return
	}
	c := b.component(pointer)
	b.hasMain, b.main = true, c.Ref
	b.doc.Main = []normalize.Component{c}
	b.doc.Subject = normalize.Subject{Purl: c.Purl, Name: c.Name, Version: c.Version}
	if c.Group != "" && c.Name != "" {
		b.doc.Subject.Name = c.Group + "/" + c.Name
	}
	if c.Purl != "" || c.Name != "" {
		b.doc.Subject.From = "component"
	}
}

// issuer holds the parties that a document may name, of which one is its voice.
type issuer struct{ supplier, manufacturer, author, manufacture string }

func (i issuer) name() string {
	for _, name := range []string{i.supplier, i.manufacturer, i.author, i.manufacture} {
		if name != "" {
			return name
		}
	}
	return ""
}

// entityName reads an organization or a contact, of which only the name matters.
func (b *bom) entityName() (name string) {
	for ok := b.r.Object(); ok && b.r.Member(); {
		if string(b.r.Name()) == "name" {
			name = b.r.Text()
		} else {
			b.r.Skip()
		}
	}
	return name
}

func (b *bom) time(s, pointer string) time.Time {
	t, err := lenient.Time(s)
	if err != nil {
		b.doc.Warn("invalid-time", pointer, "%.60q is no time that a document can have", s)
	}
	return t
}

// maxTools is how many tools of a document are kept.
const maxTools = 20

// tools takes the tools that made the document and notes their bom-refs. They are listed
// as an object of components and services, or (up to 1.4) as an array without refs.
func (b *bom) tools() {
	r := b.r
	if r.IsArray() {
		b.toolList()
		return
	}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "components", "services":
			b.toolList()
		default:
			r.Skip()
		}
	}
}

// toolList reads tools, components that are tools, or services.
func (b *bom) toolList() {
	r := b.r
	for ok := r.Array(); ok && r.Element(); {
		var t normalize.Tool
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "bom-ref":
				b.reserve(r.Bytes())
			case "vendor", "group", "publisher":
				if vendor := r.Text(); t.Vendor == "" {
					t.Vendor = vendor
				}
			case "name":
				t.Name = r.Text()
			case "version":
				t.Version = r.Text()
			case "services", "components":
				b.services()
			default:
				r.Skip()
			}
		}
		if t.Name != "" && len(b.doc.Tools) < maxTools {
			b.doc.Tools = append(b.doc.Tools, t)
		}
	}
}

// reserve notes the bom-ref of something that is no component.
func (b *bom) reserve(ref []byte) {
	if len(ref) == 0 {
		return
	}
	if _, taken := b.refs[string(ref)]; taken {
		b.doc.Warn("duplicate-ref", b.r.Pointer(), "%.200q is the bom-ref of something else too", ref)
		return
	}
	b.refs[string(ref)] = noComponent
}

// services notes the bom-refs of services, nested ones included.
func (b *bom) services() {
	r := b.r
	if r.Depth() > b.limits.MaxDepth {
		b.tooDeep()
		return
	}
	for ok := r.Array(); ok && r.Element(); {
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "bom-ref":
				b.reserve(r.Bytes())
			case "services", "components":
				b.services()
			default:
				r.Skip()
			}
		}
	}
}

// readDependencies looks for references that lead nowhere.
func (b *bom) readDependencies() {
	if b.dependencies.raw == nil {
		return
	}
	related := make([]bool, len(b.doc.Components))
	main := false
	relate := func(index int) {
		switch {
		case index >= 0 && !related[index]:
			related[index] = true
			b.doc.Stated.Relations++
		case index == theMain && !main:
			main = true
			b.doc.Stated.Relations++
		}
	}
	r := lenient.New(b.dependencies.raw, b.dependencies.pointer, b.doc.Warn)
	for ok := r.Array(); ok && r.Element(); {
		said := !r.IsObject()
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "ref":
				ref := r.Bytes()
				said = said || len(ref) > 0
				relate(b.checkRef(r, ref))
			case "dependsOn", "provides":
				for ok := r.Array(); ok && r.Element(); {
					relate(b.checkRef(r, r.Bytes()))
				}
			default:
				r.Skip()
				if !b.doc.Enough(unknownMember) {
					b.doc.Warn(unknownMember, r.Pointer(), "CycloneDX has no such member here; it is kept in the original only")
				}
			}
		}
		if !said && !r.Failed() && !b.doc.Enough(missingMember) {
			b.doc.Warn(missingMember, r.Pointer(), "a dependency without a ref")
		}
	}
}

// theMain is what checkRef returns for the main component.
const theMain = -2

// checkRef returns the index of what a reference names, and warns where it names nothing.
func (b *bom) checkRef(r *lenient.Reader, ref []byte) int {
	if index, ok := b.refs[string(ref)]; ok {
		return index
	}
	if string(ref) == b.main {
		if b.main == "" {
			return noComponent
		}
		return theMain
	}
	if !bomlink.Is(string(ref)) && !b.doc.Enough("dangling-ref") {
		b.doc.Warn("dangling-ref", r.Pointer(), "no component or service has the bom-ref %.200q", ref)
	}
	return noComponent
}

func (b *bom) tooDeep() {
	b.r.Fail(normalize.Park(normalize.ReasonDepth, "", "nested deeper than %d levels", b.limits.MaxDepth))
}

// at is the pointer of an element of an array.
func at(pointer string, index int) string {
	return pointer + "/" + strconv.Itoa(index)
}
