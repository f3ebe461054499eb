package detect

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"sluice/normalize"
)

func hash(tb testing.TB, json string, volatile ...string) [32]byte {
	tb.Helper()
	h, err := MeaningHash([]byte(json), &normalize.Meaning{Volatile: volatile})
	if err != nil {
		tb.Fatalf("%s: %v", json, err)
	}
	return h
}

// TestMeaningCanonical writes out what is hashed.
func TestMeaningCanonical(t *testing.T) {
	for _, c := range []struct {
		in, want string
		volatile []string
	}{
		{in: ` { "b" : [ 1 , 2.0 , -0 , 1E5 ] , "a" : "x" } `, want: `{"a":"x","b":[1,2,0,100000]}`},
		// RFC 8785 appendix B, and what its way through float64 would change
		{in: `[1E30,4.50,2e-3,0.000000000000000000000000001,1e-7,0.000001,333333333.3333333,-0.0,1e20,1e21]`, want: `[1e+30,4.5,0.002,1e-27,1e-7,0.000001,333333333.3333333,0,100000000000000000000,1e+21]`},
		{in: `[333333333.33333329,9007199254740993,0.1234567890123456,1e-400,4.9e-324,100000000000000000000000]`, want: `[333333333.33333329,9007199254740993,0.1234567890123456,1e-400,4.9e-324,1e+23]`},
		{in: "\xef\xbb\xbf[]", want: `[]`},
		{in: `"x"`, want: `"x"`},
		{in: `{"n":9007199254740993,"big":1e400}`, want: `{"big":1e400,"n":9007199254740993}`},
		{in: `{"\u0062":"\u00e9\/\ud83d\ude00\u000a\u001f","a":"é"}`, want: `{"a":"é","b":"é/😀\n\u001f"}`},
		// RFC 8785 section 3.2.3
		{in: `{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`, want: "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\ufb33\":3}"},
		{in: `{"b":1,"a":2,"b":3,"a":4}`, want: `{"a":2,"a":4,"b":1,"b":3}`},
		{in: `{"b":1,"a":{"x":1,"y":[1,{"z":1,"w":2}]},"c":3}`, volatile: []string{"/b", "/a/y/1/z", "/a/x", "/no/such"}, want: `{"a":{"y":[1,{"w":2}]},"c":3}`},
		{in: `{"b":1,"a":2}`, volatile: []string{"/a", "/b"}, want: `{}`},
		{in: `{"a":1,"a":2,"b":3}`, volatile: []string{"/a"}, want: `{"b":3}`},
		{in: `{"a/b":1,"c~d":2,"\u0065":3,"":4,"f":5}`, volatile: []string{"/a~1b", "/c~0d", "/e", "/"}, want: `{"f":5}`},
		{in: `[[1,2,3],[4]]`, volatile: []string{"/0/1", "/1/0"}, want: `[[1,3],[]]`},
		{in: `{"a":1}`, volatile: []string{"", "a"}, want: `{"a":1}`},
	} {
		if got := hash(t, c.in, c.volatile...); got != sha256.Sum256([]byte(c.want)) {
			t.Errorf("%s without %q is not the hash of %s", c.in, c.volatile, c.want)
		}
	}
}

func TestMeaningRefuses(t *testing.T) {
	for _, in := range []string{"", " ", "{", `{"a"}`, `{"a":1,}`, "[1,]", "[1 2]", "{} {}", `"\ud800"`, `"\x"`, "01", "nul", "\"\n\"", strings.Repeat("[", 20000)} {
		_, err := MeaningHash([]byte(in), &normalize.Meaning{})
		if !normalize.Permanent(err) {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}

// value is a JSON value: nil, bool, string, a raw number, []value, or members.
type (
	value  any
	number string
	pair   struct {
		name  string
		value value
	}
)

// NUL is what Scan refuses.
var texts = rapid.OneOf(rapid.StringN(0, 6, -1).Filter(func(s string) bool { return !strings.Contains(s, "\x00") }), rapid.SampledFrom([]string{"a", "b", "c", "é", "\U0001F600", "\uffff", "a/b", "\n\"\\"}))

func values(depth int) *rapid.Generator[value] {
	return rapid.Custom(func(t *rapid.T) value {
		kinds := 7
		if depth == 0 {
			kinds = 5
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return number(rapid.SampledFrom([]string{"0", "1", "1.0", "-1", "1e5", "9007199254740993", "9007199254740992"}).Draw(t, "number"))
		case 3, 4:
			return texts.Draw(t, "text")
		case 5:
			return rapid.SliceOfN(values(depth-1), 0, 4).Draw(t, "array")
		}
		var members []pair
		for _, n := range rapid.SliceOfNDistinct(texts, 0, 5, rapid.ID[string]).Draw(t, "names") {
			members = append(members, pair{n, values(depth-1).Draw(t, "member")})
		}
		return members
	})
}

// render writes a value; with rnd in a random order, with random white space and escapes.
func render(v value, rnd *rand.Rand) string {
	space := func() string {
		if rnd == nil {
			return ""
		}
		return []string{"", " ", "\n\t", "         "}[rnd.IntN(4)]
	}
	text := func(s string) string {
		q, _ := jsontext.AppendQuote(nil, s)
		if rnd == nil || rnd.IntN(2) == 0 {
			return string(q)
		}
		var b strings.Builder
		for _, r := range s {
			if r < 0x10000 && r != '\uFFFD' {
				fmt.Fprintf(&b, `\u%04X`, r)
			} else {
				q, _ := jsontext.AppendQuote(nil, string(r))
				b.Write(q[1 : len(q)-1])
			}
		}
		return `"` + b.String() + `"`
	}
	var parts []string
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case number:
		return string(v)
	case string:
		return text(v)
	case []value:
		for _, e := range v {
			parts = append(parts, space()+render(e, rnd)+space())
		}
		return "[" + space() + strings.Join(parts, ",") + "]"
	case []pair:
		v = slices.Clone(v)
		if rnd != nil {
			rnd.Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] })
		}
		for _, m := range v {
			parts = append(parts, space()+text(m.name)+space()+":"+space()+render(m.value, rnd)+space())
		}
		return "{" + space() + strings.Join(parts, ",") + "}"
	}
	panic("no such value")
}

// TestMeaningProperties: order, white space, escapes and volatile members do not
// matter; everything else does.
func TestMeaningProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		a, b := values(3).Draw(t, "a"), values(3).Draw(t, "b")
		doc := func(v, volatile value) value {
			return []pair{{"v", v}, {"meta", []pair{{"time", volatile}, {"by", "x"}}}, {"serial", volatile}}
		}
		h := func(v value, rnd *rand.Rand) [32]byte {
			sum, err := MeaningHash([]byte(render(v, rnd)), &normalize.Meaning{Volatile: []string{"/serial", "/meta/time"}})
			if err != nil {
				t.Fatalf("%s: %v", render(v, rnd), err)
			}
			return sum
		}
		if h(doc(a, "1"), nil) != h(doc(a, b), rnd) {
			t.Errorf("order, white space or volatile members matter: %s", render(a, nil))
		}
		if same := canonical(t, render(a, nil)) == canonical(t, render(b, nil)); same != (h(doc(a, "1"), rnd) == h(doc(b, "1"), rnd)) {
			t.Errorf("%s and %s: the same %v", render(a, nil), render(b, nil), same)
		}
		if sum, err := MeaningHash([]byte(render(a, rnd)), &normalize.Meaning{}); err != nil || sum != sha256.Sum256([]byte(canonical(t, render(a, nil)))) {
			t.Errorf("jsontext has another canonical form of %s (%v)", render(a, nil), err)
		}
	})
}

// canonical is the same by jsontext, which is slower and cannot leave members out.
func canonical(t interface{ Fatal(...any) }, json string) string {
	v := jsontext.Value(json)
	if err := v.Format(jsontext.ReorderRawObjects(true), jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		t.Fatal(err)
	}
	if !bytes.ContainsAny(v, "0123456789") {
		return string(v)
	}
	// Numbers one by one: only those that float64 holds.
	var out bytes.Buffer
	dec, enc := jsontext.NewDecoder(bytes.NewReader(v)), jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true))
	for {
		if dec.PeekKind() != jsontext.KindNumber {
			tok, err := dec.ReadToken()
			if err != nil {
				return strings.TrimSuffix(out.String(), "\n")
			}
			if err := enc.WriteToken(tok); err != nil {
				t.Fatal(err)
			}
			continue
		}
		n, err := dec.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		if d := decimal(string(n)); len(d) <= 15 {
			short := n.Clone()
			if err := short.Canonicalize(); err != nil {
				t.Fatal(err)
			}
			// Not where float64 is coarser than the number has digits, at its lower end.
			if decimal(string(short)) == d {
				n = short
			}
		}
		if err := enc.WriteValue(n); err != nil {
			t.Fatal(err)
		}
	}
}

// decimal is the significant digits of a number.
func decimal(n string) string {
	n, _, _ = strings.Cut(strings.ToLower(n), "e")
	return strings.Trim(strings.NewReplacer(".", "", "-", "").Replace(n), "0")
}

// FuzzMeaningHash compares with jsontext on whatever it takes for JSON.
func FuzzMeaningHash(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sum, err := MeaningHash(b, &normalize.Meaning{})
		if again, errAgain := MeaningHash(b, &normalize.Meaning{}); again != sum || (err == nil) != (errAgain == nil) {
			t.Fatal("different results")
		}
		if err != nil && !normalize.Permanent(err) {
			t.Fatalf("not permanent: %v", err)
		}
		if _, err := MeaningHash(b, &normalize.Meaning{Volatile: []string{"/a", "/b/c", "/0/id"}, Sets: map[string]string{"a": "", "b": "a"}, Times: map[string]bool{"a": true}}); err != nil && !normalize.Permanent(err) {
			t.Fatalf("not permanent: %v", err)
		}
		v := jsontext.Value(slices.Clone(Strip(b)))
		if v.IsValid() && err == nil {
			if sum != sha256.Sum256([]byte(canonical(t, string(v)))) {
				t.Errorf("jsontext has another canonical form of %q", b)
			}
		} else if v.IsValid() && !strings.Contains(err.Error(), "deep") && !bytes.Contains(b, []byte(`\u0000`)) {
			t.Errorf("refused: %v: %q", err, b)
		}
	})
}

func ExampleMeaningHash() {
	m := &normalize.Meaning{Volatile: []string{"/serialNumber", "/metadata/timestamp"}, Sets: map[string]string{"components": ""}}
	monday, _ := MeaningHash([]byte(`{"serialNumber":"1","metadata":{"timestamp":"Mon"},"components":[{"name":"a"},{"name":"b"}]}`), m)
	tuesday, _ := MeaningHash([]byte(`{"components": [{"name": "b"}, {"name": "a"}], "serialNumber": "2", "metadata": {"timestamp": "Tue"}}`), m)
	fmt.Println(monday == tuesday)
	// Output: true
}
