package spdx

import (
	"bytes"
	"maps"
	"slices"
	"strconv"

	"sluice/normalize"
)

// TagValue is SPDX 2.1 to 2.3 as "Tag: value" lines.
type TagValue struct{}

// Name implements [normalize.Format].
func (TagValue) Name() string { return "spdx-tag-value" }

// Meaning implements [normalize.Comparer].
func (TagValue) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (TagValue) Detect(h *normalize.Head) bool {
	return (h.Syntax == normalize.Text || h.Syntax == normalize.YAML) && isSPDX2(h.Members["/SPDXVersion"])
}

// Normalize implements [normalize.Format]. Document.JSON is the JSON form.
func (f TagValue) Normalize(in normalize.Input) (*normalize.Document, error) {
	return normalizeAs(f.Name(), in, func(doc *normalize.Document) ([]byte, error) {
		src, err := checkText(in.Bytes)
		if err != nil {
			return nil, err
		}
		t := &tagReader{src: src, warn: doc.Warn}
		return t.read()
	})
}

// tagReader turns a tag-value document into its JSON form, line by line.
//
// The notation is flat: a tag such as PackageName begins an element, and what follows
// belongs to it until the next one begins. Files belong to the package above them as
// well, which therefore stays open beside them.
type tagReader struct {
	src  []byte
	warn func(code, pointer, format string, args ...any)
	form form
	line int // of what next read last, counted from one
	next int // offset of the line after it

	open       [ofAnything]element
	last       scope // what the next SPDXID is of: the document, a package, a file
	pkgID      []byte
	documentID []byte
	fileID     []byte
	unknown    map[string]bool // tags that were warned about
	about      map[string]*object
	pointers   [2][]byte // the ranges of the open snippet: offsets, lines

	snippetID, snippetFile []byte // of the open snippet
}

// element is one that is open.
type element struct {
	object
	on   bool
	seen uint64 // tags that come once
}

func (t *tagReader) read() ([]byte, error) {
	if bytes.Contains(t.src, []byte("Annotator")) {
		// Annotations stand anywhere, and in JSON inside of what they are about.
		if err := t.annotations(); err != nil {
			return nil, err
		}
	}
	t.open[ofDocument].on, t.open[ofCreation].on = true, true
	if err := t.lines(t.tag); err != nil {
		return nil, err
	}
	t.close(ofFile) // inside of the package, which is closed next
	for s := ofPackage; s < ofAnything; s++ {
		t.close(s)
	}
	t.annotate(&t.form.document, string(t.documentID))
	t.annotate(&t.form.document, usualID)
	for _, id := range slices.Sorted(maps.Keys(t.about)) {
		t.warn("dangling-ref", "", "an annotation is about %.200q, which is nothing in this document; it is not used", id)
	}
	t.form.document.members = append(t.open[ofDocument].members, t.form.document.members...)
	t.form.document.lists = append(t.open[ofDocument].lists, t.form.document.lists...)
	t.form.creation = t.open[ofCreation].object
	return t.form.json(), nil
}

// lines calls f for every tag and its value.
func (t *tagReader) lines(f func(name, value []byte)) error {
	t.line, t.next = 0, 0
	for t.next < len(t.src) {
		line := t.src[t.next:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end]
		}
		start := t.next
		t.next += len(line) + 1
		t.line++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 || !isTag(line[:colon]) {
			t.warn("unreadable-line", t.where(), "%.60q is no line of the form Tag: value; it is not used", line)
			continue
		}
		name, value := bytes.TrimSpace(line[:colon]), bytes.TrimSpace(line[colon+1:])
		if bytes.HasPrefix(value, []byte("<text>")) {
			from := start + bytes.Index(t.src[start:], []byte("<text>")) + len("<text>")
			size := bytes.Index(t.src[from:], []byte("</text>"))
			if size < 0 {
				return normalize.Park(normalize.ReasonSyntax, t.where(), "the <text> of %.40s is not ended by </text>: the document is cut off", name)
			}
			value = t.src[from : from+size]
			after := from + size + len("</text>")
			end := bytes.IndexByte(t.src[after:], '\n')
			if end < 0 {
				end = len(t.src) - after
			}
			if rest := bytes.TrimSpace(t.src[after : after+end]); len(rest) > 0 {
				t.warn("unreadable-line", t.where(), "%.60q after </text> is not used", rest)
			}
			f(name, value)
			t.line += bytes.Count(value, []byte("\n"))
			t.next = after + end + 1
			continue
		}
		f(name, value)
	}
	return nil
}

// isTag reports whether b is a word, as all tags are.
func isTag(b []byte) bool {
	for _, c := range bytes.TrimSpace(b) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func (t *tagReader) where() string { return strconv.Itoa(t.line) + ":1" }

// tag takes one tag.
func (t *tagReader) tag(name, value []byte) {
	tag := tags[string(name)]
	if tag == nil {
		t.unknownTag(name)
		return
	}
	s := tag.scope
	switch {
	case s == ofAnything:
		s = t.last
	case s == ofAnnotation:
		return // they were read before
	case tag.begins:
		t.begin(s)
	}
	e := &t.open[s]
	if !e.on {
		t.warn("misplaced-tag", t.where(), "%s stands outside of any %s; it is not used", name, s)
		return
	}
	if tag.once != 0 {
		if e.seen&tag.once != 0 {
			t.warn("duplicate-member", t.where(), "the %s has %s twice; the first one counts", s, name)
			return
		}
		e.seen |= tag.once
	}
	t.value(tag, e, name, value)
	switch {
	case tag.member == "snippetFromFile":
		t.snippetFile = value
	case tag.member != "SPDXID":
	case s == ofPackage:
		t.pkgID = value
	case s == ofFile:
		t.fileID = value
	case s == ofDocument:
		t.documentID = value
	case s == ofSnippet:
		t.snippetID = value
	}
}

func (t *tagReader) unknownTag(name []byte) {
	if t.unknown[string(name)] {
		return
	}
	const most = 1000 // that are remembered
	if t.unknown == nil {
		t.unknown = make(map[string]bool)
	}
	if len(t.unknown) < most {
		t.unknown[string(name)] = true
	}
	if oldTags[string(name)] {
		t.warn("unknown-tag", t.where(), "%s has no place in JSON; it is not used", name)
	} else {
		t.warn("unknown-tag", t.where(), "%.60q is no tag of SPDX 2; it is not used", name)
	}
}

// value adds what a tag says to the element.
func (t *tagReader) value(tag *tag, e *element, name, value []byte) {
	ok := true
	switch tag.shape {
	case textValue:
		e.text(tag.member, value)
	case listValue:
		e.item(tag.member, value)
	case linksValue:
		for link := range bytes.SplitSeq(value, []byte(", ")) {
			e.item(tag.member, bytes.TrimSpace(link))
		}
	case boolValue:
		var b []byte
		if b, ok = boolean(value); ok {
			e.raw(tag.member, b)
		}
	case checksumValue:
		l := e.list(tag.member)
		before := len(*l)
		if *l, ok = appendChecksum(*l, value); !ok && before > 0 {
			*l = (*l)[:before-1] // the comma
		}
	case verificationValue:
		v := verificationCode(value)
		e.raw(tag.member, v.appendTo(nil))
	case externalRefValue:
		t.close(ofExternalRef)
		ok = t.externalRef(value)
	case externalDocumentValue:
		ok = t.externalDocument(tag, e, value)
	case relationshipValue:
		ok = t.relationship(e, value)
	case rangeValue:
		ok = t.textRange(tag, value)
	}
	if !ok {
		t.warn("unreadable-value", t.where(), "%.100q is no value of %s; it is not used", value, name)
	}
}

// begin ends what is open of the scope, and what is inside of it, and begins a new one.
func (t *tagReader) begin(s scope) {
	switch s {
	case ofPackage:
		t.close(ofFile)
		t.close(ofExternalRef)
		t.last = s
	case ofFile:
		t.last = s
	}
	t.close(s)
	t.open[s].on = true
}

// members are the lists of the document that elements are in.
var members = [...]string{
	ofPackage: "packages", ofFile: "files", ofSnippet: "snippets", ofLicense: "hasExtractedLicensingInfos", ofRelationship: "relationships",
	ofReview: "revieweds",
}

// close writes what is open of the scope.
func (t *tagReader) close(s scope) {
	e := &t.open[s]
	if !e.on {
		return
	}
	switch s {
	case ofExternalRef:
		if !e.empty() {
			t.open[ofPackage].element("externalRefs", &e.object)
		}
	case ofPackage:
		t.close(ofExternalRef)
		t.annotate(&e.object, string(t.pkgID))
		t.form.document.element(members[s], &e.object)
		t.pkgID = nil
	case ofFile:
		t.annotate(&e.object, string(t.fileID))
		t.form.document.element(members[s], &e.object)
		if len(t.fileID) > 0 && len(t.pkgID) > 0 {
			t.contains()
		}
		t.fileID = nil
	case ofSnippet:
		t.snippet(e)
	case ofRelationship:
		if !e.empty() {
			t.form.document.element(members[s], &e.object)
		}
	default:
		t.form.document.element(members[s], &e.object)
	}
	e.reset()
	e.on, e.seen = false, 0
}

// contains says that the open package contains the file that was just read.
func (t *tagReader) contains() {
	l := t.form.document.list("relationships")
	*l = appendText(append(*l, `{"spdxElementId":`...), t.pkgID)
	*l = append(*l, `,"relationshipType":"CONTAINS","relatedSpdxElement":`...)
	*l = append(appendText(*l, t.fileID), '}')
}
