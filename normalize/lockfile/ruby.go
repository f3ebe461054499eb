package lockfile

import (
	"regexp"
	"strings"

	"sluice/normalize"
)

// spec is a gem of Gemfile.lock, four spaces in; what it depends on is further in.
var spec = regexp.MustCompile(`^    ([^\s(]+) \(([^)]+)\)$`)

// bundler reads Gemfile.lock.
func (r *reader) bundler() {
	section, known := "", false
	for n, text := range r.lines() {
		if text != "" && text[0] != ' ' {
			section = strings.TrimSpace(text)
			known = known || section == "GEM" || section == "GIT" || section == "PATH" || section == "DEPENDENCIES"
			continue
		}
		m := spec.FindStringSubmatch(text)
		switch {
		case m == nil || section != "GEM" && section != "GIT" && section != "PATH" && section != "PLUGIN SOURCE":
		case section == "PATH":
			r.list.Local++
		default:
			p := pkg{typ: "gem", name: m[1], line: n}
			var platform string
			if p.version, platform, _ = strings.Cut(m[2], "-"); platform != "" { // 1.15.4-x86_64-linux
				p.qualifiers = "platform=" + escape(platform)
			}
			r.add(p)
		}
	}
	if !known {
		r.fail(normalize.ReasonSyntax, "not a Gemfile.lock: it has no section that one has")
	}
}
