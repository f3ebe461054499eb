package lenient_test

import (
	"testing"
	"time"

	"sluice/normalize"
	"sluice/normalize/cyclonedx/lenient"
)

func TestPurlProblem(t *testing.T) {
	for purl, fine := range map[string]bool{
		"pkg:npm/a":                                           true,
		"pkg:npm/%40babel/core@7.0.0":                         true,
		"pkg:npm/@babel/core@7.0.0":                           true, // sloppy, but package purl reads it
		"PKG:Maven/org.a/b@1?type=jar&classifier=x#y":         true,
		"pkg://deb/debian/curl@7.50.3-1?arch=i386":            true,
		"pkg:golang/example.com/m@v1.0.0+incompatible":        true,
		"pkg:oci/a@sha256%3Aabc?repository_url=example.com/a": true,
		"":                 false,
		"npm/a":            false,
		"pkg:":             false,
		"pkg:npm":          false,
		"pkg:npm/":         false,
		"pkg:npm/@1.0":     false,
		"pkg:/a":           false,
		"pkg:n$m/a":        false,
		"pkg:npm/a b":      false,
		"pkg:npm/a?arch":   false,
		"pkg:npm/a?=x":     false,
		"pkg:npm/a%":       false,
		"pkg:npm/a%2":      false,
		"pkg:npm/a%20b%zz": false,
		"cpe:2.3:a:a:a:1":  false,
	} {
		if problem := lenient.PurlProblem(purl); (problem == "") != fine {
			t.Errorf("%q: %q", purl, problem)
		}
	}
}

func TestTime(t *testing.T) {
	want := time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, s := range []string{
		"2025-03-04T05:06:07Z", "2025-03-04t05:06:07z", "2025-03-04T05:06:07", "2025-03-04T07:06:07+02:00", "2025-03-04T07:06:07+0200",
		" 2025-03-04 05:06:07Z ", "2025-03-04 05:06:07", "2025-03-04 05:06:07 UTC", "2025-03-04 07:06:07 +0200", "2025-03-04T05:06:07.000000000Z", "2025-03-04T05:06:07.000",
	} {
		if got, ok := lenient.Time(s); !ok || !got.Equal(want) {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
	for _, s := range []string{"2025-03-04T05:06Z", "2025-03-04"} {
		if got, ok := lenient.Time(s); !ok || got.Year() != 2025 {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
	for _, s := range []string{"yesterday", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2025-13-04T05:06:07Z", "1741064767"} {
		if got, ok := lenient.Time(s); ok || !got.IsZero() {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
	if got, ok := lenient.Time(""); !ok || !got.IsZero() {
		t.Errorf("no time: %v %v", got, ok)
	}
}

func TestReader(t *testing.T) {
	var doc normalize.Document
	r := lenient.New([]byte("\xef\xbb\xbf"+`{"a":["x",1,null,{"y":2}],"b":"one","c":{"d":[]},"\u0065":null,"f":3}`), "/base", doc.Warn)
	got := map[string][]string{}
	skipped := 0
	for ok := r.Object(); ok && r.Member(); {
		name := string(r.Name())
		switch name {
		case "a", "b", "e", "f":
			got[name] = r.Texts()
		default:
			r.Skip()
			skipped++
		}
	}
	r.End()
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if len(got["a"]) != 2 || got["a"][1] != "1" || len(got["b"]) != 1 || got["e"] != nil || got["f"] != nil || skipped != 1 {
		t.Error(got, skipped)
	}
	var pointers []string
	for _, w := range doc.Warnings {
		pointers = append(pointers, w.Pointer)
	}
	if want := []string{"/base/a/1", "/base/a/3", "/base/f"}; len(pointers) != 3 || pointers[0] != want[0] || pointers[1] != want[1] || pointers[2] != want[2] {
		t.Errorf("warnings at %v, want %v", pointers, want)
	}
}
