package lockfile

import (
	"strings"

	"sluice/normalize"
)

// dpkg reads the status of dpkg: what is installed, by paragraph.
func (r *reader) dpkg() {
	known := r.paragraphs(": ", func(p paragraph) {
		state := strings.Fields(p["Status"])
		if len(state) > 0 && state[len(state)-1] != "installed" { // status.d of distroless images has no status
			return
		}
		source, version, _ := strings.Cut(p["Source"], " ")
		r.addDistro("deb", "debian", p["Package"], p["Version"], p["Architecture"], source, strings.Trim(version, "()"))
	}, "Package")
	if !known {
		r.fail(normalize.ReasonSyntax, "not a status of dpkg: no paragraph has a Package")
	}
}

// apk reads the database of what apk has installed.
func (r *reader) apk() {
	known := r.paragraphs(":", func(p paragraph) {
		r.addDistro("apk", "alpine", p["P"], p["V"], p["A"], p["o"], "")
	}, "P")
	if !known {
		r.fail(normalize.ReasonSyntax, "not a database of apk: no paragraph has a P:")
	}
}

// paragraph is what stands between empty lines, by key; its last line has the number in line.
type paragraph map[string]string

// paragraphs gives each that has the member named.
func (r *reader) paragraphs(colon string, give func(paragraph), member string) (some bool) {
	p := paragraph{}
	flush := func() {
		if p[member] != "" {
			some = true
			give(p)
		}
		p = paragraph{}
	}
	for _, text := range r.lines() {
		if strings.TrimSpace(text) == "" {
			flush()
			continue
		}
		key, value, ok := strings.Cut(text, colon)
		if _, there := p[key]; ok && !there && key != "" && key[0] != ' ' && len(p) < 200 {
			p[key] = strings.TrimSpace(value)
		}
	}
	flush()
	return some
}

// addDistro lists a package of a distribution, with the source package that records are about.
func (r *reader) addDistro(typ, distribution, name, version, arch, source, sourceVersion string) {
	var q []string
	if arch != "" {
		q = append(q, "arch="+escape(arch))
	}
	if r.o.Distro != "" {
		distribution, _, _ = strings.Cut(r.o.Distro, "-")
		q = append(q, "distro="+escape(r.o.Distro))
	} else {
		r.note("the file does not say of which release of the distribution the packages are, and that shows in few versions: --distro %s-… says it", distribution)
	}
	if source != "" && source != name || sourceVersion != "" {
		if sourceVersion != "" {
			source += "@" + sourceVersion
		}
		q = append(q, "upstream="+escape(source))
	}
	r.add(pkg{typ: typ, namespace: distribution, name: name, version: version, qualifiers: strings.Join(q, "&")})
}
