package lenient

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/normalize"
)

// read reads {"v": ...} and returns what fn made of the value, with the warnings.
func read(t *testing.T, value string, fn func(*Reader) (any, error)) string {
	t.Helper()
	doc := &normalize.Document{}
	r := NewReader([]byte(`{"before":[1,{}],"v":`+value+`,"after":2}`), doc)
	var got any
	err := r.Object(func(name string) (err error) {
		if name != "v" {
			return r.Skip()
		}
		got, err = fn(r)
		return err
	})
	if err == nil {
		err = r.End()
	}
	if err != nil {
		t.Errorf("%s: %v", value, err)
	}
	s := fmt.Sprint(got)
	for _, w := range doc.Warnings {
		s += " " + w.Code + " " + w.Pointer
	}
	return s
}

func TestReader(t *testing.T) {
	text := func(r *Reader) (any, error) { return r.Text() }
	list := func(r *Reader) (any, error) { return r.Texts() }
	instant := func(r *Reader) (any, error) {
		at, err := r.Time()
		return at.Format(time.RFC3339Nano), err
	}
	names := func(r *Reader) (any, error) {
		var names []string
		err := r.Object(func(name string) error { names = append(names, name); return r.Skip() })
		return names, err
	}
	const zero = "0001-01-01T00:00:00Z"
	for _, c := range []struct {
		value string
		fn    func(*Reader) (any, error)
		want  string
	}{
		{`" a b\n"`, text, "a b"},
		{`"\u00e9"`, text, "é"},
		{`null`, text, ""},
		{`1.50`, text, "1.50 wrong-type /v"},
		{`true`, text, "true wrong-type /v"},
		{`{"a":[1]}`, text, " wrong-type /v"},
		{`["a","",null,"b"]`, list, "[a b]"},
		{`[["a"],"b"]`, list, "[b] wrong-type /v/0"},
		{`"a"`, list, "[a] wrong-type /v"},
		{`null`, list, "[]"},
		{`[]`, list, "[]"},
		{`"2026-01-02T03:04:05+02:00"`, instant, "2026-01-02T01:04:05Z"},
		{`"2026-01-02T03:04:05.123456789Z"`, instant, "2026-01-02T03:04:05.123456789Z"},
		{`"2026-01-02T03:04:05"`, instant, "2026-01-02T03:04:05Z"},
		{`"2026-01-02 03:04:05"`, instant, "2026-01-02T03:04:05Z"},
		{`"2026-01-02T03:04:05+0200"`, instant, "2026-01-02T01:04:05Z"},
		{`"2026-01-02"`, instant, "2026-01-02T00:00:00Z"},
		{`""`, instant, zero},
		{`"0001-01-01T00:00:00Z"`, instant, zero + " bad-time /v"},
		{`"soon"`, instant, zero + " bad-time /v"},
		{`{"a":1,"b\n":{},"\u0063":[]}`, names, "[a b\n c]"},
		{`null`, names, "[]"},
		{`[1]`, names, "[] wrong-type /v"},
	} {
		if got := read(t, c.value, c.fn); got != c.want {
			t.Errorf("%s: %q, want %q", c.value, got, c.want)
		}
	}
}

func TestNotJSON(t *testing.T) {
	for _, in := range []string{"", "{", `{"a"`, `{"a":`, `{"a":[`, `{"a":[}`, `{"a":tru}`, `{"a":"\xff"}`, `{} 1`, "{\"a\":\"\xff\"}"} {
		doc := &normalize.Document{}
		r := NewReader([]byte(in), doc)
		err := r.Object(func(string) error { _, err := r.Texts(); return err })
		if err == nil {
			err = r.End()
		}
		if !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), normalize.ReasonSyntax) {
			t.Errorf("%q: %v", in, err)
		}
	}
}
