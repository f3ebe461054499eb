package workbook_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/internal/workbook"
)

// packed is a workbook with one sheet, One, of these rows.
func packed(tb testing.TB, rows string) []byte {
	tb.Helper()
	return archive(tb, map[string]string{
		"[Content_Types].xml":        "<Types/>",
		"xl/workbook.xml":            `<workbook xmlns:r="urn:r"><sheets><sheet name="One" sheetId="1" r:id="rId1"/><sheet name="Two" r:id="rId2"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Target="/xl/other.xml"/></Relationships>`,
		"xl/sharedStrings.xml":       `<sst><si><t>plain</t></si><si><r><t>in </t></r><r><t>parts</t></r><rPh><t>said</t></rPh></si></sst>`,
		"xl/worksheets/sheet1.xml":   `<worksheet><sheetData>` + rows + `</sheetData></worksheet>`,
		"xl/other.xml":               `<worksheet><sheetData><row><c t="inlineStr"><is><t>other</t></is></c></row></sheetData></worksheet>`,
	})
}

func archive(tb testing.TB, parts map[string]string) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "xl/other.xml"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(parts[name]))
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// rows are the rows of a sheet, one text for each.
func rows(b []byte, sheet string, most int64) (all []string, err error) {
	book, err := workbook.Open(b, most)
	if err != nil {
		return nil, err
	}
	err = book.Rows(sheet, func(n int, cells []string) error {
		all = append(all, fmt.Sprintf("%d:%s", n, strings.Join(cells, "|")))
		return nil
	})
	return all, err
}

func TestRows(t *testing.T) {
	b := packed(t, `<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row><row/>
		<row r="4"><c r="B4"><v>1.10</v></c><c t="b"><v>1</v></c><c t="b"><v>0</v></c><c t="str"><f>A1</f><v>made</v></c><c t="e"><v>#REF!</v></c><c t="s"><v>9</v></c></row>
		<row><c r="AA5" t="inlineStr"><is><t>far</t></is></c></row>`)
	got, err := rows(b, "one", 1<<20)
	want := []string{"1:plain||in parts", "4:|1.10|true|false|made", "5:" + strings.Repeat("|", 26) + "far"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q %v, want %q", got, err, want)
	}
	if got, err = rows(b, "Two", 1<<20); err != nil || !reflect.DeepEqual(got, []string{"1:other"}) {
		t.Errorf("%q %v", got, err)
	}
	if got, err = rows(b, "Three", 1<<20); err != nil || got != nil {
		t.Errorf("%q %v", got, err)
	}
	if !workbook.Is(b) || workbook.Is([]byte("PK\x03\x04")) {
		t.Error("not recognised")
	}
}

func TestRefused(t *testing.T) {
	whole := packed(t, `<row><c t="inlineStr"><is><t>`+strings.Repeat("a", 2<<20)+`</t></is></c></row>`)
	for name, test := range map[string]struct {
		b    []byte
		most int64
		want string
	}{
		"no archive":    {[]byte("PK\x03\x04xl/workbook.xml"), 1 << 20, "corrupt-archive"},
		"cut off":       {whole[:len(whole)-30], 1 << 30, "corrupt-archive"},
		"a bomb":        {whole, 1 << 20, "too-large"},
		"a large cell":  {whole, 1 << 30, "too-large at xl/worksheets/sheet1.xml 1:"},
		"a far column":  {packed(t, `<row><c r="ZZZ1"><v>1</v></c></row>`), 1 << 20, "too-many at xl/worksheets/sheet1.xml 1:"},
		"no XML":        {packed(t, `<row><c>`), 1 << 20, "syntax at xl/worksheets/sheet1.xml 1:"},
		"an entity":     {packed(t, `<row><c><v>&bomb;</v></c></row>`), 1 << 20, "syntax at xl/worksheets/sheet1.xml 1:"},
		"deeply nested": {packed(t, strings.Repeat(`<row><c><a>`, 100)), 1 << 20, "too-deep at xl/worksheets/sheet1.xml 1:"},
	} {
		_, err := rows(test.b, "One", test.most)
		var park *normalize.ParkError
		if !errors.As(err, &park) || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func TestTime(t *testing.T) {
	for in, want := range map[string]string{
		"45811.1701": "2025-06-03T04:04:57Z", "1": "1899-12-31T00:00:00Z", "2025-01-01": "2025-01-01", "-1": "-1", "1e300": "1e300", "": "",
	} {
		if got := workbook.Time(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add(packed(f, `<row r="1"><c r="A1" t="s"><v>0</v></c></row>`))
	if b, err := os.ReadFile("../../spdx/testdata/same/shop.xlsx"); err == nil {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		book, err := workbook.Open(b, 1<<20)
		for i := 0; err == nil && i < len(book.Sheets) && i < 20; i++ {
			err = book.Rows(book.Sheets[i], func(int, []string) error { return nil })
		}
		if err != nil && !normalize.Permanent(err) {
			t.Fatal(err)
		}
	})
}
