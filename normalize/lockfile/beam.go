package lockfile

import (
	"regexp"

	"sluice/normalize"
)

var (
	hexEntry = regexp.MustCompile(`^\s*"([^"]+)":\s*\{:hex,\s*:"?([^",\s]+)"?,\s*"([^"]+)"`)
	gitEntry = regexp.MustCompile(`^\s*"([^"]+)":\s*\{:git,\s*"([^"]+)"`)
	mixOpen  = regexp.MustCompile(`^\s*%\{`)
)

// mix reads mix.lock: a map of Elixir with an entry per line.
func (r *reader) mix() {
	open := false
	for n, text := range r.lines() {
		open = open || mixOpen.MatchString(text)
		if m := hexEntry.FindStringSubmatch(text); m != nil {
			r.add(pkg{typ: "hex", name: m[2], version: m[3], line: n})
		} else if m := gitEntry.FindStringSubmatch(text); m != nil {
			r.add(pkg{typ: "hex", name: m[1], why: "it does not come from a registry: " + clip(m[2]), line: n})
		}
	}
	if !open {
		r.fail(normalize.ReasonSyntax, "not a mix.lock: it does not begin with %%{")
	}
}
