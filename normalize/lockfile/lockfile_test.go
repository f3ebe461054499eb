package lockfile

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"sluice/normalize"
)

var update = flag.Bool("update", false, "rewrite what the files of testdata list")

// cases are the files of testdata: a txtar each, with the files of one kind, their names, and behind each NAME a file
// NAME.want with what they list: a purl per line, with the line where it is and why it has no version, then
// "local N" and "note …".
func cases(t testing.TB) map[string][]txtar.File {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	out := map[string][]txtar.File{}
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(p), ".txtar")] = a.Files
	}
	return out
}

func options(name string) Options {
	distro := map[string]string{"apk": "alpine-3.19"}[KindOf(name)]
	if strings.Contains(name, "bookworm") {
		distro = "debian-12"
	}
	return Options{Distro: distro}
}

func text(l *List) string {
	var b strings.Builder
	for _, e := range l.Entries {
		fmt.Fprint(&b, e.Purl)
		if e.Line > 0 {
			fmt.Fprintf(&b, " line %d", e.Line)
		}
		if e.Why != "" {
			fmt.Fprint(&b, " ", e.Why)
		}
		b.WriteByte('\n')
	}
	if l.Local > 0 {
		fmt.Fprintf(&b, "local %d\n", l.Local)
	}
	for _, n := range l.Notes {
		fmt.Fprintln(&b, "note", n)
	}
	return b.String()
}

// TestRead: each kind of file, in each of its versions.
func TestRead(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for name, files := range cases(t) {
		for i := 0; i+1 < len(files); i += 2 {
			file, want := files[i], files[i+1]
			if want.Name != file.Name+".want" {
				t.Fatalf("%s: %s is followed by %s", name, file.Name, want.Name)
			}
			kind := KindOf(file.Name)
			seen[kind] = true
			got, err := Read(kind, file.Data, options(file.Name))
			if err != nil {
				t.Errorf("%s: %s: %v", name, file.Name, err)
				continue
			}
			if *update {
				files[i+1].Data = []byte(text(got))
				continue
			}
			if diff := cmp.Diff(string(want.Data), text(got)); diff != "" {
				t.Errorf("%s: %s (-want +got)\n%s", name, file.Name, diff)
			}
		}
		if *update {
			if err := os.WriteFile("testdata/"+name+".txtar", txtar.Format(&txtar.Archive{Files: files}), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, k := range Kinds() {
		if !seen[k] {
			t.Errorf("there is no case of a %s", k)
		}
	}
}

// TestKindOf: what a file is, by its name.
func TestKindOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"go.sum": "go.sum", "a/b/package-lock.json": "package-lock.json", `c:\x\yarn.lock`: "yarn.lock", "npm-shrinkwrap.json": "package-lock.json", "requirements-dev.txt": "requirements.txt",
		"dev-requirements.txt": "requirements.txt", "my.pom": "pom.xml", "/var/lib/dpkg/status": "dpkg", "rootfs/lib/apk/db/installed": "apk", "status": "", "installed": "",
		"dpkg": "", "apk": "", "package.json": "", "cargo.lock": "", "x.zip!/web/composer.lock": "composer.lock",
	} {
		if got := KindOf(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// TestRefused: a file of another kind is refused, and so is one past a limit; each with a reason.
func TestRefused(t *testing.T) {
	t.Parallel()
	refused := func(kind, src, reason string, o Options) {
		t.Helper()
		l, err := Read(kind, []byte(src), o)
		var park *normalize.ParkError
		if !errors.As(err, &park) || park.Reason != reason {
			t.Errorf("%s: %v, %v; want %s", kind, l, err, reason)
		}
	}
	for _, kind := range Kinds() {
		if kind == "requirements.txt" { // any text is one
			continue
		}
		refused(kind, "what is this?\n", normalize.ReasonSyntax, Options{})
		refused(kind, "{\"a\": [\n", normalize.ReasonSyntax, Options{})
	}
	refused("go.sum", "a v1 h1:x\n", normalize.ReasonTooLarge, Options{Limits: normalize.Limits{MaxBytes: 3}})
	refused("go.sum", "a v1 h1:x\nb v1 h1:x\n", normalize.ReasonTooMany, Options{Limits: normalize.Limits{MaxComponents: 1}})
	refused("go.sum", "a\xff v1 h1:x\n", normalize.ReasonEncoding, Options{})
	refused("Cargo.lock", strings.Repeat("#", maxTOML+1), normalize.ReasonTooLarge, Options{})
	refused("package-lock.json", `{"dependencies": `+strings.Repeat(`{"a": {"dependencies": `, 210)+"{}"+strings.Repeat("}}", 210)+"}", normalize.ReasonDepth, Options{})
	refused("cargo.lock", "", normalize.ReasonUnknownFormat, Options{})
	refused("pom.xml", `<feed/>`, normalize.ReasonSyntax, Options{})
}

// TestProperties: properties refer to each other, and some for ever.
func TestProperties(t *testing.T) {
	t.Parallel()
	properties := map[string]string{"a": "${b}.1", "b": "2", "loop": "${loop}", "grow": "${grow}${grow}", "one": "${two}", "two": "${one}"}
	for in, want := range map[string]string{"${a}": "2.1", "v${b}-${b}": "v2-2", "x": "x"} {
		if got, ok := resolve(in, properties); !ok || got != want {
			t.Errorf("%s is %q, %v; want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"${loop}", "${grow}", "${one}", "${none}", "1.${none}", "${"} {
		if got, ok := resolve(in, properties); ok {
			t.Errorf("%s is %q", in, got)
		}
	}
}

// FuzzRead: whatever the bytes, it ends, and lists what can be listed or says why it does not; twice the same.
func FuzzRead(f *testing.F) {
	for _, files := range cases(f) {
		for _, file := range files {
			if kind := KindOf(file.Name); kind != "" {
				f.Add(slices.Index(Kinds(), kind), file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind int, src []byte) {
		name := Kinds()[(kind%len(kinds)+len(kinds))%len(kinds)]
		o := Options{Distro: "debian-12", Limits: normalize.Limits{MaxBytes: 1 << 20, MaxComponents: 1000}}
		list, err := Read(name, src, o)
		var park *normalize.ParkError
		if err != nil {
			if !errors.As(err, &park) {
				t.Fatalf("%s: %v is no *normalize.ParkError", name, err)
			}
			return
		}
		again, err := Read(name, src, o)
		if err != nil || !cmp.Equal(list, again) {
			t.Fatalf("%s: read twice, and it is something else: %v", name, err)
		}
		seen := map[string]bool{}
		for _, e := range list.Entries {
			if !strings.HasPrefix(e.Purl, "pkg:") || seen[e.Purl] || (e.Version == "") != (e.Why != "") {
				t.Fatalf("%s: %+v", name, e)
			}
			seen[e.Purl] = true
		}
	})
}
