package spdx

import (
	"bytes"
	"errors"

	"sluice/normalize"
	"sluice/normalize/internal/xmlscan"
	"sluice/normalize/internal/yamljson"
)

// XML is SPDX 2 as XML: the members of the JSON as elements, those of a list one after
// the other under the list's name.
type XML struct{}

// Name implements [normalize.Format].
func (XML) Name() string { return "spdx-xml" }

// Meaning implements [normalize.Comparer].
func (XML) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format]. The root element is not telling; the first ones
// inside of it have to be those of a document, of whatever version.
func (XML) Detect(h *normalize.Head) bool {
	if h.Syntax != normalize.XML || h.Root != "Document" {
		return false
	}
	if isSPDX2(h.Members["/spdxVersion"]) {
		return true
	}
	known := 0
	for pointer := range h.Members {
		switch pointer {
		case "/SPDXID", "/creationInfo", "/dataLicense", "/documentDescribes", "/documentNamespace", "/externalDocumentRefs", "/files",
			"/hasExtractedLicensingInfos", "/packages", "/relationships", "/snippets":
			known++
		case "/name", "/comment", "/annotations", "/revieweds":
		default:
			return false
		}
	}
	return known > 0
}

// Normalize implements [normalize.Format]. Document.JSON is the JSON form.
func (f XML) Normalize(in normalize.Input) (*normalize.Document, error) {
	return normalizeAs(f.Name(), in, func(doc *normalize.Document) ([]byte, error) {
		depth := min(in.Limits.OrDefault().MaxDepth, maxXMLDepth)
		r, err := xmlscan.New(in.Bytes, depth)
		if err != nil {
			return nil, err
		}
		x := &xmlReader{r: r, doc: doc, out: make([]byte, 0, len(in.Bytes)*3/4), levels: make([]level, maxXMLDepth+1)}
		form, err := x.read()
		if !errors.Is(err, errScattered) {
			return form, err
		}
		doc.Warnings = nil // which are said again
		if r, err = xmlscan.New(in.Bytes, depth); err != nil {
			return nil, err
		}
		s := &scattered{r: r, doc: doc, levels: make([]scatteredLevel, maxXMLDepth+1)}
		return s.read()
	})
}

// maxXMLDepth is far beyond what an SPDX document has, which is seven.
const maxXMLDepth = 100

// lists are the members of SPDX 2 that are arrays: one element alone does not tell.
var lists = func() map[string]bool {
	all := map[string]bool{}
	for _, name := range [...]string{
		"annotations", "artifactOfs", "attributionTexts", "checksums", "creators", "crossRefs", "documentDescribes", "externalDocumentRefs",
		"externalRefs", "fileContributors", "fileDependencies", "fileTypes", "files", "hasExtractedLicensingInfos", "hasFiles", "licenseInfoFromFiles",
		"licenseInfoInFiles", "licenseInfoInSnippets", "packageVerificationCodeExcludedFiles", "packages", "ranges", "relationships", "revieweds",
		"seeAlsos", "snippets",
	} {
		all[name] = true
	}
	return all
}()

// objects are the members that are objects, or lists of them: without anything in it an
// element does not tell.
var objects = map[string]bool{
	"annotations": true, "artifactOfs": true, "checksum": true, "checksums": true, "creationInfo": true, "crossRefs": true, "endPointer": true,
	"externalDocumentRefs": true, "externalRefs": true, "files": true, "hasExtractedLicensingInfos": true, "packages": true,
	"packageVerificationCode": true, "ranges": true, "relationships": true, "revieweds": true, "snippets": true, "startPointer": true,
}

// xmlReader turns an XML document into its JSON form.
//
// What belongs to one list stands together in what tools write, and is written as it
// comes. Where it does not, errScattered begins anew, and each list is collected first.
type xmlReader struct {
	r      *xmlscan.Reader
	doc    *normalize.Document
	out    []byte
	levels []level // one for each open element
}

// level is an element that is being read.
type level struct {
	names []string // members that there are already
	list  *xmlName // the list that is open, which is the last of names
	text  []byte
}

// errScattered says that the elements of a list do not stand together.
var errScattered = errors.New("a list in several places")

func (x *xmlReader) read() ([]byte, error) {
	for {
		kind, err := x.r.Next()
		if err != nil {
			return nil, err
		}
		if kind == xmlscan.Start {
			break
		}
	}
	if err := x.element(0, rootName); err != nil {
		return nil, err
	}
	if kind, err := x.r.Next(); err != nil || kind != xmlscan.EOF {
		return nil, err // what follows the root element is an error
	}
	return x.out, nil
}

// element writes the element that just began: an object if it has elements in it, else a
// text.
func (x *xmlReader) element(depth int, name *xmlName) error {
	l := &x.levels[depth]
	l.names, l.list, l.text = l.names[:0], nil, l.text[:0]
	has := name.object
	if has {
		x.out = append(x.out, '{')
	}
	for {
		kind, err := x.r.Next()
		if err != nil {
			return err
		}
		switch kind {
		case xmlscan.Text:
			if !has {
				l.text = append(l.text, x.r.Text...)
			}
		case xmlscan.Start:
			if !has {
				has = true
				x.out = append(x.out, '{')
			}
			if err := x.child(l, depth); err != nil {
				return err
			}
		case xmlscan.End:
			if !has {
				x.out = name.appendScalar(x.out, bytes.TrimSpace(l.text))
				return nil
			}
			if l.list != nil {
				x.out = append(x.out, ']')
			}
			x.out = append(x.out, '}')
			return nil
		}
	}
}

// child reads an element inside of l.
func (x *xmlReader) child(l *level, depth int) error {
	name := nameOf(x.r.Name.Local)
	if l.list != nil {
		if l.list == name {
			x.out = append(x.out, ',')
			return x.element(depth+1, name)
		}
		l.list = nil
		x.out = append(x.out, ']')
	}
	for _, have := range l.names {
		if have != name.name {
			continue
		}
		if name.list {
			return errScattered
		}
		x.doc.Warn("duplicate-member", x.r.Where(), "<%.60s> is there twice; the first one counts", have)
		return x.r.Skip()
	}
	if len(l.names) > 0 {
		x.out = append(x.out, ',')
	}
	const most = 200 // members of one element; the specification knows thirty
	if len(l.names) == most {
		return normalize.Park(normalize.ReasonTooMany, x.r.Where(), "more than %d different elements inside of one", most)
	}
	l.names = append(l.names, name.name)
	x.out = append(appendText(x.out, []byte(name.name)), ':')
	if name.list {
		l.list = name
		x.out = append(x.out, '[')
	}
	return x.element(depth+1, name)
}

// xmlName is the name of an element, and what the specification says of it.
type xmlName struct {
	name         string
	list, object bool
	kind         yamljson.Kind
}

// rootName is that of the document.
var rootName = &xmlName{object: true}

// nameOf is the name of an element; those of the specification are looked up once.
func nameOf(name []byte) *xmlName {
	if known, ok := xmlNames[string(name)]; ok {
		return known
	}
	return &xmlName{name: string(name)}
}

var xmlNames = func() map[string]*xmlName {
	all := map[string]*xmlName{}
	add := func(name string) {
		all[name] = &xmlName{name, lists[name], objects[name], kindOf([]byte(name))}
	}
	for name := range lists {
		add(name)
	}
	for name := range objects {
		add(name)
	}
	for _, t := range tags {
		add(t.member)
	}
	for _, name := range [...]string{
		"algorithm", "checksumValue", "packageVerificationCodeValue", "spdxElementId", "relatedSpdxElement", "relationshipType", "referenceCategory",
		"referenceType", "referenceLocator", "externalDocumentId", "spdxDocument", "reference", "spdxVersion", "homepage",
	} {
		add(name)
	}
	return all
}()

// appendScalar writes a text as what it is in JSON.
func (n *xmlName) appendScalar(b, text []byte) []byte {
	switch n.kind {
	case yamljson.Bool:
		if v, ok := boolean(text); ok {
			return append(b, v...)
		}
	case yamljson.Number:
		if isNumber(text) {
			return append(b, text...)
		}
	}
	return appendText(b, text)
}
