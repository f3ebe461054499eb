package osv

import (
	"errors"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"sluice/normalize"
)

// TestHostileYAML throws at the YAML reader what is built to exhaust it. The stack is
// kept small: a recursion that gets away kills the test instead of the importer.
func TestHostileYAML(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(32 << 20))
	const n = 200_000
	indented := func() string {
		var b strings.Builder
		for i := range 1500 {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return b.String()
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		p := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [*" + strings.Join([]string{p, p, p, p, p, p, p, p, p, p}, ",*") + "]\n"
	}
	for name, text := range map[string]string{
		"sequences on a line":    strings.Repeat("- ", n),
		"keys on a line":         strings.Repeat("? ", n),
		"values on a line":       strings.Repeat(": ", n),
		"mixed on a line":        strings.Repeat("- ? ", n),
		"brackets":               "a: " + strings.Repeat("[", n),
		"braces":                 "a: " + strings.Repeat("{", n),
		"braces with keys":       "a: " + strings.Repeat("{b: ", n),
		"brackets with keys":     "a: " + strings.Repeat("[b, ", n),
		"closed brackets":        "a: " + strings.Repeat("[", n) + strings.Repeat("]", n),
		"colons":                 "a: [" + strings.Repeat("b: ", n) + "]",
		"plain colons":           strings.Repeat("b: ", n),
		"anchors":                "a: " + strings.Repeat("&b ", n) + "x",
		"tags":                   "a: " + strings.Repeat("!!str ", n) + "x",
		"explicit keys in a row": "a: {" + strings.Repeat("? ", n) + "}",
		"indentation":            indented(),
		"alias bomb":             bomb,
		"text bomb":              "a: &a " + strings.Repeat("x", 1<<20) + "\nb: [" + strings.Repeat("*a, ", 1000) + "*a]",
		"keys without end":       "id: X-1\n" + strings.Repeat("k: v\n", n),
		"an alias of itself":     "a: &a [*a]",
		"an alias of nothing":    "a: *b",
		"merge":                  "a: &a {b: c}\n<<: *a",
		"a NUL":                  `a: "\0"`,
		"half a surrogate":       `a: "\ud800"`,
		"quotes":                 strings.Repeat("'", n+1),
		"comments":               "a: b\n" + strings.Repeat("#\n", n),
		"documents":              strings.Repeat("---\n", 20_000),
		"directives":             strings.Repeat("%YAML 1.2\n", 20_000),
		"open quotes":            "a: \"" + strings.Repeat("\\\"", n),
		"block scalars":          strings.Repeat("- |\n", 20_000),
		"tabs":                   "a:\n" + strings.Repeat("\t", n) + "- b",
		"no UTF-8":               "a: \xff",
	} {
		start := time.Now()
		_, err := YAML{}.Normalize(normalize.Input{Bytes: []byte(text)})
		if !normalize.Permanent(err) {
			t.Errorf("%s: %v, want a ParkError", name, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		var park *normalize.ParkError
		if errors.As(err, &park) {
			t.Logf("%-22s %6v %.120s", name, time.Since(start).Round(time.Millisecond), park)
		}
	}
}
