package lockfile

import (
	"strings"

	"golang.org/x/mod/modfile"

	"sluice/normalize"
)

// goMod lists what go.mod requires, as it replaces it, and the standard library of the Go that it names.
func (r *reader) goMod() {
	f, err := modfile.Parse("go.mod", r.src, nil)
	if err != nil { // a directive of a later Go; requirements can be read all the same
		lax, laxErr := modfile.ParseLax("go.mod", r.src, nil)
		if laxErr != nil || lax.Module == nil {
			r.fail(normalize.ReasonSyntax, "not a go.mod: %v", err)
			return
		}
		r.note("replacements are not looked at, for not all of the file could be read: %v", err)
		f = lax
	}
	if f.Module == nil {
		r.fail(normalize.ReasonSyntax, "not a go.mod: it names no module")
		return
	}
	for _, req := range f.Require {
		path, version := req.Mod.Path, req.Mod.Version
		why := ""
		for _, rep := range f.Replace {
			if rep.Old.Path != path || rep.Old.Version != "" && rep.Old.Version != version {
				continue
			}
			if rep.New.Version == "" {
				why, version = "a folder stands in for it", ""
			} else {
				path, version = rep.New.Path, rep.New.Version
			}
			break
		}
		if why != "" {
			r.list.Local++
			continue
		}
		line := 0
		if req.Syntax != nil {
			line = req.Syntax.Start.Line
		}
		r.module(path, version, line)
	}
	switch {
	case f.Toolchain != nil && strings.HasPrefix(f.Toolchain.Name, "go1"):
		version, _, _ := strings.Cut(strings.TrimPrefix(f.Toolchain.Name, "go"), "-")
		r.add(pkg{typ: "golang", name: "stdlib", version: version, line: f.Toolchain.Syntax.Start.Line})
	case f.Go != nil:
		r.add(pkg{typ: "golang", name: "stdlib", version: f.Go.Version, line: f.Go.Syntax.Start.Line})
		r.note("the standard library is taken to be that of go %s, the oldest Go that the module takes; what it is built with may be newer", f.Go.Version)
	}
}

func (r *reader) module(path, version string, line int) {
	namespace, name := split(path)
	r.add(pkg{typ: "golang", namespace: namespace, name: name, version: version, line: line})
}

// goSum lists the modules whose content was looked at. Of a module that is there in several versions one is built.
func (r *reader) goSum() {
	for n, line := range r.lines() {
		parts := strings.Fields(line)
		switch {
		case len(parts) == 0:
		case len(parts) != 3 || !strings.HasPrefix(parts[2], "h1:"):
			r.fail(normalize.ReasonSyntax, "not a go.sum: line %d is not MODULE VERSION HASH", n)
		case !strings.HasSuffix(parts[1], "/go.mod"):
			r.module(parts[0], parts[1], n)
		}
	}
	r.note("go.sum lists what was downloaded, which is more than what is built; go.mod says what is")
}
