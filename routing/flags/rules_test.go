package flags

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"sluice/internal/ask"
	"sluice/internal/id"
)

var (
	acme = id.Derive(id.Shared, "tenant", "acme")
	beta = id.Derive(id.Shared, "tenant", "beta")
)

func parse(t testing.TB, text string) *Rules {
	t.Helper()
	r, err := ParseRules([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

func TestRules(t *testing.T) {
	t.Parallel()
	two := `{"rules": [
		{"if": [{"tenant": ["` + acme.String() + `"]}, {"attribute": "issuer", "equals": "a"}], "then": true},
		{"if": [{"attribute": "source", "in": ["csaf", "openvex"]}], "then": false}
	], "else": true}`
	for _, tc := range []struct {
		rules  string
		tenant id.ID
		a      Attributes
		on     bool
		rule   int
	}{
		{`{}`, acme, nil, true, -1},
		{`{"else": false}`, acme, nil, false, -1},
		{two, acme, Attributes{"issuer": "a", "source": "csaf"}, true, 0},
		{two, beta, Attributes{"issuer": "a", "source": "csaf"}, false, 1},
		{two, acme, Attributes{"issuer": "b", "source": "openvex"}, false, 1},
		{two, acme, Attributes{"issuer": "b", "source": "cyclonedx"}, true, -1},
		{two, acme, nil, true, -1},
		// An attribute that is not given is empty.
		{`{"rules": [{"if": [{"attribute": "issuer", "equals": ""}], "then": true}], "else": false}`, acme, nil, true, 0},
		{`{"rules": [{"if": [{"tenant": "` + beta.String() + `"}], "then": false}], "else": true}`, beta, nil, false, 0},
		{`{"rules": [{"if": [{"percentage": 100}], "then": true}], "else": false}`, acme, nil, true, 0},
		{`{"rules": [{"if": [{"percentage": 0}], "then": true}], "else": false}`, acme, nil, false, -1},
	} {
		if on, rule := parse(t, tc.rules).eval("k", tc.tenant, tc.a); on != tc.on || rule != tc.rule {
			t.Errorf("%s for %v: %v by rule %d, want %v by %d", tc.rules, tc.a, on, rule, tc.on, tc.rule)
		}
	}
}

// TestShare holds the hash still: who is in a share must stay in it with every release.
func TestShare(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]float64{"a": 26.8604, "b": 85.8144, acme.String(): 65.3390} {
		if got := Share("k", value); math.Abs(got-want) > 0.0001 {
			t.Errorf("Share(k, %s) is %.4f, want %.4f", value, got, want)
		}
	}
	// About the share that was asked for; and who is in 10 % is in 20 %.
	const n = 10_000
	ten, twenty := parse(t, `{"rules": [{"if": [{"percentage": 10, "of": "x"}], "then": true}], "else": false}`),
		parse(t, `{"rules": [{"if": [{"percentage": 20, "of": "x"}], "then": true}], "else": false}`)
	in := 0
	for i := range n {
		a := Attributes{"x": fmt.Sprint(i)}
		small, _ := ten.eval("k", acme, a)
		large, _ := twenty.eval("k", acme, a)
		if small && !large {
			t.Fatalf("%d is in 10 %% and not in 20 %%", i)
		}
		if small {
			in++
		}
	}
	if in < n/10*9/10 || in > n/10*11/10 {
		t.Errorf("10 %% of %d are %d", n, in)
	}
}

func TestWrongRules(t *testing.T) {
	t.Parallel()
	one := func(condition string) string {
		return `{"rules": [{"if": [` + condition + `], "then": true}], "else": false}`
	}
	for text, says := range map[string]string{
		``:              `is no object`,
		`[]`:            `"[]" is no object`,
		`null`:          `is no object`,
		`{} {}`:         `something follows`,
		`{"rulez": []}`: `unknown field "rulez"`,
		`{"rules": [{"then": true}], "else": true}`:              `/rules/0/if: a rule without a condition fits everybody`,
		`{"rules": [{"if": [{"percentage": 1}]}], "else": true}`: `/rules/0/then: it is missing`,
		`{"rules": [{"if": [{"percentage": 1}], "then": true}]}`: `/else: it is missing`,
		`{"else": "on"}`:                                                         `wrong kind`,
		one(`{}`):                                                                `/rules/0/if/0: a condition has one of`,
		one(`{"tenant": "x", "percentage": 1}`):                                  `/rules/0/if/0: a condition has one of`,
		one(`{"tenant": []}`):                                                    `/rules/0/if/0/tenant: there are 0 tenants`,
		one(`{"tenant": ["acme"]}`):                                              `/rules/0/if/0/tenant/0: "acme" is not a UUID`,
		one(`{"percentage": 100.1}`):                                             `/percentage: 100.1: it is 0 to 100`,
		one(`{"percentage": -1}`):                                                `/percentage: -1: it is 0 to 100`,
		one(`{"percentage": "10"}`):                                              `wrong kind`,
		one(`{"percentage": 10, "of": "A B"}`):                                   `/of: "A B": an attribute is`,
		one(`{"percentage": 10, "equals": "a"}`):                                 `go with "attribute"`,
		one(`{"attribute": "a", "of": "b", "equals": "c"}`):                      `"of" goes with "percentage"`,
		one(`{"attribute": "a"}`):                                                `one of "equals" and "in"`,
		one(`{"attribute": "a", "equals": "b", "in": ["c"]}`):                    `one of "equals" and "in"`,
		one(`{"attribute": "a", "in": []}`):                                      `/in: there are 0 values`,
		one(`{"attribute": "a", "in": 7}`):                                       `a text or a list of texts`,
		one(`{"attribute": "a", "equals": "\u0000"}`):                            `no text`,
		one(`{"attribute": "a", "equals": "` + strings.Repeat("x", 1001) + `"}`): `1001 bytes`,
		`{"else": true` + strings.Repeat(" ", 256<<10) + `}`:                     `bytes; 262144 are allowed`,
	} {
		_, err := ParseRules([]byte(text))
		var wrong *RuleError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80s: %v; want %q", text, err, says)
		}
	}
}

func TestNameTenants(t *testing.T) {
	t.Parallel()
	find := func(name string) (id.ID, error) {
		if name == "acme" {
			return acme, nil
		}
		return id.ID{}, ask.NotFound("there is no tenant %q", name)
	}
	in := `{"rules":[{"if":[{"tenant":["acme","` + beta.String() + `"]},{"attribute":"a","equals":"b"}],"then":true}],"else":false}`
	out, err := nameTenants([]byte(in), find)
	if want := strings.Replace(in, "acme", acme.String(), 1); err != nil || string(out) != want {
		t.Errorf("%s, %v; want %s", out, err, want)
	}
	_, err = nameTenants([]byte(strings.Replace(in, "acme", "acne", 1)), find)
	if err == nil || !strings.Contains(err.Error(), `/rules/0/if/0/tenant/0: there is no tenant "acne"`) {
		t.Error(err)
	}
}

// TestDocumentedRules: what docs/flags.md shows is taken.
func TestDocumentedRules(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/flags.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(doc), "```json\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("docs/flags.md shows no rules")
	}
	for _, b := range blocks {
		text, _, _ := strings.Cut(b, "```")
		named, err := nameTenants([]byte(text), func(string) (id.ID, error) { return acme, nil })
		if err == nil {
			_, err = ParseRules(named)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParseRules(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"else":false}`, `{"rules":[{"if":[{"tenant":["` + acme.String() + `"]},{"percentage":12.5,"of":"x"}],"then":true}],"else":false}`,
		`{"rules":[{"if":[{"attribute":"issuer","in":["a","b"]}],"then":false}],"else":true}`, `{"rules":[{"if":[{"attribute":"a","equals":"\ud800"}],"then":true}],"else":true}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseRules(text)
		var wrong *RuleError
		if err != nil {
			if !errors.As(err, &wrong) || r != nil {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		// What is taken is JSON that says the same once the database has spelled it anew.
		var any any
		if err := json.Unmarshal(text, &any); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(any)
		if err != nil {
			t.Fatal(err)
		}
		r2, err := ParseRules(again)
		if err != nil {
			t.Fatalf("%s, again as %s: %v", text, again, err)
		}
		for _, a := range []Attributes{nil, {"issuer": "a", "x": "1"}} {
			on, rule := r.eval("k", acme, a)
			on2, rule2 := r2.eval("k", acme, a)
			if on != on2 || rule != rule2 {
				t.Fatalf("%s says %v by %d, and %v by %d again", text, on, rule, on2, rule2)
			}
		}
	})
}
