package spdx

import (
	"bytes"

	"sluice/normalize"
	"sluice/normalize/internal/xmlscan"
	"sluice/normalize/internal/yamljson"
)

// XML is SPDX 2 as XML: the members of the JSON as elements, those of a list one after
// the other under the list's name.
type XML struct{}

// Name implements [normalize.Format].
func (XML) Name() string { return "spdx-xml" }

// Detect implements [normalize.Format]. The root element is not telling, so one of those
// that tools write first in it has to be there.
func (XML) Detect(h *normalize.Head) bool {
	if h.Syntax != normalize.XML || h.Root != "Document" {
		return false
	}
	return isSPDX2(h.Members["/spdxVersion"]) || h.Has("/SPDXID") && (h.Has("/creationInfo") || h.Has("/dataLicense") || h.Has("/documentNamespace"))
}

// Normalize implements [normalize.Format]. Document.JSON is the JSON form.
func (f XML) Normalize(in normalize.Input) (*normalize.Document, error) {
	return normalizeAs(f.Name(), in, func(doc *normalize.Document) ([]byte, error) {
		r, err := xmlscan.New(in.Bytes, min(in.Limits.OrDefault().MaxDepth, maxXMLDepth))
		if err != nil {
			return nil, err
		}
		x := &xmlReader{r: r, doc: doc, levels: make([]level, maxXMLDepth+1)}
		return x.read()
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
type xmlReader struct {
	r      *xmlscan.Reader
	doc    *normalize.Document
	levels []level // one for each open element
}

// level is an element that is being read.
type level struct {
	object
	name  []byte
	text  []byte
	names []string // members that there are already
}

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
	form, err := x.element(make([]byte, 0, 64), 0, "")
	if err != nil {
		return nil, err
	}
	if kind, err := x.r.Next(); err != nil || kind != xmlscan.EOF {
		return nil, err // what follows the root element is an error
	}
	return form, nil
}

// element writes the element that just began: an object if it has elements in it, else a
// text.
func (x *xmlReader) element(b []byte, depth int, name string) ([]byte, error) {
	l := &x.levels[depth]
	l.reset()
	l.text, l.names = l.text[:0], l.names[:0]
	has := false
	for {
		kind, err := x.r.Next()
		if err != nil {
			return nil, err
		}
		switch kind {
		case xmlscan.Text:
			if !has {
				l.text = append(l.text, x.r.Text...)
			}
		case xmlscan.Start:
			has = true
			if err := x.child(l, depth); err != nil {
				return nil, err
			}
		case xmlscan.End:
			if has || depth == 0 {
				return l.appendTo(b), nil
			}
			text := bytes.TrimSpace(l.text)
			if len(text) == 0 && objects[name] {
				return append(b, '{', '}'), nil
			}
			return appendScalar(b, name, text), nil
		}
	}
}

// child reads an element inside of l.
func (x *xmlReader) child(l *level, depth int) error {
	name := interned(x.r.Name.Local)
	if lists[name] {
		elements := l.list(name)
		out, err := x.element(*elements, depth+1, name)
		if err != nil {
			return err
		}
		*elements = out
		return nil
	}
	for _, have := range l.names {
		if have == name {
			x.doc.Warn("duplicate-member", x.r.Where(), "<%.60s> is there twice; the first one counts", name)
			return x.r.Skip()
		}
	}
	const most = 200 // members of one element that are told apart
	if len(l.names) < most {
		l.names = append(l.names, name)
	}
	if len(l.members) > 0 {
		l.members = append(l.members, ',')
	}
	l.members = append(appendText(l.members, []byte(name)), ':')
	out, err := x.element(l.members, depth+1, name)
	if err != nil {
		return err
	}
	l.members = out
	return nil
}

// interned is a name that is not allocated again for each element of the specification.
func interned(name []byte) string {
	if known, ok := xmlNames[string(name)]; ok {
		return known
	}
	return string(name)
}

var xmlNames = func() map[string]string {
	all := map[string]string{}
	for name := range lists {
		all[name] = name
	}
	for _, t := range tags {
		all[t.member] = t.member
	}
	for _, name := range [...]string{
		"algorithm", "checksumValue", "checksum", "creationInfo", "packageVerificationCodeValue", "spdxElementId", "relatedSpdxElement",
		"relationshipType", "referenceCategory", "referenceType", "referenceLocator", "externalDocumentId", "spdxDocument", "startPointer", "endPointer",
		"reference", "spdxVersion", "homepage",
	} {
		all[name] = name
	}
	return all
}()

// appendScalar writes a text as what it is in JSON.
func appendScalar(b []byte, name string, text []byte) []byte {
	switch kindOf([]byte(name)) {
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
