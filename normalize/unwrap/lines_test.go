package unwrap

import (
	"fmt"
	"strings"
	"testing"

	"sluice/normalize"
)

func TestLines(t *testing.T) {
	t.Parallel()
	const two = "in:1 = {\"a\":1}\nin:2 = {\"b\":2}\n"
	for _, c := range []struct{ name, in, want string }{
		{"lines", "{\"a\":1}\n{\"b\":2}\n", two},
		{"without the last line feed", "{\"a\":1}\n{\"b\":2}", two},
		{"of Windows", "{\"a\":1}\r\n{\"b\":2}\r\n", two},
		{"blank lines count", "\n{\"a\":1}\n\n\n{\"b\":2}", "in:2 = {\"a\":1}\nin:5 = {\"b\":2}\n"},
		{"a broken line is alone in its trouble", "{\"a\":1}\n{\"b\":\n{\"c\":3}\n", "in:1 = {\"a\":1}\nin:2 = {\"b\":\nin:3 = {\"c\":3}\n"},
		{"brackets in strings", "{\"a\":\"}\\n{\"}\n{\"b\":\"\\\\\"}", "in:1 = {\"a\":\"}\\n{\"}\nin:2 = {\"b\":\"\\\\\"}\n"},
		{"values over several lines", "{\n\"a\":1\n}\n{\n\"b\":2\n}\n", "in:1 = {\n\"a\":1\n}\nin:4 = {\n\"b\":2\n}\n"},
		{"values in one line", `{"a":1}{"b":2} {"c":3}`, "in:1 = {\"a\":1}\nin:1 = {\"b\":2}\nin:1 = {\"c\":3}\n"},
		{"the last value is cut off", "{\n}\n{\n\"b\"", "in:1 = {\n}\nin:3 = {\n\"b\"\n"},
		{"indented", "{}\n {\"b\":2}", "in:1 = {}\nin:2 = {\"b\":2}\n"},
		{"whatever is between them", "{\n\"a\":1}\r\n\t  {\n\"b\":2}\t[3]", "in:1 = {\n\"a\":1}\nin:3 = {\n\"b\":2}\nin:4 = [3]\n"},
		{"lists", "[1]\n[2]", "in:1 = [1]\nin:2 = [2]\n"},

		{"one value", "{\"a\":[\n{},\n{}]}\n", "in = {\"a\":[\n{},\n{}]}\n\n"},
		{"one value in a line", "{\"a\":1}\n\n", "in = {\"a\":1}\n\n\n"},
		{"brackets in a string of one value", `{"a":"}{"}`, "in = {\"a\":\"}{\"}\n"},
		{"brackets that open in one value", "{\"a\":[{},\n  {},[ ],\t[{}]],\"b\": {\n}}", "in = {\"a\":[{},\n  {},[ ],\t[{}]],\"b\": {\n}}\n"},
		{"what follows is no value", "{\"a\":1}\ngarbage", "in = {\"a\":1}\ngarbage\n"},
		{"text", "a\n{\n}{", "in = a\n{\n}{\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := show(walk(t, []byte(c.in), normalize.Limits{})); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestLinesPastTheLimit: a feed may be larger than one document may be.
func TestLinesPastTheLimit(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&in, "{\"id\":%d,\"text\":\"%s\"}\n", i, strings.Repeat("x", 200))
	}
	in.WriteString("{\"id\":\"" + strings.Repeat("y", 100_000) + "\"}\n{\"last\":1}\n")
	lim := normalize.Limits{MaxBytes: 50_000}
	for name, b := range map[string][]byte{"plain": []byte(in.String()), "gzip": gz([]byte(in.String())), "zip": zipOf(file{"a", in.String()}), "tar": tarOf(file{"a", in.String()})} {
		list := walk(t, b, lim)
		if len(list) != 2002 {
			t.Fatalf("%s: %d entries", name, len(list))
		}
		for i, e := range list {
			if large := i == 2000; large != (e.Err != nil) || e.Line != i+1 || !strings.HasSuffix(e.Origin, fmt.Sprintf(":%d", i+1)) {
				t.Fatalf("%s: entry %d: %+v", name, i, e)
			}
		}
	}
	// And a document past the limit is still one.
	for name, b := range map[string]string{"one line": `{"a":"` + strings.Repeat("x", 100_000) + `"}`, "several": "{\n\"a\":\"" + strings.Repeat("x", 100_000) + "\"}\n"} {
		if list := walk(t, []byte(b), lim); len(list) != 1 || list[0].Err == nil || list[0].Err.Reason != normalize.ReasonTooLarge {
			t.Errorf("%s: %.300s", name, show(list))
		}
	}
}

func TestTooManyLines(t *testing.T) {
	t.Parallel()
	for _, in := range []string{strings.Repeat("{}\n", 20), strings.Repeat("{}", 20)} {
		list := walk(t, []byte(in), normalize.Limits{MaxEntries: 10})
		if len(list) != 11 || list[9].Err != nil || list[10].Err == nil || list[10].Err.Reason != normalize.ReasonTooMany {
			t.Errorf("%d entries: %s", len(list), show(list))
		}
	}
}
