package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLeft: a test that says, itself or in a subtest, that it left something out is listed, skipped or
// not; go test is told to run those.
func TestLeft(t *testing.T) {
	s := newSummary(new(strings.Builder))
	err := s.read(strings.NewReader(`{"Action":"run","Package":"p","Test":"T"}
{"Action":"output","Package":"p","Test":"T","Output":"    x_test.go:7: left out by -short\n"}
{"Action":"output","Package":"p","Test":"T","Output":"    x_test.go:8: too much\n"}
{"Action":"skip","Package":"p","Test":"T"}
{"Action":"run","Package":"p","Test":"U"}
{"Action":"output","Package":"p","Test":"U","Output":"    x_test.go:9: left out by -short of the year\n"}
{"Action":"pass","Package":"p","Test":"U"}
{"Action":"run","Package":"p","Test":"V"}
{"Action":"run","Package":"p","Test":"V/a"}
{"Action":"output","Package":"p","Test":"V/a","Output":"        x_test.go:9: left out by -short\n"}
{"Action":"pass","Package":"p","Test":"V/a"}
{"Action":"pass","Package":"p","Test":"V"}
{"Action":"pass","Package":"p"}
{"Action":"run","Package":"q","Test":"T"}
{"Action":"output","Package":"q","Test":"T","Output":"    x_test.go:7: left out by -short\n"}
{"Action":"pass","Package":"q","Test":"T"}
{"Action":"pass","Package":"q"}
`))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bin", "left")
	if err := s.writeLeft(file); err != nil {
		t.Fatal(err)
	}
	got, err := readLeft(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"-run", "^(T|V)$", "p", "q"}, got); diff != "" {
		t.Error(diff)
	}
	if len(s.reasons) != 1 || s.reasons[0] != "too much" {
		t.Errorf("reasons of skips: %q", s.reasons)
	}
	if _, err := readLeft(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no list is not an empty one")
	}
}
