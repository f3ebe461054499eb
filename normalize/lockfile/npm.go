package lockfile

import (
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/yamljson"
	"sluice/normalize/lenient"
)

// maxDepth bounds how far dependencies nest in an old package-lock.json.
const maxDepth = 200

// npm reads package-lock.json: "packages" of versions 2 and 3, "dependencies" of version 1.
func (r *reader) npm() {
	j := r.json()
	var packages, old []pkg
	has := false
	for ok := r.object(j); ok && j.Member(); {
		switch string(j.Name()) {
		case "packages":
			has = true
			packages = r.npmPackages(j)
		case "dependencies":
			old = r.npmDependencies(j, nil, 0)
		default:
			j.Skip()
		}
	}
	r.end(j)
	if !has {
		packages = old // version 2 has both
	}
	for _, p := range packages {
		r.add(p)
	}
}

// npmPackages reads what is installed where: node_modules/a/node_modules/@s/b.
func (r *reader) npmPackages(j *lenient.Reader) (list []pkg) {
	for ok := j.Object(); ok && j.Member(); {
		place := string(j.Name())
		var name, version string
		link := false
		for ok := j.Object(); ok && j.Member(); {
			switch string(j.Name()) {
			case "name":
				name = j.Text()
			case "version":
				version = j.Text()
			case "link":
				link = j.Scalar() == "true"
			default:
				j.Skip()
			}
		}
		const folder = "node_modules/"
		i := strings.LastIndex(place, folder)
		switch {
		case place == "": // the project
		case link || i < 0:
			r.list.Local++
		default:
			if name == "" { // else it is installed under another one
				name = place[i+len(folder):]
			}
			list = append(list, npmPackage(name, version))
		}
	}
	return list
}

func npmPackage(name, version string) pkg {
	p := pkg{typ: "npm", version: version}
	p.namespace, p.name = split(name)
	if real, ok := strings.CutPrefix(version, "npm:"); ok { // another package under this name: npm:real@1.0.0
		if i := strings.LastIndexByte(real, '@'); i > 0 {
			p.namespace, p.name = split(real[:i])
			p.version = real[i+1:]
		}
	}
	if strings.ContainsAny(p.version, ":/#") { // an address, a path, a commit
		p.version, p.why = "", "it does not come from a registry: "+clip(p.version)
	}
	return p
}

// npmDependencies reads the nested form of version 1.
func (r *reader) npmDependencies(j *lenient.Reader, list []pkg, depth int) []pkg {
	if depth > maxDepth {
		r.fail(normalize.ReasonDepth, "dependencies nest more than %d deep", maxDepth)
		j.Skip()
		return list
	}
	for ok := j.Object(); ok && j.Member(); {
		p := pkg{}
		name, version := string(j.Name()), ""
		var below []pkg
		for ok := j.Object(); ok && j.Member(); {
			switch string(j.Name()) {
			case "version":
				version = j.Text()
			case "dependencies":
				below = r.npmDependencies(j, below, depth+1)
			default:
				j.Skip()
			}
		}
		if strings.HasPrefix(version, "file:") {
			r.list.Local++
		} else {
			p = npmPackage(name, version)
			list = append(list, p)
		}
		list = append(list, below...)
	}
	return list
}

// yarn reads yarn.lock of all versions: blocks with what was asked for, and below it what is installed.
func (r *reader) yarn() {
	var head, version, resolution string
	line, known := 0, false
	flush := func() {
		if head != "" && head != "__metadata" {
			r.yarnEntry(head, version, resolution, line)
		}
		head, version, resolution = "", "", ""
	}
	for n, text := range r.lines() {
		switch {
		case strings.HasPrefix(text, "# yarn lockfile"), strings.HasPrefix(text, "__metadata:"):
			known = true
			flush()
		case text == "" || strings.HasPrefix(text, "#"):
		case text[0] != ' ':
			flush()
			line = n
			head = strings.Trim(strings.TrimSuffix(text, ":"), `"`)
		default:
			if !strings.HasPrefix(text, "   ") { // of the entry itself
				key, value, _ := strings.Cut(strings.TrimSpace(text), " ")
				value = strings.Trim(strings.TrimSpace(value), `"`)
				switch strings.TrimSuffix(key, ":") {
				case "version":
					version = value
				case "resolution", "resolved":
					resolution = value
				}
			}
		}
	}
	flush()
	if !known {
		r.fail(normalize.ReasonSyntax, "not a yarn.lock: it has neither its first comment nor __metadata")
	}
}

// yarnEntry lists an entry. Its name is in what was asked for, the first of several: @babel/core@^7.0.0; in newer versions the
// resolution has the name of what it is: @babel/core@npm:7.1.0.
func (r *reader) yarnEntry(head, version, resolution string, line int) {
	first, _, _ := strings.Cut(head, ", ")
	first = strings.Trim(first, `"`)
	name, asked := cutVersion(first)
	if real, ok := strings.CutPrefix(asked, "npm:"); ok {
		if other, _ := cutVersion(real); other != real { // another package under this name
			name = other
		}
	}
	if resolved, how := cutVersion(resolution); how != "" && !strings.Contains(resolved, ":") {
		name, asked = resolved, how
	}
	for _, local := range []string{"workspace:", "link:", "portal:", "file:"} {
		if strings.HasPrefix(asked, local) {
			r.list.Local++
			return
		}
	}
	p := npmPackage(name, version)
	p.line = line
	r.add(p)
}

// cutVersion is name@version at the first @ that does not begin a scope.
func cutVersion(s string) (name, version string) {
	if len(s) < 2 {
		return s, ""
	}
	i := strings.IndexByte(s[1:], '@')
	if i < 0 {
		return s, ""
	}
	return s[:i+1], s[i+2:]
}

// pnpm reads pnpm-lock.yaml: the keys of "packages" have name and version, in a form for each version of the file.
func (r *reader) pnpm() {
	j := r.yaml()
	if j == nil {
		return
	}
	type entry struct{ key, name, version string }
	var entries []entry
	format := ""
	for ok := r.object(j); ok && j.Member(); {
		switch string(j.Name()) {
		case "lockfileVersion":
			format = j.Scalar()
		case "packages":
			if j.IsNull() {
				j.Skip()
				continue
			}
			for ok := j.Object(); ok && j.Member(); {
				e := entry{key: string(j.Name())}
				for ok := j.Object(); ok && j.Member(); {
					switch string(j.Name()) {
					case "name":
						e.name = j.Text()
					case "version":
						e.version = j.Text()
					default:
						j.Skip()
					}
				}
				entries = append(entries, e)
			}
		default:
			j.Skip()
		}
	}
	r.end(j)
	if r.err == nil && format == "" {
		r.fail(normalize.ReasonSyntax, "not a pnpm-lock.yaml: it has no lockfileVersion")
	}
	for _, e := range entries {
		name, version := pnpmKey(e.key, strings.HasPrefix(format, "5"))
		if e.name != "" {
			name = e.name
		}
		switch {
		case strings.HasPrefix(version, "file:") || strings.HasPrefix(version, "link:"):
			r.list.Local++
			continue
		case e.version != "": // where the key has an address
			version = e.version
		}
		r.add(npmPackage(name, version))
	}
}

// pnpmKey takes apart /@babel/core/7.1.0_react@18 of version 5, /@babel/core@7.1.0(react@18) of version 6, and the same
// without the slash of version 9.
func pnpmKey(key string, five bool) (name, version string) {
	key = strings.TrimPrefix(key, "/")
	if !five {
		key, _, _ = strings.Cut(key, "(")
		return cutVersion(key)
	}
	parts := strings.Split(key, "/")
	n := 1
	if strings.HasPrefix(key, "@") {
		n = 2
	}
	if len(parts) <= n {
		return key, ""
	}
	version, _, _ = strings.Cut(parts[n], "_")
	return strings.Join(parts[:n], "/"), version
}

// json reads the file as JSON.
func (r *reader) json() *lenient.Reader { return lenient.New(r.src, "", r.warn) }

// yaml reads the file as YAML; nil where it is none.
func (r *reader) yaml() *lenient.Reader {
	text, err := yamljson.Convert(r.src, yamljson.Options{Kind: func([]byte) yamljson.Kind { return yamljson.Text }, MaxDepth: r.o.Limits.MaxDepth})
	if err != nil {
		r.err = err
		return nil
	}
	return lenient.New(text, "", r.warn)
}

func (r *reader) warn(_, pointer, format string, args ...any) {
	r.note("%s: "+format, append([]any{pointer}, args...)...)
}

// object enters the file, which is an object or no such file.
func (r *reader) object(j *lenient.Reader) bool {
	if !j.IsObject() {
		j.Skip()
		if r.err = j.Err(); r.err == nil {
			r.fail(normalize.ReasonSyntax, "not a %s: it is not an object", r.list.Kind)
		}
		return false
	}
	return j.Object()
}

func (r *reader) end(j *lenient.Reader) {
	j.End()
	if r.err == nil {
		r.err = j.Err()
	}
}

// clip is enough of a text to know it by.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}
