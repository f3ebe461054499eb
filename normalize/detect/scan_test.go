package detect

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"sluice/normalize"
)

func TestScanMembers(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, c := range []struct {
		name, in string
		want     map[string]string
	}{
		{"object", `{"bomFormat":"CycloneDX","version":1,"ok":true,"no":null,"metadata":{"timestamp":"2026","deep":{"x":1},"tools":[]},"components":[{"name":"a"}]}`, map[string]string{
			"/bomFormat": "CycloneDX", "/version": "1", "/ok": "true", "/no": "null", "/metadata": "{", "/metadata/timestamp": "2026",
			"/metadata/deep": "{", "/metadata/tools": "[", "/components": "[",
		}},
		{"list of contexts", `{"@context":["https://a","https://b",{}],"x":[[1],[2]]}`, map[string]string{"/@context": "[", "/@context/0": "https://a", "/@context/1": "https://b", "/x": "["}},
		{"array", `[{"id":"A","x":{"y":1}},{"id":"B"}]`, map[string]string{"/0": "{", "/0/id": "A", "/0/x": "{"}},
		{"array of scalars", `[1,2]`, map[string]string{"/0": "1"}},
		{"empty object", ` {} `, map[string]string{}},
		{"empty array", "\n[]\n", map[string]string{}},
		{"byte order mark", "\xef\xbb\xbf{\"a\":1}", map[string]string{"/a": "1"}},
		{"names to escape", `{"a/b":1,"c~d":{"e":2},"\u0066\n":3}`, map[string]string{"/a~1b": "1", "/c~0d": "{", "/c~0d/e": "2", "/f\n": "3"}},
		{"escapes", `{"a":"\u00e9\ud83d\ude00\"\\"}`, map[string]string{"/a": "é😀\"\\"}},
		{"long value", `{"a":"` + long + `"}`, map[string]string{"/a": long[:256]}},
		{"long value with escapes", `{"a":"` + strings.Repeat(`\u00e9`, 5000) + `"}`, map[string]string{"/a": strings.Repeat("é", 128)}},
		{"last of duplicates", `{"a":1,"a":2}`, map[string]string{"/a": "2"}},
		{"numbers", `{"a":-0.5e+10,"b":0,"c":1E-3,"d":9007199254740993}`, map[string]string{"/a": "-0.5e+10", "/b": "0", "/c": "1E-3", "/d": "9007199254740993"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := Scan([]byte(c.in), normalize.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if h.Syntax != normalize.JSON {
				t.Errorf("syntax %s", h.Syntax)
			}
			if d := cmp.Diff(c.want, h.Members); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestScanRefuses(t *testing.T) {
	deep := strings.Repeat(`{"a":[`, 300)
	for _, c := range []struct {
		name, in        string
		reason, pointer string
		message         string // a part of it
	}{
		{"nothing", "", normalize.ReasonEmpty, "", "no content"},
		{"white space", " \n\t\r\n", normalize.ReasonEmpty, "", "no content"},
		{"a byte order mark", "\xef\xbb\xbf", normalize.ReasonEmpty, "", "no content"},
		{"UTF-16", "\xff\xfe{\x00}\x00", normalize.ReasonEncoding, "", "UTF-16; convert it to UTF-8"},
		{"UTF-16 without mark", "{\x00\"\x00a\x00\"\x00", normalize.ReasonEncoding, "", "UTF-16 without"},
		{"UTF-16 big-endian", "\x00<\x00?\x00x\x00m", normalize.ReasonEncoding, "", "UTF-16 without"},
		{"UTF-32", "\xff\xfe\x00\x00{\x00\x00\x00", normalize.ReasonEncoding, "", "UTF-32"},
		{"missing comma", "{\"a\":1,\n\"b\":[1 2]}", normalize.ReasonSyntax, "/b/0", "2:8"},
		{"missing value", `{"a":}`, normalize.ReasonSyntax, "/a", "1:6"},
		{"trailing comma in object", `{"a":1,}`, normalize.ReasonSyntax, "/a", "member name"},
		{"trailing comma in array", `{"a":[1,]}`, normalize.ReasonSyntax, "/a/1", "']' where a value"},
		{"single quotes", `{'a':1}`, normalize.ReasonSyntax, "", "member name in double quotes"},
		{"missing colon", `{"a" 1}`, normalize.ReasonSyntax, "/a", "colon"},
		{"wrong end", `{"a":[1}}`, normalize.ReasonSyntax, "/a/0", "comma or ]"},
		{"cut off in object", `{"a":1`, normalize.ReasonSyntax, "/a", "cut off"},
		{"cut off in array", `{"a":[1,`, normalize.ReasonSyntax, "/a/1", "cut off"},
		{"cut off in string", `{"a":"xy`, normalize.ReasonSyntax, "/a", "cut off"},
		{"cut off in escape", `{"a":"xy\`, normalize.ReasonSyntax, "/a", "cut off"},
		{"cut off in unicode escape", `{"a":"\u00`, normalize.ReasonSyntax, "/a", "escape"},
		{"cut off after name", `{"a"`, normalize.ReasonSyntax, "/a", "cut off"},
		{"cut off in literal", `{"a":tru`, normalize.ReasonSyntax, "/a", "'t' where a value"},
		{"bad escape", `{"a":"\x"}`, normalize.ReasonSyntax, "/a", "escape"},
		{"line feed in string", "{\"a\":\"x\ny\"}", normalize.ReasonSyntax, "/a", "U+000A"},
		{"leading zero", `{"a":01}`, normalize.ReasonSyntax, "/a", "number"},
		{"plus sign", `{"a":+1}`, normalize.ReasonSyntax, "/a", "'+'"},
		{"no digits after point", `{"a":1.}`, normalize.ReasonSyntax, "/a", "number"},
		{"no exponent", `{"a":1e}`, normalize.ReasonSyntax, "/a", "number"},
		{"NaN", `{"a":NaN}`, normalize.ReasonSyntax, "/a", "'N'"},
		{"text after it", `{"a":1} x`, normalize.ReasonSyntax, "", "1 bytes follow"},
		{"JSON Lines", "{\"a\":1}\n{\"a\":2}\n", normalize.ReasonSyntax, "", "JSON Lines; split it"},
		{"several values", `{"a":1}{"a":2}`, normalize.ReasonSyntax, "", "several JSON values"},
		{"not UTF-8", "{\"a\":{\"b\":\"caf\xe9\"}}", normalize.ReasonEncoding, "/a/b", "0xe9 at offset 14"},
		{"name not UTF-8", "{\"caf\xe9\":1}", normalize.ReasonEncoding, "", "convert"},
		{"not UTF-8 outside of strings", "{\"a\":\xe9}", normalize.ReasonEncoding, "/a", "0xe9"},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", normalize.ReasonEncoding, "/a", "0xed"},
		{"NUL", `{"a":["x","y\u0000"]}`, normalize.ReasonNUL, "/a/1", `\u0000`},
		{"NUL in name", `{"a":{"\u0000":1}}`, normalize.ReasonNUL, "/a", `\u0000`},
		{"high surrogate", `{"a":"\ud800"}`, normalize.ReasonSurrogate, "/a", `\ud800`},
		{"high surrogate and text", `{"a":"\ud800abcdef"}`, normalize.ReasonSurrogate, "/a", `\ud800`},
		{"two high surrogates", `{"a":"\ud800\ud800"}`, normalize.ReasonSurrogate, "/a", `\ud800`},
		{"low surrogate", `{"a":"\uDC00"}`, normalize.ReasonSurrogate, "/a", `\uDC00`},
		{"large number", `{"a":{"b":[1,1e400]}}`, normalize.ReasonNumber, "/a/b/1", "1e400"},
		{"large number without exponent", `{"a":1` + strings.Repeat("0", 400) + `}`, normalize.ReasonNumber, "/a", "..."},
		{"scale of numeric", `{"a":0.` + strings.Repeat("0", 16383) + `1}`, normalize.ReasonNumber, "/a", "numeric"},
		{"scale by exponent", `{"a":1e-16384}`, normalize.ReasonNumber, "/a", "numeric"},
		{"exponent out of range", `{"a":0e99999999999999999999}`, normalize.ReasonNumber, "/a", "numeric"},
		{"too deep", deep, normalize.ReasonDepth, strings.Repeat("/a/0", 255) + "/a/0", "512"},
		{"XML cut off", "<?xml version='1.0'?>\n<!-- ", normalize.ReasonSyntax, "2:6", "XML"},
		{"XML without root", "<?xml version='1.0'?>\n", normalize.ReasonSyntax, "2:1", "no root"},
		{"XML not UTF-8", "<bom>caf\xe9</bom>", normalize.ReasonEncoding, "1:9", "0xe9"},
		{"XML with NUL", "<bom>\x00</bom>", normalize.ReasonNUL, "1:6", "NUL"},
		{"YAML not UTF-8", "spdxVersion: SPDX-2.3\nname: caf\xe9\n", normalize.ReasonEncoding, "2:10", "0xe9"},
		{"tag-value with NUL late", "SPDXVersion: SPDX-2.3\nName: " + strings.Repeat("x", 600) + "\x00\n", normalize.ReasonNUL, "2:607", "NUL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Scan([]byte(c.in), normalize.Limits{})
			var park *normalize.ParkError
			if !errors.As(err, &park) {
				t.Fatalf("accepted, or no ParkError: %v", err)
			}
			if park.Reason != c.reason || park.Pointer != c.pointer || !strings.Contains(park.Error(), c.message) {
				t.Errorf("got %s at %q: %v\nwant %s at %q with %q", park.Reason, park.Pointer, park, c.reason, c.pointer, c.message)
			}
		})
	}
}

func TestScanAccepts(t *testing.T) {
	for name, in := range map[string]string{
		"depth at the limit":  strings.Repeat("[", 512) + strings.Repeat("]", 512),
		"wide":                "[" + strings.Repeat("[],", 100000) + "[]]",
		"scale of numeric":    `{"a":0.` + strings.Repeat("0", 16382) + `1}`,
		"small number":        `{"a":1e-400}`,
		"zero":                `{"a":0e400}`,
		"largest number":      `{"a":1.7976931348623157e308}`,
		"long number":         `{"a":1` + strings.Repeat("0", 308) + `}`,
		"backslash u escaped": `{"a":"\\u0000"}`,
		"surrogate pair":      `{"a":"\ud83d\ude00"}`,
		"noncharacter":        `{"a":"\uffff"}`,
	} {
		if _, err := Scan([]byte(in), normalize.Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Scan([]byte(`{"a":1}`), normalize.Limits{MaxBytes: 7}); err != nil {
		t.Error(err)
	}
	if _, err := Scan([]byte(`{"a":12}`), normalize.Limits{MaxBytes: 7}); err == nil || !strings.HasPrefix(err.Error(), normalize.ReasonTooLarge) {
		t.Error(err)
	}
}

// TestScanDeep is nested input of any depth: an error at the limit, no stack, no time.
func TestScanDeep(t *testing.T) {
	for _, n := range []int{100_000, 10_000_000} {
		for _, open := range []string{"[", `{"a":`} {
			_, err := Scan([]byte(strings.Repeat(open, n)), normalize.Limits{MaxDepth: 1 << 30})
			var park *normalize.ParkError
			if !errors.As(err, &park) || park.Reason != normalize.ReasonDepth || len(park.Pointer) > maxPointer {
				t.Errorf("%d: %v", n, err)
			}
		}
	}
}

func TestScanDuplicates(t *testing.T) {
	var many strings.Builder
	for i := range 100 {
		many.WriteString(`"` + strings.Repeat("k", i+1) + `":1,`)
	}
	for _, c := range []struct {
		in   string
		want string // pointers
	}{
		{`{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}`, ""},
		{`{"a":1,"b":2,"a":3}`, "/a"},
		{`{"x":[{"a":1,"a":2}]}`, "/x/0/a"},
		{`{"":1,"":2}`, "/"},
		{"{" + many.String() + `"kkk":2}`, "/kkk"},
		{"{" + many.String() + `"x":2}`, ""},
	} {
		h, err := Scan([]byte(c.in), normalize.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range h.Warnings {
			if w.Code != "duplicate-member" {
				t.Errorf("%v", w)
			}
			got = append(got, w.Pointer)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%.60s: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestScanMemberLimit(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"first":{`)
	for i := range 5000 {
		b.WriteString(`"` + strings.Repeat("n", i%50) + string(rune('a'+i%26)) + `":1,`)
	}
	b.WriteString(`"z":1},"bomFormat":"CycloneDX"}`)
	h, err := Scan([]byte(b.String()), normalize.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Members) > 2*maxMembers || h.Members["/bomFormat"] != "CycloneDX" {
		t.Errorf("%d members, bomFormat %q", len(h.Members), h.Members["/bomFormat"])
	}
}

func TestScanXML(t *testing.T) {
	for _, c := range []struct{ in, root, namespace string }{
		{`<bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>`, "bom", "http://cyclonedx.org/schema/bom/1.6"},
		{"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE x [<!ENTITY a 'b'>]>\n<!-- c --><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">", "RDF", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"},
		{"<?xml version='1.0' encoding='ISO-8859-1'?><bom>caf\xe9</bom>", "bom", ""},
		{"<!DOCTYPE html><html lang=en><body>", "html", ""},
		{"\n  <a>", "a", ""},
		{"<?xml version=\"1.1\"?>\n<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\"/>", "bom", "http://cyclonedx.org/schema/bom/1.6"},
		{"<?xml version='1.1' encoding='windows-1252'?><bom>caf\xe9</bom>", "bom", ""},
		{"<?xml version='1.0' encoding='utf8'?><bom>caf\xc3\xa9</bom>", "bom", ""},
	} {
		h, err := Scan([]byte(c.in), normalize.Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if h.Syntax != normalize.XML || h.Root != c.root || h.Namespace != c.namespace {
			t.Errorf("%s: %s %s %s", c.in, h.Syntax, h.Root, h.Namespace)
		}
	}
}

func TestScanText(t *testing.T) {
	for _, c := range []struct {
		name, in string
		syntax   normalize.Syntax
		want     map[string]string
		hint     string
	}{
		{"YAML", "# c\n---\nspdxVersion: \"SPDX-2.3\" \npackages:\n- name: a\n  x: y\nname: 'b' \nz: 1 # one\n", normalize.YAML, map[string]string{"/spdxVersion": "SPDX-2.3", "/packages": "", "/name": "b", "/z": "1"}, ""},
		{"tag-value", "##\nSPDXVersion: SPDX-2.2\nDataLicense: CC0-1.0\nPackageComment: <text>some\nthing: of\nthat sort</text>\n", normalize.Text, map[string]string{
			"/SPDXVersion": "SPDX-2.2", "/DataLicense": "CC0-1.0", "/PackageComment": "<text>some", "/thing": "of",
		}, "SPDX tag-value"},
		{"prose", "Dear all,\nnote: this is text\n", normalize.Text, map[string]string{}, "plain text"},
		{"prose with a first word", "Note: this is text\nand goes on\n", normalize.Text, map[string]string{}, "plain text"},
		{"CSV", "cve,epss,percentile\nCVE-1,0.1,0.2\n", normalize.Text, map[string]string{}, "a CSV file"},
		{"binary", "\x7fELF\x02\x01\x01\x00", normalize.Text, map[string]string{}, "an ELF program"},
		{"a number", "42", normalize.Text, map[string]string{}, "plain text"},
		{"Latin-1", "caf\xe9", normalize.Text, map[string]string{}, "binary data"},
		{"LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", normalize.Text, map[string]string{}, "a Git LFS pointer; fetch the file itself with git lfs pull"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := Scan([]byte(c.in), normalize.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if h.Syntax != c.syntax || h.Hint != c.hint {
				t.Errorf("syntax %s, hint %q, want %s, %q", h.Syntax, h.Hint, c.syntax, c.hint)
			}
			if d := cmp.Diff(c.want, h.Members); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestStrip(t *testing.T) {
	if got := Strip([]byte("\xef\xbb\xbf{}")); string(got) != "{}" {
		t.Errorf("%q", got)
	}
	if got := Strip([]byte("{}")); string(got) != "{}" {
		t.Errorf("%q", got)
	}
}

var seeds = []string{
	`{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00\n",true,false,null,{}],"b":{"c":{"d":[[]]}}}`, `[{"id":1}]`, "{\"a\":\"\xe9\"}", `{"a":1e400}`,
	`{"a":"\ud800"}`, `{"a":1,"a":2}`, `{"a":01}`, "{}\n{}", "<a xmlns='b'/>", "a: b\n", "SPDXVersion: SPDX-2.3\n", "\xef\xbb\xbf{}", strings.Repeat(`{"a":[`, 300),
	`{"1234567890":"a longer text without anything that needs an escape","k":"tab\tquote\"end"}`,
}

// FuzzScan compares with jsontext: what it takes for JSON is JSON here, unless
// PostgreSQL cannot hold it, and the other way round.
func FuzzScan(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Scan(b, normalize.Limits{})
		again, errAgain := Scan(bytes.Clone(b), normalize.Limits{})
		if (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() || err == nil && cmp.Diff(h, again) != "" {
			t.Fatalf("different results: %v, %v", err, errAgain)
		}
		var park *normalize.ParkError
		if err != nil {
			if !errors.As(err, &park) {
				t.Fatalf("not a ParkError: %v", err)
			}
			if s := park.Error(); !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				t.Errorf("message that PostgreSQL cannot hold: %q", s)
			}
		} else {
			for k, v := range h.Members {
				if !utf8.ValidString(k) || !utf8.ValidString(v) || h.Syntax == normalize.JSON && strings.Contains(k+v, "\x00") {
					t.Errorf("member that PostgreSQL cannot hold: %q: %q", k, v)
				}
			}
		}
		body := Strip(b)
		start := skipSpace(body, 0)
		if start == len(body) || body[start] != '{' && body[start] != '[' || wideEncoding(b) != "" {
			return
		}
		valid := jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true))
		if err == nil && !valid {
			t.Errorf("accepted what jsontext refuses: %q", b)
		}
		if err != nil && valid {
			switch park.Reason {
			case normalize.ReasonNUL, normalize.ReasonNumber, normalize.ReasonDepth:
			default:
				t.Errorf("refused what jsontext accepts: %v: %q", err, b)
			}
		}
	})
}

func TestLongStrings(t *testing.T) {
	t.Parallel()
	lim := normalize.Limits{MaxString: 2000}
	long, short := strings.Repeat("x", 2001), strings.Repeat("y", 2000)
	for in, want := range map[string]string{
		`{"a":"` + short + `"}`: "", `{"a":"` + long + `"}`: normalize.ReasonTooLarge, `{"` + long + `":1}`: normalize.ReasonTooLarge, `["` + strings.Repeat(`\"`, 1001) + `"]`: normalize.ReasonTooLarge,
	} {
		_, err := Scan([]byte(in), lim)
		var park *normalize.ParkError
		if errors.As(err, &park); (err == nil) != (want == "") || err != nil && park.Reason != want {
			t.Errorf("Scan %.10q: %v, want %q", in, err, want)
		}
		if err := CheckStrings([]byte(in), lim); (err == nil) != (want == "") {
			t.Errorf("CheckStrings %.10q: %v, want %q", in, err, want)
		}
	}
}
