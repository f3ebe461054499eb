package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The events are cut from real runs of go test -json with Go 1.26.
func TestSummary(t *testing.T) {
	for name, tc := range map[string]struct {
		events                  string
		passed, failed, skipped int
		want                    []string // parts of the printed text
	}{
		"a parent counts by its subtests": {
			events: `{"Action":"run","Package":"p","Test":"T"}
{"Action":"run","Package":"p","Test":"T/a"}
{"Action":"run","Package":"p","Test":"T/b"}
{"Action":"output","Package":"p","Test":"T/b","Output":"    x_test.go:7: no corpus here\n"}
{"Action":"pass","Package":"p","Test":"T/a"}
{"Action":"skip","Package":"p","Test":"T/b"}
{"Action":"pass","Package":"p","Test":"T"}
{"Action":"pass","Package":"p","Elapsed":1.5}`,
			passed: 1, skipped: 1,
			want: []string{"1 passed, 1 skipped", "  no corpus here\n    p.T/b\n"},
		},
		"what failed is shown whole": {
			events: `{"Action":"run","Package":"p","Test":"T"}
{"Action":"output","Package":"p","Test":"T","Output":"    x_test.go:7: got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"T"}
{"Action":"run","Package":"p","Test":"U"}
{"Action":"output","Package":"p","Test":"U","Output":"not of interest\n"}
{"Action":"pass","Package":"p","Test":"U"}
{"Action":"fail","Package":"p"}`,
			passed: 1, failed: 1,
			want: []string{"FAIL  p", "x_test.go:7: got 1, want 2", "failed:\n  p.T\n"},
		},
		"a package that does not build": {
			events: `{"ImportPath":"p [p.test]","Action":"build-output","Output":"p/x.go:3:1: undefined: y\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			failed: 1,
			want:   []string{"undefined: y"},
		},
		"a test under which the process died": {
			events: `{"Action":"run","Package":"p","Test":"T"}
{"Action":"output","Package":"p","Test":"T","Output":"panic: oh\n"}
{"Action":"fail","Package":"p"}`,
			failed: 1,
			want:   []string{"panic: oh"},
		},
		"a package cut off": {
			events: `{"Action":"run","Package":"p","Test":"T"}`,
			failed: 1,
			want:   []string{"p (did not finish)"},
		},
		"no test files": {
			events: `{"Action":"start","Package":"p"}
{"Action":"skip","Package":"p"}`,
		},
		"a parent that failed by itself": {
			events: `{"Action":"run","Package":"p","Test":"T"}
{"Action":"run","Package":"p","Test":"T/a"}
{"Action":"pass","Package":"p","Test":"T/a"}
{"Action":"fail","Package":"p","Test":"T"}
{"Action":"fail","Package":"p"}`,
			passed: 1, failed: 1,
		},
		"the slowest tests are named, the slowest first": {
			events: `{"Action":"run","Package":"p","Test":"T"}
{"Action":"run","Package":"p","Test":"U"}
{"Action":"run","Package":"p","Test":"U/a"}
{"Action":"run","Package":"p","Test":"V"}
{"Action":"pass","Package":"p","Test":"T","Elapsed":2.5}
{"Action":"pass","Package":"p","Test":"U/a","Elapsed":11}
{"Action":"pass","Package":"p","Test":"U","Elapsed":12.25}
{"Action":"pass","Package":"p","Test":"V","Elapsed":0.5}
{"Action":"pass","Package":"p","Elapsed":15}`,
			passed: 3,
			want:   []string{"slowest:\n    12.25s  p.U\n     2.50s  p.T\n\n"},
		},
		"lines that are no events": {
			events: "go: warning: something",
			want:   []string{"go: warning: something"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			s := newSummary(&out)
			if err := s.read(strings.NewReader(tc.events)); err != nil {
				t.Fatal(err)
			}
			s.close()
			got := [3]int{s.passed, s.failed, s.skipped}
			if want := [3]int{tc.passed, tc.failed, tc.skipped}; got != want {
				t.Errorf("passed, failed, skipped = %v, want %v", got, want)
			}
			for _, part := range tc.want {
				if !strings.Contains(out.String(), part) {
					t.Errorf("output lacks %q:\n%s", part, out.String())
				}
			}
		})
	}
}

func TestReason(t *testing.T) {
	got := reason("=== RUN   T\n    a_test.go:3: set TEST_DATABASE_URL: none found\n--- SKIP: T (0.00s)\n")
	if diff := cmp.Diff("set TEST_DATABASE_URL: none found", got); diff != "" {
		t.Error(diff)
	}
	if got := reason("--- SKIP: T (0.00s)\n"); got != "no reason given" {
		t.Error(got)
	}
}
