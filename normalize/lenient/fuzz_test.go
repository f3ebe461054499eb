package lenient_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// walk takes everything in a document in the ways that its first byte of how says.
func walk(r *lenient.Reader, how byte, depth int) {
	switch {
	case depth > 100:
		r.Skip()
	case r.IsObject():
		for ok := r.Object(); ok && r.Member(); {
			walk(r, how+byte(len(r.Name())), depth+1)
		}
	case how%5 == 0:
		r.Text()
	case how%5 == 1:
		r.Texts()
	case how%5 == 2:
		r.Time()
	case how%5 == 3:
		for ok := r.Array(); ok && r.Element(); {
			walk(r, how+1, depth+1)
		}
	default:
		for ok := r.List(); ok && r.Element(); {
			walk(r, how+1, depth+1)
		}
	}
}

// FuzzReader: what is JSON is read to its end, whatever the types; what is none is refused.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		`{"a":["x",1,null,{"y":2}],"b":{"c":[[],{}]},"d":"2025-03-04"}`, `[[["a"]],{"b":[1]}]`, `{"a":{"b":{"c":"d"}}}`, `"x"`, "{} 1", "{\"\xff\":1}",
	} {
		f.Add([]byte(s), byte(0))
		f.Add([]byte(s), byte(4))
	}
	f.Fuzz(func(t *testing.T, b []byte, how byte) {
		doc := &normalize.Document{}
		r := lenient.New(b, "", doc.Warn)
		walk(r, how, 0)
		if !r.Failed() && r.Depth() != 0 {
			t.Fatalf("stopped at depth %d", r.Depth())
		}
		r.End()
		err := r.Err()
		if err != nil && !normalize.Permanent(err) {
			t.Fatalf("not permanent: %v", err)
		}
		if len(b) >= 3 && string(b[:3]) == "\xef\xbb\xbf" {
			b = b[3:]
		}
		if valid := jsontext.Value(b).IsValid(jsontext.AllowDuplicateNames(true)); valid != (err == nil) {
			t.Fatalf("valid %v: %v", valid, err)
		}
	})
}
