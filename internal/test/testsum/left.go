package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// writeLeft lists the tests that left something out: a package and its test on each line.
func (s *summary) writeLeft(file string) error {
	var b strings.Builder
	for _, pkg := range slices.Sorted(maps.Keys(s.left)) {
		for _, test := range s.left[pkg] {
			fmt.Fprintln(&b, pkg, test)
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(b.String()), 0o666)
}

// readLeft is what go test runs the listed tests by. Tests of one name in several of the packages
// are run in all of them.
func readLeft(file string) (args []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var tests, pkgs []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		pkg, test, ok := strings.Cut(lines.Text(), " ")
		if !ok {
			return nil, fmt.Errorf("%s: %q is not a package and a test", file, lines.Text())
		}
		pkgs, tests = append(pkgs, pkg), append(tests, test)
	}
	if err := lines.Err(); err != nil || len(pkgs) == 0 {
		return nil, err
	}
	slices.Sort(tests)
	tests = slices.Compact(tests)
	return append([]string{"-run", "^(" + strings.Join(tests, "|") + ")$"}, slices.Compact(pkgs)...), nil
}
