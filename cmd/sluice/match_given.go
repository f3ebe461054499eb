package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/ingest"
	"sluice/inventory"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/lockfile"
	"sluice/normalize/purl"
	"sluice/normalize/unwrap"
)

// place is where a package was given.
type place struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
}

func (p place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// listed is a package that was given.
type listed struct {
	purl, name, version string // purl is "" where it has none
	reason, why         string // why it cannot be matched, where that is known before anybody looks
	from                []place
}

// given are the packages to be matched, each once, in order.
type given struct {
	f     matchFlags
	app   *app
	list  []listed
	at    map[string]int // where a package is in list
	files []string
}

func (g *given) add(l listed, from place) {
	key := l.purl
	if key == "" {
		key = l.name + "\x00" + l.version
	}
	i, ok := g.at[key]
	if !ok {
		i = len(g.list)
		g.at[key] = i
		g.list = append(g.list, l)
	}
	if from.File != "" && !slices.Contains(g.list[i].from, from) {
		g.list[i].from = append(g.list[i].from, from)
	}
}

func (g *given) purls() (list []string) {
	for _, l := range g.list {
		if l.purl != "" {
			list = append(list, l.purl)
		}
	}
	return list
}

// found puts answers and what could not be asked in the order in which all was given.
func (g *given) found(answers []inventory.Match) []hit {
	of := map[string][]inventory.Match{}
	for _, m := range answers {
		of[m.Purl] = append(of[m.Purl], m)
	}
	out := []hit{}
	for _, l := range g.list {
		if l.purl == "" {
			out = append(out, hit{inventory.Match{Unmatched: l.reason}, l})
			continue
		}
		for _, m := range of[l.purl] {
			out = append(out, hit{m, l})
		}
	}
	return out
}

// read takes the arguments: purls, files, folders, - for standard input, which is also meant by none.
func (g *given) read(ctx context.Context, args []string) error {
	if len(args) == 0 {
		args = []string{"-"}
	}
	for _, arg := range args {
		if arg == "-" {
			if err := g.walk(ctx, unwrap.Source{Origin: "-", Reader: g.app.stdin}); err != nil {
				return err
			}
			continue
		}
		info, err := os.Stat(arg)
		switch {
		case err == nil && info.IsDir():
			err = g.folder(ctx, arg)
		case err == nil:
			err = g.file(ctx, arg)
		case hasScheme(arg):
			g.add(listed{purl: arg}, place{})
			err = nil
		case errors.Is(err, fs.ErrNotExist):
			err = fmt.Errorf("%s: there is no such file; and a purl begins with pkg:, like pkg:npm/lodash@4.17.20", arg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hasScheme reports whether somebody means a purl.
func hasScheme(s string) bool {
	return len(s) > 4 && strings.EqualFold(strings.TrimSpace(s)[:min(4, len(strings.TrimSpace(s)))], "pkg:")
}

func (g *given) file(ctx context.Context, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return g.walk(ctx, unwrap.Source{Origin: name, Reader: f})
	}
	return g.walk(ctx, unwrap.Source{Origin: name, Reader: f, ReaderAt: f, Size: info.Size()})
}

// besides are folders in which lock files are those of others.
var besides = []string{".git", "node_modules", "vendor", ".venv", "venv", "site-packages"}

// folder reads the lock files of a folder, at any depth. Where there is a go.mod its go.sum says nothing more.
func (g *given) folder(ctx context.Context, root string) error {
	before := len(g.files)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name != root && slices.Contains(besides, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		case lockfile.KindOf(filepath.ToSlash(name)) == "" || !d.Type().IsRegular():
			return nil
		}
		if d.Name() == "go.sum" {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), "go.mod")); err == nil {
				return nil
			}
		}
		return g.file(ctx, name)
	})
	if err == nil && len(g.files) == before {
		err = fmt.Errorf("%s: there is no lock file in it; known by name are %s", root, strings.Join(lockfile.Kinds(), ", "))
	}
	return err
}

// walk reads what a source has in it.
func (g *given) walk(ctx context.Context, src unwrap.Source) error {
	return unwrap.Walk(ctx, src, normalize.DefaultLimits, func(e unwrap.Entry) error {
		switch {
		case e.Err != nil:
			return fmt.Errorf("%s: %w", e.Origin, e.Err)
		case e.Pass != "":
			return nil
		}
		if err := g.document(e.Origin, e.Bytes); err != nil {
			return fmt.Errorf("%s: %w", e.Origin, err)
		}
		return nil
	})
}

// document reads one file: a lock file, an SBOM, or purls.
func (g *given) document(origin string, src []byte) error {
	kind := g.f.as
	if kind == "" {
		kind = lockfile.KindOf(filepath.ToSlash(origin))
	}
	switch {
	case kind != "":
		return g.lockfile(origin, kind, src)
	case purlLines(src):
		g.lines(origin, src)
		return nil
	}
	head, err := detect.Scan(src, normalize.DefaultLimits)
	if err != nil {
		return err
	}
	f, err := detect.Detect(head, formats())
	var park *normalize.ParkError
	if errors.As(err, &park) && park.Reason == normalize.ReasonUnknownFormat {
		if origin == "-" && head.Syntax != normalize.JSON && head.Syntax != normalize.XML {
			g.lines(origin, src) // each of them is said to be no purl
			return nil
		}
		return fmt.Errorf("neither a list of purls, nor an SBOM, nor a lock file by its name (--as says which one it is): %w", err)
	}
	if err != nil {
		return err
	}
	d, err := f.Normalize(normalize.Input{Bytes: src, Head: head, Limits: normalize.DefaultLimits})
	if err != nil {
		return err
	}
	if d.Kind != normalize.SBOM {
		return fmt.Errorf("it is %s, and lists no packages; `sluice ingest file PATH` takes it", f.Name())
	}
	packages, unmatched := ingest.Lists(d)
	for _, p := range packages {
		g.add(listed{purl: p.Purl}, place{File: origin})
	}
	for _, u := range unmatched {
		g.add(listed{name: u.Name, version: u.Version, reason: u.Reason}, place{File: origin})
	}
	g.took(origin, countOf(int64(len(packages)+len(unmatched)), "component")+", "+f.Name())
	return nil
}

func (g *given) lockfile(origin, kind string, src []byte) error {
	list, err := lockfile.Read(kind, src, lockfile.Options{Distro: g.f.distro})
	if err != nil {
		return err
	}
	for _, e := range list.Entries {
		g.add(listed{purl: e.Purl, why: e.Why}, place{origin, e.Line})
	}
	text := countOf(int64(len(list.Entries)), "package") + ", " + kind
	if list.Local > 0 {
		text += fmt.Sprintf("; besides %d of the project itself", list.Local)
	}
	g.took(origin, text)
	for _, note := range list.Notes {
		fmt.Fprintf(g.app.stderr, "%s: %s\n", printable(origin), printable(note))
	}
	return nil
}

func (g *given) took(origin, text string) {
	g.files = append(g.files, origin)
	fmt.Fprintf(g.app.stderr, "%s: %s\n", printable(origin), text)
}

// purlLines reports whether the first line that says something is a purl.
func purlLines(src []byte) bool {
	for line := range bytes.Lines(src) {
		if s := string(bytes.TrimSpace(line)); s != "" && s[0] != '#' {
			return hasScheme(s)
		}
	}
	return true // nothing in it
}

// lines takes purls, one a line.
func (g *given) lines(origin string, src []byte) {
	n := 0
	for line := range bytes.Lines(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))) {
		n++
		s := string(bytes.TrimSpace(line))
		if s == "" || s[0] == '#' {
			continue
		}
		from := place{origin, n}
		if origin == "-" {
			from = place{} // there is no file to look into
		}
		g.add(listed{purl: s}, from)
	}
	if origin != "-" {
		g.files = append(g.files, origin)
	}
}

// unmatchedText says why something cannot be matched.
func (f hit) unmatchedText() string {
	if f.why != "" && f.Unmatched == purl.ReasonNoVersion {
		return "unmatched: " + f.Unmatched + ": " + f.why
	}
	return "unmatched: " + f.Unmatched
}
