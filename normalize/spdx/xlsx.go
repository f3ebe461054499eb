package spdx

import (
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/workbook"
)

// XLSX is SPDX 2 as a spreadsheet: a sheet for each kind of element, its members in the
// columns that the first row names.
type XLSX struct{}

// Name implements [normalize.Format].
func (XLSX) Name() string { return "spdx-xlsx" }

// Meaning implements [normalize.Comparer].
func (XLSX) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (XLSX) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.Workbook && h.Has("/Document Info") && h.Has("/Package Info")
}

// Normalize implements [normalize.Format]. Document.JSON is the JSON form.
func (f XLSX) Normalize(in normalize.Input) (*normalize.Document, error) {
	return normalizeAs(f.Name(), in, func(doc *normalize.Document) ([]byte, error) {
		limits := in.Limits.OrDefault()
		book, err := workbook.Open(in.Bytes, limits.MaxBytes)
		if err != nil {
			return nil, err
		}
		s := &sheets{book: book, doc: doc, refs: map[string]*object{}, notes: map[string]*object{}}
		if err := s.read(); err != nil {
			return nil, err
		}
		return s.form.json(), nil
	})
}

// sheets turns the sheets of a workbook into the JSON form.
type sheets struct {
	book  *workbook.Book
	doc   *normalize.Document
	form  form
	refs  map[string]*object // external references by package
	notes map[string]*object // annotations by what they are about
}

// row is the cells of a row by the names of their columns.
type row struct {
	cells map[string]string
	where string
}

// get is the first of the columns that has something in it: their names changed with the
// versions of the tools.
func (r row) get(columns ...string) string {
	for _, c := range columns {
		if v := r.cells[c]; v != "" {
			return v
		}
	}
	return ""
}

// each calls f for every row of a sheet but the first, which names the columns.
func (s *sheets) each(name string, f func(row)) error {
	var columns []string
	return s.book.Rows(name, func(n int, cells []string) error {
		if columns == nil {
			for _, c := range cells {
				columns = append(columns, strings.ToLower(strings.TrimSpace(c)))
			}
			return nil
		}
		r := row{cells: map[string]string{}, where: name + "!" + workbook.RowName(n)}
		for i, c := range cells {
			if c = strings.TrimSpace(c); c != "" && i < len(columns) && columns[i] != "" {
				r.cells[columns[i]] = c
			}
		}
		if len(r.cells) > 0 {
			f(r)
		}
		return nil
	})
}

func (s *sheets) read() error {
	// What belongs inside of others is read before them.
	for _, sheet := range []struct {
		name string
		row  func(row)
	}{
		{"External Refs", s.externalRef},
		{"Annotations", s.annotation},
		{"Document Info", s.document},
		{"Package Info", s.pkg},
		{"Per File Info", s.file},
		{"Snippets", s.snippet},
		{"Extracted License Info", s.license},
		{"Relationships", s.relationship},
		{"Reviewers", s.review},
	} {
		if err := s.each(sheet.name, sheet.row); err != nil {
			return err
		}
	}
	return nil
}

// texts adds the members that are texts as they stand: pairs of a member and its column.
func (r row) texts(o *object, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if v := r.get(pairs[i+1]); v != "" {
			o.text(pairs[i], []byte(v))
		}
	}
}

// items adds a list whose elements are in lines of one cell, or separated by commas.
func (r row) items(o *object, member, separators string, columns ...string) {
	for _, v := range strings.FieldsFunc(r.get(columns...), func(c rune) bool { return strings.ContainsRune(separators, c) }) {
		if v = strings.TrimSpace(v); v != "" {
			o.item(member, []byte(v))
		}
	}
}

func (s *sheets) checksums(r row, o *object, columns ...string) {
	for line := range strings.FieldsFuncSeq(r.get(columns...), func(c rune) bool { return c == '\n' || c == ',' }) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		sum, ok := appendChecksum(nil, []byte(line))
		if !ok {
			s.doc.Warn("unreadable-value", r.where, "%.100q is no checksum; it is not used", line)
			continue
		}
		l := o.list("checksums")
		*l = append(*l, sum...)
	}
}

func (s *sheets) document(r row) {
	o := &s.form.document
	if o.empty() {
		r.texts(o, "spdxVersion", "spdx version", "dataLicense", "data license", "SPDXID", "spdx identifier", "name", "document name",
			"documentNamespace", "document namespace", "comment", "document comment")
		if v := r.get("created"); v != "" {
			s.form.creation.text("created", []byte(workbook.Time(v)))
		}
		r.texts(&s.form.creation, "comment", "creator comment", "licenseListVersion", "license list version")
	}
	// Of creators and references to documents each is in a row of its own.
	r.items(&s.form.creation, "creators", "\n", "creator")
	r.items(o, "documentDescribes", "\n,", "document describes", "document contents")
	for line := range strings.SplitSeq(r.get("external document references", "external document refs"), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		ref, ok := externalDocument([]byte(line))
		if !ok {
			s.doc.Warn("unreadable-value", r.where, "%.100q is no reference to a document; it is not used", line)
			continue
		}
		o.element("externalDocumentRefs", &ref)
	}
	s.annotate(o, r.get("spdx identifier"))
}

// annotate moves the annotations that are about id to it.
func (s *sheets) annotate(o *object, id string) {
	if a := s.notes[id]; a != nil && id != "" {
		l := o.list("annotations")
		*l = append(*l, a.lists[0].elements...)
		delete(s.notes, id)
	}
}

func (s *sheets) pkg(r row) {
	var o object
	r.texts(&o, "name", "package name", "SPDXID", "spdx identifier", "versionInfo", "package version", "packageFileName", "package filename",
		"supplier", "package supplier", "originator", "package originator", "homepage", "home page", "downloadLocation", "package download location",
		"sourceInfo", "source info", "licenseDeclared", "license declared", "licenseConcluded", "license concluded", "licenseComments", "license comments",
		"copyrightText", "package copyright text", "summary", "summary", "description", "description", "comment", "comments",
		"primaryPackagePurpose", "primary purpose")
	for _, date := range [...][2]string{{"builtDate", "built date"}, {"releaseDate", "release date"}, {"validUntilDate", "valid until date"}} {
		if v := r.get(date[1]); v != "" {
			o.text(date[0], []byte(workbook.Time(v)))
		}
	}
	s.checksums(r, &o, "package checksum")
	if v := r.get("package verification code"); v != "" {
		var code object
		code.text("packageVerificationCodeValue", []byte(v))
		r.items(&code, "packageVerificationCodeExcludedFiles", "\n,", "verification code excluded files")
		o.raw("packageVerificationCode", code.appendTo(nil))
	}
	if v := r.get("files analyzed"); v != "" {
		if b, ok := boolean([]byte(v)); ok {
			o.raw("filesAnalyzed", b)
		} else {
			s.doc.Warn("unreadable-value", r.where, "%.60q is neither true nor false; it is not used", v)
		}
	}
	r.items(&o, "licenseInfoFromFiles", "\n,", "license info from files")
	r.items(&o, "attributionTexts", "\n", "attribution text", "attribution info")
	id := r.get("spdx identifier")
	if refs := s.refs[id]; refs != nil && id != "" {
		l := o.list("externalRefs")
		*l = append(*l, refs.lists[0].elements...)
		delete(s.refs, id)
	}
	s.annotate(&o, id)
	s.form.document.element("packages", &o)
}

func (s *sheets) externalRef(r row) {
	var o object
	r.texts(&o, "referenceCategory", "category", "referenceType", "type", "referenceLocator", "locator", "comment", "comment")
	add(s.refs, r.get("package id"), "externalRefs", &o)
}

func (s *sheets) annotation(r row) {
	var o object
	r.texts(&o, "annotator", "annotator", "annotationType", "annotation type", "comment", "annotation comment")
	if v := r.get("annotation date"); v != "" {
		o.text("annotationDate", []byte(workbook.Time(v)))
	}
	add(s.notes, r.get("spdx identifier being annotated"), "annotations", &o)
}

func add(to map[string]*object, id, list string, o *object) {
	if to[id] == nil {
		to[id] = &object{}
	}
	to[id].element(list, o)
}

func (s *sheets) file(r row) {
	var o object
	r.texts(&o, "fileName", "file name", "SPDXID", "spdx identifier", "licenseConcluded", "license concluded", "licenseComments", "license comments",
		"copyrightText", "file copyright text", "noticeText", "notice text", "comment", "file comment")
	s.checksums(r, &o, "file checksum(s)", "file checksum")
	r.items(&o, "fileTypes", "\n,", "file type(s)", "file type")
	r.items(&o, "licenseInfoInFiles", "\n,", "license info in file")
	r.items(&o, "fileContributors", "\n,", "file contributors", "contributors")
	r.items(&o, "fileDependencies", "\n,", "file dependencies")
	r.items(&o, "attributionTexts", "\n", "attribution text", "attribution info")
	id := r.get("spdx identifier")
	s.annotate(&o, id)
	s.form.document.element("files", &o)
	for p := range strings.FieldsFuncSeq(r.get("package identifier"), func(c rune) bool { return c == '\n' || c == ',' }) {
		if p = strings.TrimSpace(p); p != "" && id != "" {
			s.relate(p, "CONTAINS", id, "")
		}
	}
}

func (s *sheets) snippet(r row) {
	var o object
	r.texts(&o, "SPDXID", "id", "name", "name", "snippetFromFile", "from file id", "licenseConcluded", "license concluded", "licenseComments", "license comments",
		"copyrightText", "snippet copyright text", "comment", "comment")
	for _, part := range [...][2]string{{"offset", "byte range"}, {"lineNumber", "line range"}} {
		v := r.get(part[1])
		from, to, ok := strings.Cut(v, ":")
		if v == "" {
			continue
		}
		if !ok || !isNumber([]byte(strings.TrimSpace(from))) || !isNumber([]byte(strings.TrimSpace(to))) {
			s.doc.Warn("unreadable-value", r.where, "%.60q is no range; it is not used", v)
			continue
		}
		of := textRange(part[0], []byte(v), []byte(r.get("from file id")))
		o.element("ranges", &of)
	}
	r.items(&o, "licenseInfoInSnippets", "\n,", "license info in snippet")
	s.annotate(&o, r.get("id"))
	s.form.document.element("snippets", &o)
}

func (s *sheets) license(r row) {
	var o object
	r.texts(&o, "licenseId", "identifier", "extractedText", "extracted text", "name", "license name", "comment", "comment")
	r.items(&o, "seeAlsos", "\n,", "cross reference urls")
	s.form.document.element("hasExtractedLicensingInfos", &o)
}

func (s *sheets) relationship(r row) {
	from, kind, to := r.get("spdx identifier a"), r.get("relationship"), r.get("spdx identifier b")
	if from == "" || kind == "" {
		s.doc.Warn("unreadable-value", r.where, "a relationship without its ends; it is not used")
		return
	}
	s.relate(from, kind, to, r.get("comment", "relationship comment"))
}

func (s *sheets) relate(from, kind, to, comment string) {
	var o object
	o.text("spdxElementId", []byte(from))
	o.text("relationshipType", []byte(kind))
	o.text("relatedSpdxElement", []byte(to))
	if comment != "" {
		o.text("comment", []byte(comment))
	}
	s.form.document.element("relationships", &o)
}

func (s *sheets) review(r row) {
	var o object
	r.texts(&o, "reviewer", "reviewer", "comment", "review comment")
	if v := r.get("review date"); v != "" {
		o.text("reviewDate", []byte(workbook.Time(v)))
	}
	s.form.document.element("revieweds", &o)
}
