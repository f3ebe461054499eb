// Package workbook reads the sheets of a spreadsheet (Office Open XML, .xlsx) row by row.
//
// It reads what cells hold as text and no more: no formulas, no styles. The workbook is a
// zip archive; nothing of it touches the disk, and what it unpacks to is bounded.
package workbook

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/internal/xmlscan"
)

// Bounds of a workbook. Excel itself has 16,384 columns; documents have thirty.
const (
	maxParts   = 2000    // entries of the archive
	maxColumns = 1000    // that are read
	maxCell    = 1 << 20 // bytes of one cell; Excel allows 32,767 characters
	maxDepth   = 50      // of the XML
)

// Is reports whether b is a workbook, by the names in the archive's directory.
func Is(b []byte) bool {
	return bytes.HasPrefix(b, []byte("PK\x03\x04")) && bytes.Contains(b, []byte("xl/workbook.xml"))
}

// Book is an open workbook.
type Book struct {
	// Sheets are the names of the sheets, in their order.
	Sheets []string

	parts  map[string]*zip.File
	paths  map[string]string // of the sheets, by name
	shared []string          // texts that cells refer to
	left   int64             // bytes that may still be unpacked
	loaded bool
}

// Open reads the directory of a workbook. most bounds what all that is read of it may
// unpack to. An error is a *normalize.ParkError.
func Open(b []byte, most int64) (*Book, error) {
	archive, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, normalize.Park(normalize.ReasonCorruptArchive, "", "the spreadsheet is no archive that can be read: %w", err)
	}
	if len(archive.File) > maxParts {
		return nil, normalize.Park(normalize.ReasonTooMany, "", "a spreadsheet of more than %d parts", maxParts)
	}
	w := &Book{parts: make(map[string]*zip.File), paths: make(map[string]string), left: most}
	for _, f := range archive.File {
		w.parts[strings.TrimPrefix(f.Name, "/")] = f
	}
	targets := map[string]string{}
	err = w.read("xl/_rels/workbook.xml.rels", func(r *xmlscan.Reader) error {
		if string(r.Name.Local) == "Relationship" {
			targets[attribute(r, "Id")] = attribute(r, "Target")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = w.read("xl/workbook.xml", func(r *xmlscan.Reader) error {
		if string(r.Name.Local) != "sheet" {
			return nil
		}
		name, target := attribute(r, "name"), targets[attribute(r, "id")]
		if !strings.HasPrefix(target, "/") {
			target = path.Join("xl", target)
		}
		w.Sheets = append(w.Sheets, name)
		w.paths[strings.ToLower(name)] = strings.TrimPrefix(target, "/")
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

func attribute(r *xmlscan.Reader, name string) string {
	for _, a := range r.Attrs {
		if string(a.Name.Local) == name {
			return string(a.Value)
		}
	}
	return ""
}

// open unpacks a part; nil where there is none.
func (w *Book) open(name string) (*xmlscan.Reader, error) {
	f := w.parts[name]
	if f == nil {
		return nil, nil
	}
	rc, err := f.Open()
	if err != nil {
		return nil, normalize.Park(normalize.ReasonCorruptArchive, "", "%.100s of the spreadsheet: %w", name, err)
	}
	defer rc.Close()
	b, err := io.ReadAll(io.LimitReader(rc, w.left+1))
	if err != nil {
		return nil, normalize.Park(normalize.ReasonCorruptArchive, "", "%.100s of the spreadsheet: %w", name, err)
	}
	if w.left -= int64(len(b)); w.left < 0 {
		return nil, normalize.Park(normalize.ReasonTooLarge, "", "the spreadsheet unpacks to more than the limit for a document")
	}
	r, err := xmlscan.New(b, maxDepth)
	if err != nil {
		return nil, inPart(name, err)
	}
	return r, nil
}

// inPart says in which part of the workbook an error is.
func inPart(name string, err error) error {
	if park, ok := err.(*normalize.ParkError); ok {
		return normalize.Park(park.Reason, name+" "+park.Pointer, "%w", park.Err)
	}
	return err
}

// read calls f for every element of a part.
func (w *Book) read(name string, f func(*xmlscan.Reader) error) error {
	r, err := w.open(name)
	if err != nil || r == nil {
		return err
	}
	for {
		kind, err := r.Next()
		if err != nil {
			return inPart(name, err)
		}
		switch kind {
		case xmlscan.EOF:
			return nil
		case xmlscan.Start:
			if err := f(r); err != nil {
				return inPart(name, err)
			}
		}
	}
}

// text reads the texts inside of the element that just began, up to its end: those of t
// elements, without phonetic ones.
func text(r *xmlscan.Reader) (string, error) {
	var b []byte
	depth, in := 1, false
	for depth > 0 {
		kind, err := r.Next()
		if err != nil {
			return "", err
		}
		switch kind {
		case xmlscan.Start:
			if string(r.Name.Local) == "rPh" {
				if err := r.Skip(); err != nil {
					return "", err
				}
				continue
			}
			depth++
			in = string(r.Name.Local) == "t"
		case xmlscan.End:
			depth--
			in = false
		case xmlscan.Text:
			if in {
				b = append(b, r.Text...)
			}
		}
		if len(b) > maxCell {
			return "", normalize.Park(normalize.ReasonTooLarge, r.Where(), "a cell of more than %d bytes", maxCell)
		}
	}
	return string(b), nil
}

// Rows calls f for each row of a sheet that has cells, with its number and the texts of
// its cells from column A on. A sheet that is not there has none.
func (w *Book) Rows(sheet string, f func(n int, cells []string) error) error {
	if !w.loaded {
		w.loaded = true
		err := w.read("xl/sharedStrings.xml", func(r *xmlscan.Reader) error {
			if string(r.Name.Local) != "si" {
				return nil
			}
			s, err := text(r)
			w.shared = append(w.shared, s)
			return err
		})
		if err != nil {
			return err
		}
	}
	n := 0
	return w.read(w.paths[strings.ToLower(sheet)], func(r *xmlscan.Reader) error {
		if string(r.Name.Local) != "row" {
			return nil
		}
		n++
		if given, err := strconv.Atoi(attribute(r, "r")); err == nil {
			n = given
		}
		cells, err := w.row(r)
		if err != nil || len(cells) == 0 {
			return err
		}
		return f(n, cells)
	})
}

// row reads the cells of the row that just began.
func (w *Book) row(r *xmlscan.Reader) (cells []string, err error) {
	for {
		kind, err := r.Next()
		switch {
		case err != nil:
			return nil, err
		case kind == xmlscan.End:
			return cells, nil
		case kind != xmlscan.Start:
			continue
		case string(r.Name.Local) != "c":
			if err := r.Skip(); err != nil {
				return nil, err
			}
			continue
		}
		column := len(cells)
		if at := attribute(r, "r"); at != "" {
			column = columnOf(at)
		}
		where := r.Where()
		value, err := w.cell(r, attribute(r, "t"))
		if err != nil {
			return nil, err
		}
		if value == "" {
			continue
		}
		if column < 0 || column >= maxColumns {
			return nil, normalize.Park(normalize.ReasonTooMany, where, "a cell beyond the %dth column", maxColumns)
		}
		for len(cells) <= column {
			cells = append(cells, "")
		}
		cells[column] = value
	}
}

// cell reads the cell that just began.
func (w *Book) cell(r *xmlscan.Reader, typ string) (value string, err error) {
	for {
		kind, err := r.Next()
		switch {
		case err != nil:
			return "", err
		case kind == xmlscan.End:
			return w.meant(value, typ), nil
		case kind != xmlscan.Start:
			continue
		}
		switch string(r.Name.Local) {
		case "v":
			value, err = plain(r)
		case "is":
			value, err = text(r)
		default:
			err = r.Skip()
		}
		if err != nil {
			return "", err
		}
	}
}

// plain reads the text directly inside of the element that just began.
func plain(r *xmlscan.Reader) (string, error) {
	var b []byte
	for {
		kind, err := r.Next()
		if err != nil {
			return "", err
		}
		switch kind {
		case xmlscan.Text:
			b = append(b, r.Text...)
		case xmlscan.Start:
			if err := r.Skip(); err != nil {
				return "", err
			}
		case xmlscan.End:
			if len(b) > maxCell {
				return "", normalize.Park(normalize.ReasonTooLarge, r.Where(), "a cell of more than %d bytes", maxCell)
			}
			return string(b), nil
		}
	}
}

// meant is the text of a cell of a type.
func (w *Book) meant(value, typ string) string {
	switch typ {
	case "s":
		i, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || i < 0 || i >= len(w.shared) {
			return ""
		}
		return w.shared[i]
	case "b":
		switch strings.TrimSpace(value) {
		case "1":
			return "true"
		case "0":
			return "false"
		}
	case "e": // an error of a formula
		return ""
	}
	return value
}

// columnOf is the number of a cell's column, A being 0; -1 for what is no cell.
func columnOf(at string) int {
	n := 0
	for i := 0; i < len(at); i++ {
		c := at[i] &^ 0x20
		if c < 'A' || c > 'Z' {
			break
		}
		if n = 26*n + int(c-'A') + 1; n > 1<<20 {
			break
		}
	}
	return n - 1
}

// RowName is a row in messages.
func RowName(n int) string { return fmt.Sprintf("A%d", n) }

// Time is a time as RFC 3339 where the cell holds it as the number that spreadsheets count
// days by; anything else stays as it is.
func Time(value string) string {
	days, err := strconv.ParseFloat(value, 64)
	if err != nil || days < 1 || days > 2958465 { // the year 9999
		return value
	}
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	return epoch.Add(time.Duration(days*86400+0.5) * time.Second).Format(time.RFC3339)
}
