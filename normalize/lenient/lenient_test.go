package lenient_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// read reads {"v": value} and shows what take made of the value, with the warnings.
func read(t *testing.T, value string, take func(*lenient.Reader) any) string {
	t.Helper()
	doc := &normalize.Document{}
	r := lenient.New([]byte(`{"before":[1,{}],"v":`+value+`,"after":2}`), "", doc.Warn)
	var got any
	for ok := r.Object(); ok && r.Member(); {
		if string(r.Name()) == "v" {
			got = take(r)
		} else {
			r.Skip()
		}
	}
	r.End()
	if err := r.Err(); err != nil {
		t.Errorf("%s: %v", value, err)
	}
	s := fmt.Sprint(got)
	for _, w := range doc.Warnings {
		s += " " + w.Code + " " + w.Pointer
	}
	return s
}

func TestValues(t *testing.T) {
	text := func(r *lenient.Reader) any { return r.Text() }
	asIs := func(r *lenient.Reader) any { return string(r.Bytes()) }
	texts := func(r *lenient.Reader) any { return r.Texts() }
	instant := func(r *lenient.Reader) any { return r.Time().Format(time.RFC3339Nano) }
	raw := func(r *lenient.Reader) any { return string(r.Raw()) }
	names := func(r *lenient.Reader) any {
		var names []string
		for ok := r.Object(); ok && r.Member(); {
			names = append(names, string(r.Name()))
			r.Skip()
		}
		return names
	}
	array := func(r *lenient.Reader) any {
		var list []string
		for ok := r.Array(); ok && r.Element(); {
			list = append(list, string(r.Raw()))
		}
		return list
	}
	// lists reads a list of lists, each of which may be a single value.
	lists := func(r *lenient.Reader) any {
		list := [][]string{}
		for ok := r.List(); ok && r.Element(); {
			list = append(list, r.Texts())
		}
		return list
	}
	const zero = "0001-01-01T00:00:00Z"
	for _, c := range []struct {
		value string
		take  func(*lenient.Reader) any
		want  string
	}{
		{`" a b\n"`, text, "a b"},
		{`" a b\n"`, asIs, " a b\n"},
		{`"\u00e9"`, text, "é"},
		{`null`, text, ""},
		{`1.50`, text, "1.50 wrong-type /v"},
		{`true`, text, "true wrong-type /v"},
		{`{"a":[1]}`, text, " wrong-type /v"},
		{`["a"," ",null," b "]`, texts, "[a b]"},
		{`[["a"],"b"]`, texts, "[b] wrong-type /v/0"},
		{`"a"`, texts, "[a] wrong-type /v"},
		{`7`, texts, "[7] wrong-type /v wrong-type /v"},
		{`null`, texts, "[]"},
		{`[]`, texts, "[]"},
		{`[[1.0],{"a":[]},null]`, array, `[[1.0] {"a":[]} null]`},
		{`{"a":[]}`, array, "[] wrong-type /v"},
		{`"a"`, array, "[] wrong-type /v"},
		{`null`, array, "[]"},
		{`[["a"],["b","c"]]`, lists, "[[a] [b c]]"},
		{`["a",["b"]]`, lists, "[[a] [b]] wrong-type /v/0"},
		{`"a"`, lists, "[[a]] wrong-type /v wrong-type /v"},
		{`{"a":1}`, lists, "[[]] wrong-type /v wrong-type /v wrong-type /v"},
		{`{"a":1,"b\n":{},"\u0063":[]}`, names, "[a b\n c]"},
		{`null`, names, "[]"},
		{`[1]`, names, "[] wrong-type /v"},
		{`{"a": [1, 2]}`, raw, `{"a": [1, 2]}`},
		{`"2026-01-02T03:04:05.123456789Z"`, instant, "2026-01-02T03:04:05.123456789Z"},
		{`"2026-01-02T03:04:05+0200"`, instant, "2026-01-02T01:04:05Z"},
		{`""`, instant, zero},
		{`"0001-01-01T00:00:00Z"`, instant, zero + " bad-time /v"},
		{`"soon"`, instant, zero + " bad-time /v"},
		{`[]`, instant, zero + " wrong-type /v"},
	} {
		if got := read(t, c.value, c.take); got != c.want {
			t.Errorf("%s: %q, want %q", c.value, got, c.want)
		}
	}
}

// TestPart reads a part of a document: pointers are those in the whole one.
func TestPart(t *testing.T) {
	doc := &normalize.Document{}
	r := lenient.New([]byte("\xef\xbb\xbf"+`{"a":["x",1,null,{"y":2}],"\u0065":null,"f":3}`), "/base", doc.Warn)
	if r.Depth() != 0 || !r.IsObject() || r.IsArray() || r.IsNull() {
		t.Error("not at an object")
	}
	for ok := r.Object(); ok && r.Member(); {
		switch name := string(r.Name()); name {
		case "a":
			if got := r.Texts(); strings.Join(got, " ") != "x 1" {
				t.Errorf("a: %q", got)
			}
		case "e":
			if !r.IsNull() || r.Array() {
				t.Error("e is null")
			}
		case "f":
			if r.Depth() != 1 || r.Object() {
				t.Error("f is a number")
			}
		default:
			t.Error(name)
			r.Skip()
		}
	}
	r.End()
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	var pointers []string
	for _, w := range doc.Warnings {
		pointers = append(pointers, w.Pointer)
	}
	if got := strings.Join(pointers, " "); got != "/base/a/1 /base/a/3 /base/f" {
		t.Errorf("warnings at %s", got)
	}
}

func TestErr(t *testing.T) {
	for in, want := range map[string]string{
		"":                                       "empty: ",
		" \n":                                    "empty: ",
		"{":                                      "syntax: not well-formed JSON: the document is cut off",
		`{"a"`:                                   "syntax at /a: not well-formed JSON: the document is cut off",
		`{"a":`:                                  "syntax at /a: not well-formed JSON: the document is cut off",
		`{"a":[`:                                 "syntax at /a: not well-formed JSON: the document is cut off",
		`{"a":[}`:                                "syntax at /a/0: not well-formed JSON: ",
		`{"a":tru}`:                              "syntax at /a: not well-formed JSON: ",
		"{\"a\":\"\xff\"}":                       "encoding at /a: not UTF-8",
		"{} 1":                                   "syntax: something follows the document at byte 2",
		"{} x":                                   "syntax: not well-formed JSON: ",
		`{"a":` + strings.Repeat(`[`, 20000):     "too-deep at /a/0/0/0",
		`{"a":` + strings.Repeat(`{"a":`, 20000): "too-deep at /a/a/a/a",
		`{"stop":[1,2],"a":3}`:                   "invalid at /stop: enough",
	} {
		doc := &normalize.Document{}
		r := lenient.New([]byte(in), "", doc.Warn)
		for ok := r.Object(); ok && r.Member(); {
			if string(r.Name()) == "stop" {
				r.Fail(normalize.Park(normalize.ReasonInvalid, "/stop", "enough"))
				r.Fail(normalize.Park(normalize.ReasonInvalid, "/stop", "more than enough"))
			}
			if got := r.Texts(); r.Failed() && len(got) > 0 {
				t.Errorf("%.30q: %q from a reader that has stopped", in, got)
			}
		}
		r.End()
		err := r.Err()
		if !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), want) || len(err.Error()) > 1000 {
			t.Errorf("%.30q: %v, want %s", in, err, want)
		}
		// Whatever is called now, nothing happens.
		if r.Object() || r.Array() || r.List() || r.Member() || r.Element() || r.Text() != "" || r.Raw() != nil || r.IsNull() {
			t.Errorf("%.30q: the reader goes on", in)
		}
	}
}

func TestTime(t *testing.T) {
	want := time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, s := range []string{
		"2025-03-04T05:06:07Z", "2025-03-04t05:06:07z", "2025-03-04T05:06:07", "2025-03-04T07:06:07+02:00", "2025-03-04T07:06:07+0200",
		" 2025-03-04 05:06:07Z ", "2025-03-04 05:06:07", "2025-03-04 05:06:07 UTC", "2025-03-04 07:06:07 +0200", "2025-03-04 07:06:07+02:00",
		"2025-03-04T05:06:07.000000000Z", "2025-03-04T05:06:07.000", "2025-03-04 05:06:07.000", "9999-12-31", "1990-01-01",
	} {
		got, err := lenient.Time(s)
		if day := len(s) == len("2025-03-04"); err != nil || !day && !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q: %v %v", s, got, err)
		}
	}
	for _, s := range []string{"2025-03-04T05:06Z", "2025-03-04T05:06", "2025-03-04"} {
		if got, err := lenient.Time(s); err != nil || got.Year() != 2025 {
			t.Errorf("%q: %v %v", s, got, err)
		}
	}
	for s, want := range map[string]error{
		"": nil, " ": nil, "yesterday": lenient.ErrNoTime, "2025-13-04T05:06:07Z": lenient.ErrNoTime, "1741064767": lenient.ErrNoTime,
		"0001-01-01T00:00:00Z": lenient.ErrImpossibleTime, "1970-01-01T00:00:00Z": lenient.ErrImpossibleTime,
		"1989-12-31T23:59:59Z": lenient.ErrImpossibleTime, "9999-12-31T23:59:59-01:00": lenient.ErrImpossibleTime,
	} {
		if got, err := lenient.Time(s); err != want || !got.IsZero() {
			t.Errorf("%q: %v %v", s, got, err)
		}
	}
}

func ExampleReader() {
	doc := &normalize.Document{}
	r := lenient.New([]byte(`{"name": "kettle", "licenses": "MIT", "files": [1, 2, 3]}`), "", doc.Warn)
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "name":
			fmt.Println("name", r.Text())
		case "licenses":
			fmt.Println("licenses", r.Texts())
		default:
			r.Skip()
		}
	}
	r.End()
	if err := r.Err(); err != nil {
		fmt.Println(err)
	}
	for _, w := range doc.Warnings {
		fmt.Println(w.Code, w.Pointer, w.Message)
	}
	// Output:
	// name kettle
	// licenses [MIT]
	// wrong-type /licenses a single value where an array belongs
}
