package spdx

import (
	"bytes"
	"strconv"
	"strings"
)

// This file reads the values that tag-value and spreadsheets write as one text and JSON
// as an object.

func boolean(value []byte) ([]byte, bool) {
	switch strings.ToLower(string(value)) {
	case "true", "1", "yes":
		return []byte("true"), true
	case "false", "0", "no":
		return []byte("false"), true
	}
	return nil, false
}

// appendChecksum writes "SHA1: 2fd4e1c6..." as an object.
func appendChecksum(b, value []byte) ([]byte, bool) {
	i := bytes.IndexByte(value, ':')
	if i < 0 {
		return b, false
	}
	algorithm, sum := bytes.TrimSpace(value[:i]), bytes.TrimSpace(value[i+1:])
	if len(algorithm) == 0 || len(sum) == 0 {
		return b, false
	}
	b = appendText(append(b, `{"algorithm":`...), algorithm)
	b = appendText(append(b, `,"checksumValue":`...), sum)
	return append(b, '}'), true
}

// verificationCode reads "d6a770ba38583ed4bb4525bd96e50461655d2758 (excludes: ./a, ./b)";
// the word was not always there.
func verificationCode(value []byte) object {
	code, rest, ok := bytes.Cut(value, []byte("("))
	var o object
	o.text("packageVerificationCodeValue", bytes.TrimSpace(code))
	if !ok {
		return o
	}
	rest, _, _ = bytes.Cut(rest, []byte(")"))
	rest = bytes.TrimSpace(rest)
	if len(rest) >= 9 && strings.EqualFold(string(rest[:9]), "excludes:") {
		rest = rest[9:]
	}
	for file := range bytes.SplitSeq(rest, []byte(",")) {
		if file = bytes.TrimSpace(file); len(file) > 0 {
			o.item("packageVerificationCodeExcludedFiles", file)
		}
	}
	return o
}

// wordsOf cuts text into three parts at white space; the last one has the rest. It reports
// whether there are so many.
func wordsOf(text []byte) (parts [3][]byte, ok bool) {
	for n := range 2 {
		i := 0
		for i < len(text) && text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n' {
			i++
		}
		parts[n] = text[:i]
		text = bytes.TrimLeft(text[i:], " \t\r\n")
	}
	parts[2] = text
	return parts, len(text) > 0
}

// externalRef reads "SECURITY cpe23Type cpe:2.3:..." into the open package.
func (t *tagReader) externalRef(value []byte) bool {
	parts, ok := wordsOf(value)
	if !ok {
		return false
	}
	e := &t.open[ofExternalRef]
	e.on = true
	e.text("referenceCategory", parts[0])
	e.text("referenceType", parts[1])
	e.text("referenceLocator", parts[2])
	return true
}

// externalDocument reads "DocumentRef-x https://example.com/doc SHA1: 2fd4e1c6...".
func (t *tagReader) externalDocument(tag *tag, e *element, value []byte) bool {
	o, ok := externalDocument(value)
	if ok {
		e.element(tag.member, &o)
	}
	return ok
}

func externalDocument(value []byte) (object, bool) {
	var o object
	parts, ok := wordsOf(value)
	if !ok {
		return o, false
	}
	sum, ok := appendChecksum(nil, parts[2])
	if !ok {
		return o, false
	}
	o.text("externalDocumentId", parts[0])
	o.text("spdxDocument", parts[1])
	o.raw("checksum", sum)
	return o, true
}

// relationship reads "SPDXRef-A DEPENDS_ON SPDXRef-B".
func (t *tagReader) relationship(e *element, value []byte) bool {
	parts, ok := wordsOf(value)
	if !ok {
		e.on = false // a comment that follows is about nothing
		return false
	}
	e.text("spdxElementId", parts[0])
	e.text("relationshipType", parts[1])
	e.text("relatedSpdxElement", parts[2])
	return true
}

// textRange reads "310:420", bytes or lines of the file that a snippet is from.
func (t *tagReader) textRange(tag *tag, value []byte) bool {
	from, to, ok := bytes.Cut(value, []byte(":"))
	from, to = bytes.TrimSpace(from), bytes.TrimSpace(to)
	if !ok || !isNumber(from) || !isNumber(to) {
		return false
	}
	i := 0
	if tag.member == "lineNumber" {
		i = 1
	}
	t.pointers[i] = value
	return true
}

func isNumber(b []byte) bool {
	_, err := strconv.ParseUint(string(b), 10, 63)
	return err == nil && (b[0] != '0' || len(b) == 1)
}

// snippet writes the open snippet. Its ranges name the file, which may come after them.
func (t *tagReader) snippet(e *element) {
	file := t.snippetFile
	for i, member := range [...]string{"offset", "lineNumber"} {
		if t.pointers[i] == nil {
			continue
		}
		r := textRange(member, t.pointers[i], file)
		e.element("ranges", &r)
		t.pointers[i] = nil
	}
	t.annotate(&e.object, string(t.snippetID))
	t.form.document.element("snippets", &e.object)
	t.snippetFile, t.snippetID = nil, nil
}

func textRange(member string, value, file []byte) object {
	from, to, _ := bytes.Cut(value, []byte(":"))
	var r object
	for i, name := range [...]string{"startPointer", "endPointer"} {
		var p object
		p.raw(member, bytes.TrimSpace([2][]byte{from, to}[i]))
		if len(file) > 0 {
			p.text("reference", file)
		}
		r.raw(name, p.appendTo(nil))
	}
	return r
}
