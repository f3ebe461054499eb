package detect

import (
	"bytes"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/csvtext"
	"sluice/normalize/internal/workbook"
)

// Hints that Detect knows what to do about.
const (
	tagValue  = "SPDX tag-value"
	oldOffice = "a Microsoft Office file of the old kind (.xls, .doc)"
)

// scanText reads YAML and plain text line by line, as far as top-level "key: value" lines go.
func scanText(b []byte) (*normalize.Head, error) {
	head := &normalize.Head{Syntax: normalize.Text, Members: map[string]string{}}
	if version, ok := binaryBOM(b); ok {
		head.Syntax, head.Members["/spec_version"] = normalize.Protobuf, version
		return head, nil
	}
	if workbook.Is(b) {
		return scanWorkbook(b, head)
	}
	if kind := binaryKind(b); kind != "" {
		head.Hint = kind
		return head, nil
	}
	if version, ok := textBOM(b); ok {
		if err := checkUTF8(b); err != nil {
			return nil, err
		}
		head.Syntax, head.Members["/spec_version"] = normalize.TextProto, version
		return head, nil
	}
	first, others, mapping := true, 0, false
	for line := range bytes.Lines(b) {
		line = bytes.TrimRight(line, " \t\r\n")
		if len(line) == 0 || line[0] == '#' || line[0] == ' ' || line[0] == '\t' {
			continue
		}
		if bytes.HasPrefix(line, []byte("---")) || bytes.HasPrefix(line, []byte("...")) || line[0] == '%' {
			continue
		}
		key, value, ok := keyLine(line)
		if first {
			mapping, first = ok, false
			if !ok {
				head.Columns = csvtext.Columns(line)
				break
			}
		}
		switch {
		case !ok && !strings.ContainsRune("-]}'\"", rune(line[0])):
			others++
		case ok && len(head.Members) < maxMembers:
			pointer := "/" + escapeToken(key)
			if _, again := head.Members[pointer]; !again {
				head.Members[pointer] = value
			}
		}
	}
	_, isTagValue := head.Members["/SPDXVersion"]
	switch {
	case isTagValue:
		head.Hint = tagValue
	case mapping && others == 0:
		head.Syntax = normalize.YAML
	default:
		clear(head.Members)
		if head.Hint = textKind(b); head.Columns != nil {
			head.Hint = "a CSV file"
		}
	}
	recognisable := isTagValue || head.Syntax == normalize.YAML || head.Columns != nil
	if err := checkUTF8(b); err != nil {
		if recognisable {
			return nil, err
		}
		clear(head.Members)
		head.Hint = "binary data"
	}
	return head, nil
}

// maxDirectory bounds what the parts of a spreadsheet that list its sheets unpack to.
const maxDirectory = 4 << 20

// scanWorkbook notes the sheets of a spreadsheet.
func scanWorkbook(b []byte, head *normalize.Head) (*normalize.Head, error) {
	book, err := workbook.Open(b, maxDirectory)
	if err != nil {
		return nil, err
	}
	head.Syntax, head.Hint = normalize.Workbook, "a spreadsheet"
	for _, name := range book.Sheets[:min(len(book.Sheets), maxMembers)] {
		head.Members["/"+escapeToken(cut(name))] = "{"
	}
	return head, nil
}

// keyLine splits `key: value`. The key is a single word, perhaps in quotes.
func keyLine(line []byte) (key, value string, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || colon > 100 || colon+1 < len(line) && line[colon+1] != ' ' && line[colon+1] != '\t' {
		return "", "", false
	}
	k := bytes.Trim(line[:colon], `"'`)
	if len(k) == 0 {
		return "", "", false
	}
	for _, c := range k {
		word := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-.$@/", c) >= 0
		if !word {
			return "", "", false
		}
	}
	v := bytes.TrimSpace(line[colon+1:])
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		v = v[1 : len(v)-1]
	} else if i := bytes.Index(v, []byte(" #")); i >= 0 {
		v = bytes.TrimSpace(v[:i])
	}
	return string(k), cut(string(v)), true
}

// magics are the beginnings of files that people drop among documents.
var magics = []struct{ prefix, kind string }{
	{"%PDF-", "a PDF file"},
	{"\x7fELF", "an ELF program"},
	{"MZ", "a Windows program"},
	{"\x89PNG", "a PNG image"},
	{"\xff\xd8\xff", "a JPEG image"},
	{"\xd0\xcf\x11\xe0", oldOffice},
	{"SQLite format 3\x00", "an SQLite database"},
	{"PK\x03\x04", "a zip archive that could not be unpacked"},
	{"\x1f\x8b", "gzip data that could not be unpacked"},
	{"\x28\xb5\x2f\xfd", "zstd data that could not be unpacked"},
	{"\xfd7zXZ\x00", "xz data that could not be unpacked"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"Rar!", "a RAR archive"},
}

// binaryKind says what a binary document is, "" for text.
func binaryKind(b []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(b, []byte(m.prefix)) && !(m.prefix == "MZ" && bytes.IndexByte(b, 0) < 0) {
			return m.kind
		}
	}
	if bytes.IndexByte(b[:min(len(b), 512)], 0) >= 0 {
		return "binary data"
	}
	return ""
}

// textKind says what a plain text is, as far as its first line tells.
func textKind(b []byte) string {
	switch line := string(b[:min(len(b), 1024)]); {
	case strings.HasPrefix(line, "version https://git-lfs.github.com/"):
		return "a Git LFS pointer; fetch the file itself with git lfs pull"
	case strings.HasPrefix(line, "-----BEGIN "):
		return "a PEM file"
	}
	return "plain text"
}
