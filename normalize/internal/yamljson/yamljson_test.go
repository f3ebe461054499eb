package yamljson

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
)

var options = Options{MaxDepth: 50, Kind: func(member []byte) Kind {
	switch string(member) {
	case "flag":
		return Bool
	case "count":
		return Number
	}
	return Text
}}

// cases are documents of the simple subset and their JSON.
var cases = map[string]string{
	"a: b\n":                                          `{"a":"b"}`,
	"---\na: b\n...\n":                                `{"a":"b"}`,
	"# c\na: b # c\nc: d#e\n\n":                       `{"a":"b","c":"d#e"}`,
	"version: 1.10\nflag: true\ncount: 12\n":          `{"version":"1.10","flag":true,"count":12}`,
	"flag: maybe\ncount: 0x1f\nother: true\n":         `{"flag":"maybe","count":"0x1f","other":"true"}`,
	"a:\nb: ~\nc: null\nd: ''\n":                      `{"a":null,"b":null,"c":null,"d":""}`,
	"a:\n- b\n- c\nd: e\n":                            `{"a":["b","c"],"d":"e"}`,
	"a:\n  - b: 1\n    c: 2\n  - b: 3\nd: e\n":        `{"a":[{"b":"1","c":"2"},{"b":"3"}],"d":"e"}`,
	"a:\n- - b\n  - c\n- d\n":                         `{"a":[["b","c"],"d"]}`,
	"a:\n-\n  b: c\n-\n- d\n":                         `{"a":[{"b":"c"},null,"d"]}`,
	"a:\n  b:\n    c: d\n  e: f\n":                    `{"a":{"b":{"c":"d"},"e":"f"}}`,
	`"a": "x\"y\n\u00e9"` + "\n'b': 'it''s'\n":        `{"a":"x\"y\né","b":"it's"}`,
	"a: \"one\n  two\n\n  three\"\nb: 'x\n  y'\n":     `{"a":"one two\nthree","b":"x y"}`,
	"a: \"one\\n\\\n  \\ two\\\"\n  three\"\nb: c\n":  `{"a":"one\n two\" three","b":"c"}`,
	"a: one\n  two\n  three\nb: c\n":                  `{"a":"one two three","b":"c"}`,
	"a:\n  one\n  two\nb: c\n":                        `{"a":"one two","b":"c"}`,
	"a: |\n  one\n   two\n\n  three\nb: c\n":          `{"a":"one\n two\n\nthree\n","b":"c"}`,
	"a: |-\n  one\n\nb: |+\n  c\n\nd: e\n":            `{"a":"one","b":"c\n\n","d":"e"}`,
	"a: []\nb: {}\nc: [x, \"y z\", 'v']\n":            `{"a":[],"b":{},"c":["x","y z","v"]}`,
	"a: pkg:npm/x@1?b=c#d\nt: 2024-01-02T03:04:05Z\n": `{"a":"pkg:npm/x@1?b=c#d","t":"2024-01-02T03:04:05Z"}`,
	"a: b\r\nc: d\r\n":                                `{"a":"b","c":"d"}`,
	"- a\n- b: c\n":                                   `["a",{"b":"c"}]`,
	"a: <text>x</text>\nb: -1\nc: :x\n":               `{"a":"<text>x</text>","b":"-1","c":":x"}`,
	"a: é ü\n":                                        `{"a":"é ü"}`,
}

// rest are documents that the library has to read.
var rest = map[string]string{
	"a: &x b\nc: *x\n":        `{"a":"b","c":"b"}`,
	"a: >\n  one\n  two\n":    `{"a":"one two\n"}`,
	"a: !!str 1\n":            `{"a":"1"}`,
	"a: {b: c, d: [e]}\n":     `{"a":{"b":"c","d":["e"]}}`,
	"? a\n: b\n":              `{"a":"b"}`,
	"a: \"x\\\n  y\"\n":       `{"a":"xy"}`,
	"a: one\n\n  two\n":       `{"a":"one\ntwo"}`,
	"a:\t b\n":                `{"a":"b"}`,
	"a key with spaces: b\n":  `{"a key with spaces":"b"}`,
	"a: \"\\U0001F600\\_\"\n": "{\"a\":\"😀\u00a0\"}",
}

func TestConvert(t *testing.T) {
	check := func(in, want string) {
		t.Helper()
		got, err := Convert([]byte(in), options)
		if err != nil || string(got) != want {
			t.Errorf("%q: %s %v, want %s", in, got, err, want)
		}
	}
	for in, want := range cases {
		check(in, want)
		if _, ok := simple([]byte(strings.ReplaceAll(in, "\r\n", "\n")), options); !ok {
			t.Errorf("%q is left to the library", in)
		}
		if got, err := tree([]byte(in), options); err != nil || string(got) != want {
			t.Errorf("%q: the library says %s %v, want %s", in, got, err, want)
		}
	}
	for in, want := range rest {
		check(in, want)
	}
}

func TestRefused(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for _, c := range "bcdefgh" {
		before := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+before+",", 10), ",") + "]\n"
	}
	for in, want := range map[string]string{
		"":                                "empty",
		"# nothing\n":                     "invalid",
		"a: \xff\n":                       "encoding",
		"a: b\x00\n":                      "nul-character",
		"a: \"\\0\"\n":                    "nul-character at 1:4",
		"a: \"b\nc: d\n":                  "syntax at ",
		"a: b\nc\n":                       "syntax at ",
		"a: b\n---\nc: d\n":               "syntax at 2:1",
		"a: *b\n":                         "syntax",
		"<<: &x {a: b}\n":                 "invalid at 1:1",
		"[a]: b\n":                        "invalid at 1:1",
		"a: &a [*a]\n":                    "invalid at 1:8",
		strings.Repeat("[", 100):          "too-deep at 1:51",
		strings.Repeat("- ", 100) + "a\n": "too-deep at 1:",
		bomb:                              "too-large at ",
	} {
		out, err := Convert([]byte(in), options)
		var park *normalize.ParkError
		if !errors.As(err, &park) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q: %.60s %v, want %s", in, out, err, want)
		}
	}
}

// FuzzConvert holds that the subset is read as the library reads it.
func FuzzConvert(f *testing.F) {
	for _, list := range []map[string]string{cases, rest} {
		for in := range list {
			f.Add([]byte(in))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := Convert(b, options)
		if err != nil {
			if !normalize.Permanent(err) {
				t.Fatal(err)
			}
			return
		}
		if !jsontext.Value(out).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("no JSON: %s", out)
		}
		fast, ok := simple(b, options)
		if !ok {
			return
		}
		slow, err := tree(b, options)
		if err != nil {
			t.Fatalf("the library refuses what was read: %v\n%s", err, fast)
		}
		if string(fast) != string(slow) {
			t.Fatalf("read    %s\nlibrary %s", fast, slow)
		}
	})
}
