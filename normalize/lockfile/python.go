package lockfile

import (
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"sluice/normalize"
)

// maxTOML bounds what is read as TOML: the library makes a tree of it, some ten times the file.
const maxTOML = 16 << 20

// tomlPackage is an entry of [[package]], which poetry, pdm, uv and Cargo all have.
type tomlPackage struct {
	Name    string
	Version string
	Source  any // a table, in Cargo.lock a text
}

func (r *reader) toml() (list []tomlPackage) {
	if len(r.src) > maxTOML {
		r.fail(normalize.ReasonTooLarge, "the file has more than %d bytes", maxTOML)
		return nil
	}
	var file struct{ Package []tomlPackage }
	if _, err := toml.Decode(string(r.src), &file); err != nil {
		r.fail(normalize.ReasonSyntax, "not a %s: %v", r.list.Kind, err)
		return nil
	}
	return file.Package
}

// poetry reads poetry.lock, pdm.lock and uv.lock.
func (r *reader) poetry() {
	for _, p := range r.toml() {
		source, _ := p.Source.(map[string]any)
		kind, _ := source["type"].(string)
		local := kind == "directory" || kind == "file"
		for _, place := range []string{"editable", "virtual", "directory", "path"} { // of uv
			local = local || source[place] != nil
		}
		if local {
			r.list.Local++
			continue
		}
		r.add(pkg{typ: "pypi", name: p.Name, version: p.Version})
	}
}

// pipfile reads Pipfile.lock.
func (r *reader) pipfile() {
	j := r.json()
	for ok := r.object(j); ok && j.Member(); {
		if section := string(j.Name()); section == "_meta" {
			j.Skip()
			continue
		}
		for ok := j.Object(); ok && j.Member(); {
			p := pkg{typ: "pypi", name: string(j.Name())}
			local := false
			for ok := j.Object(); ok && j.Member(); {
				switch string(j.Name()) {
				case "version":
					p.version, p.why = pinned(j.Text())
				case "path":
					local = true
					j.Skip()
				case "git", "file":
					p.why = "it does not come from a registry: " + clip(j.Text())
				default:
					j.Skip()
				}
			}
			if local {
				r.list.Local++
			} else {
				r.add(p)
			}
		}
	}
	r.end(j)
}

// pinned is the one version that a specifier of Python allows: ==1.2.3. Else why there is none.
func pinned(specifier string) (version, why string) {
	for clause := range strings.SplitSeq(specifier, ",") {
		clause = strings.TrimSpace(clause)
		for _, equal := range []string{"===", "=="} {
			if v, ok := strings.CutPrefix(clause, equal); ok {
				if v = strings.TrimSpace(v); v != "" && !strings.Contains(v, "*") {
					return v, ""
				}
				break
			}
		}
	}
	if strings.TrimSpace(specifier) == "" {
		return "", "any version is allowed"
	}
	return "", "several versions are allowed: " + clip(strings.TrimSpace(specifier))
}

// requirement is NAME[extras] and the rest of a line.
var requirement = regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*)$`)

// requirements reads requirements.txt. Other files that it names are not read.
func (r *reader) requirements() {
	for n, text := range r.joined() {
		text, _, _ = strings.Cut(text, " #")
		text = strings.TrimSpace(text)
		switch {
		case text == "" || text[0] == '#':
			continue
		case strings.HasPrefix(text, "-"):
			r.requirementOption(text, n)
			continue
		}
		m := requirement.FindStringSubmatch(text)
		if m == nil || strings.Contains(m[2], "://") && !strings.HasPrefix(m[2], "@") || strings.HasPrefix(m[2], ":") || strings.HasPrefix(m[2], "/") {
			if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "/") {
				r.list.Local++
			} else {
				r.note("line %d is passed over: %s", n, clip(text))
			}
			continue
		}
		rest, _, _ := strings.Cut(m[2], ";")
		rest, _, _ = strings.Cut(rest, " --")
		rest = strings.TrimSpace(rest)
		p := pkg{typ: "pypi", name: m[1], line: n}
		if at, ok := strings.CutPrefix(rest, "@"); ok {
			p.why = "it does not come from a registry: " + clip(strings.TrimSpace(at))
		} else {
			p.version, p.why = pinned(strings.Trim(rest, "() "))
		}
		r.add(p)
	}
}

func (r *reader) requirementOption(text string, n int) {
	option, value, _ := strings.Cut(strings.ReplaceAll(text, "=", " "), " ")
	value = strings.TrimSpace(value)
	switch option {
	case "-r", "--requirement", "-c", "--constraint":
		r.note("%s is a file of its own, and not read with this one", clip(value))
	case "-e", "--editable":
		if strings.Contains(value, "://") {
			r.note("line %d is passed over: %s", n, clip(text))
		} else {
			r.list.Local++
		}
	}
}

// joined are the lines, those that end with a backslash with the next one.
func (r *reader) joined() func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		begun, first := "", 0
		for n, text := range r.lines() {
			if begun == "" {
				first = n
			}
			if part, more := strings.CutSuffix(text, `\`); more && len(begun) < 1<<20 {
				begun += part + " "
				continue
			}
			text, begun = begun+text, ""
			if !yield(first, text) {
				return
			}
		}
		if begun != "" {
			yield(first, begun)
		}
	}
}
