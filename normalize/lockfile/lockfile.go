// Package lockfile reads what package managers write down of the packages that they install: lock files, go.mod,
// pom.xml, the databases of dpkg and apk. What comes out are purls, to be matched as those of an SBOM are.
//
// It reads what a file states, and fetches nothing. A dependency whose version stands elsewhere (in a parent pom, in a
// range) is an entry without a version, with the words that say why; what is part of the project itself is counted
// as Local.
//
// Start with Read; each file of the package is one family of formats.
package lockfile

import (
	"bytes"
	"fmt"
	"iter"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// Entry is a package that a file lists.
type Entry struct {
	Purl          string // canonical
	Name, Version string // as written
	Line          int    // where; 0 where the notation does not tell
	// Why says why there is no version, "" where there is one.
	Why string
}

// List is what a file lists.
type List struct {
	Kind    string
	Entries []Entry // each package and version once, in the order of the file
	Local   int     // entries that are the project itself: workspaces, folders
	Notes   []string
}

// Options say how a file is to be read.
type Options struct {
	// Distro is the release that packages of dpkg and apk are of: debian-12, ubuntu-22.04, alpine-3.19.
	Distro string
	Limits normalize.Limits
}

// kinds are what can be read, by the name of the file that each kind is known by.
var kinds = []struct {
	name string
	read func(*reader)
}{
	{"go.mod", (*reader).goMod},
	{"go.sum", (*reader).goSum},
	{"package-lock.json", (*reader).npm},
	{"yarn.lock", (*reader).yarn},
	{"pnpm-lock.yaml", (*reader).pnpm},
	{"poetry.lock", (*reader).poetry},
	{"uv.lock", (*reader).poetry},
	{"pdm.lock", (*reader).poetry},
	{"Pipfile.lock", (*reader).pipfile},
	{"requirements.txt", (*reader).requirements},
	{"Cargo.lock", (*reader).cargo},
	{"composer.lock", (*reader).composer},
	{"Gemfile.lock", (*reader).bundler},
	{"pom.xml", (*reader).pom},
	{"gradle.lockfile", (*reader).gradle},
	{"packages.lock.json", (*reader).nuget},
	{"mix.lock", (*reader).mix},
	{"pubspec.lock", (*reader).pub},
	{"dpkg", (*reader).dpkg},
	{"apk", (*reader).apk},
}

// Kinds are the kinds of files that can be read.
func Kinds() (names []string) {
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// others are names of files of a kind that is known by another one.
var others = map[string]string{
	"npm-shrinkwrap.json": "package-lock.json", ".package-lock.json": "package-lock.json", "gems.locked": "Gemfile.lock", "buildscript-gradle.lockfile": "gradle.lockfile",
}

// KindOf is the kind of the file with this path, by its name; "" where the name says nothing.
func KindOf(name string) string {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	base := path.Base(name)
	switch lower := strings.ToLower(base); {
	case slices.Contains(Kinds(), base) && base != "dpkg" && base != "apk":
		return base
	case others[base] != "":
		return others[base]
	case strings.HasSuffix(lower, ".txt") && (strings.HasPrefix(lower, "requirements") || strings.HasSuffix(lower, "requirements.txt")):
		return "requirements.txt"
	case strings.HasSuffix(lower, ".pom"):
		return "pom.xml"
	case strings.HasSuffix("/"+name, "/dpkg/status"), strings.Contains("/"+name, "/dpkg/status.d/") && !strings.HasSuffix(base, ".md5sums"):
		return "dpkg"
	case strings.HasSuffix("/"+name, "/apk/db/installed"):
		return "apk"
	}
	return ""
}

// Read reads a file of a kind. The error is a *normalize.ParkError: the file is no such file, or past a limit.
func Read(kind string, src []byte, o Options) (*List, error) {
	i := slices.IndexFunc(kinds, func(k struct {
		name string
		read func(*reader)
	},
	) bool {
		return k.name == kind
	})
	if i < 0 {
		return nil, normalize.Park(normalize.ReasonUnknownFormat, "", "there is no kind of file %q; there are %s", kind, strings.Join(Kinds(), ", "))
	}
	o.Limits = o.Limits.OrDefault()
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	switch {
	case int64(len(src)) > o.Limits.MaxBytes:
		return nil, normalize.Park(normalize.ReasonTooLarge, "", "the file has more than %d bytes", o.Limits.MaxBytes)
	case kind != "pom.xml" && !utf8.Valid(src): // which says what it is written in
		return nil, normalize.Park(normalize.ReasonEncoding, "", "the file is not UTF-8; convert it")
	}
	r := &reader{src: src, o: o, list: &List{Kind: kind}, seen: map[string]bool{}}
	kinds[i].read(r)
	if r.err != nil {
		return nil, r.err
	}
	return r.list, nil
}

type reader struct {
	src  []byte
	o    Options
	list *List
	seen map[string]bool
	err  error // stops it
}

func (r *reader) fail(reason, format string, args ...any) {
	if r.err == nil {
		r.err = normalize.Park(reason, "", format, args...)
	}
}

func (r *reader) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(r.list.Notes) < 20 && !slices.Contains(r.list.Notes, text) {
		r.list.Notes = append(r.list.Notes, text)
	}
}

// pkg is a package on its way to be an entry.
type pkg struct {
	typ, namespace, name, version string
	qualifiers                    string // key=value&key=value, escaped, by key
	line                          int
	why                           string
}

// split is name at its last slash: namespace and name.
func split(name string) (namespace, last string) {
	i := strings.LastIndexByte(name, '/')
	return name[:max(i, 0)], name[i+1:]
}

// add lists a package.
func (r *reader) add(p pkg) {
	if r.err != nil || p.name == "" {
		return
	}
	var b strings.Builder
	b.WriteString("pkg:" + p.typ)
	for part := range strings.SplitSeq(p.namespace, "/") {
		if part != "" {
			b.WriteString("/" + escape(part))
		}
	}
	b.WriteString("/" + escape(p.name))
	if p.version != "" {
		b.WriteString("@" + escape(p.version))
	}
	if p.qualifiers != "" {
		b.WriteString("?" + p.qualifiers)
	}
	parsed, err := purl.Parse(b.String())
	if err != nil || len(parsed.Purl) > purl.MaxLength {
		r.note("%.100q cannot be named by a purl, and is passed over", p.name)
		return
	}
	if r.seen[parsed.Purl] {
		return
	}
	if len(r.list.Entries) == r.o.Limits.MaxComponents {
		r.fail(normalize.ReasonTooMany, "the file lists more than %d packages", r.o.Limits.MaxComponents)
		return
	}
	r.seen[parsed.Purl] = true
	name := p.name
	if p.namespace != "" {
		name = p.namespace + "/" + name
	}
	if p.version == "" && p.why == "" {
		p.why = "the file states no version"
	}
	if p.version != "" {
		p.why = ""
	}
	r.list.Entries = append(r.list.Entries, Entry{Purl: parsed.Purl, Name: name, Version: p.version, Line: p.line, Why: p.why})
}

// escape is a part of a purl, percent-encoded.
func escape(s string) string {
	return strings.ReplaceAll(url.PathEscape(s), "@", "%40")
}

// lines are those of the file with their numbers, without their ends.
func (r *reader) lines() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range bytes.Lines(r.src) {
			n++
			if r.err != nil || !yield(n, strings.TrimRight(string(line), "\r\n")) {
				return
			}
		}
	}
}
