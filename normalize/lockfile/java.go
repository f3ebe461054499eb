package lockfile

import (
	"encoding/xml"
	"io"
	"regexp"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/xmltext"
)

// project is a pom.xml, as far as versions go.
type project struct {
	GroupID    string `xml:"groupId"`
	ArtifactID string `xml:"artifactId"`
	Version    string `xml:"version"`
	Parent     struct {
		GroupID    string `xml:"groupId"`
		ArtifactID string `xml:"artifactId"`
		Version    string `xml:"version"`
	} `xml:"parent"`
	Properties struct {
		List []struct {
			XMLName xml.Name
			Value   string `xml:",chardata"`
		} `xml:",any"`
	} `xml:"properties"`
	Managed      []dependency `xml:"dependencyManagement>dependencies>dependency"`
	Dependencies []dependency `xml:"dependencies>dependency"`
	Modules      []string     `xml:"modules>module"`
	Profiles     []struct {
		Dependencies []dependency `xml:"dependencies>dependency"`
	} `xml:"profiles>profile"`
}

type dependency struct {
	GroupID    string `xml:"groupId"`
	ArtifactID string `xml:"artifactId"`
	Version    string `xml:"version"`
	Scope      string `xml:"scope"`
}

// pom reads pom.xml: the dependencies that it names, with the versions that it states itself. Parents and imported
// BOMs are not fetched, and what dependencies depend on is not known.
func (r *reader) pom() {
	p, properties, ok := r.readPOM()
	if !ok {
		return
	}
	managed, imported := map[string]string{}, false
	for _, d := range p.Managed {
		if strings.TrimSpace(d.Scope) == "import" {
			imported = true
			continue
		}
		group, _ := resolve(d.GroupID, properties)
		artifact, _ := resolve(d.ArtifactID, properties)
		managed[group+":"+artifact] = d.Version
	}
	list := p.Dependencies
	for _, profile := range p.Profiles {
		list = append(list, profile.Dependencies...)
	}
	for _, d := range list {
		group, known := resolve(d.GroupID, properties)
		artifact, alsoKnown := resolve(d.ArtifactID, properties)
		if !known || !alsoKnown {
			r.note("%s:%s is passed over: the file does not say what its name stands for", clip(d.GroupID), clip(d.ArtifactID))
			continue
		}
		out := pkg{typ: "maven", namespace: group, name: artifact}
		stated := strings.TrimSpace(d.Version)
		if stated == "" {
			stated = strings.TrimSpace(managed[group+":"+artifact])
		}
		out.version, out.why = mavenVersion(stated, properties)
		if stated == "" {
			switch {
			case imported:
				out.why = "its version is in an imported BOM or a parent, which are not fetched"
			case p.Parent.ArtifactID != "":
				out.why = "its version is in the parent, which is not fetched"
			}
		}
		r.add(out)
	}
	if len(p.Modules) > 0 {
		r.note("the poms of %d modules are files of their own, and not read with this one", len(p.Modules))
	}
	r.note("pom.xml names direct dependencies; what these depend on is not known")
}

func (r *reader) readPOM() (p project, properties map[string]string, ok bool) {
	text, err := xmltext.Decode(r.src)
	if err != nil {
		r.err = err
		return p, nil, false
	}
	d := xml.NewDecoder(strings.NewReader(string(text.Body)))
	d.Strict = true
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	var root struct {
		XMLName xml.Name
		project
	}
	if err := d.Decode(&root); err != nil || root.XMLName.Local != "project" {
		r.fail(normalize.ReasonSyntax, "not a pom.xml: %v", orRoot(err, root.XMLName.Local))
		return p, nil, false
	}
	p = root.project
	properties = map[string]string{}
	for _, e := range p.Properties.List {
		properties[e.XMLName.Local] = strings.TrimSpace(e.Value)
	}
	for name, value := range map[string]string{
		"groupId": or(p.GroupID, p.Parent.GroupID), "version": or(p.Version, p.Parent.Version), "artifactId": p.ArtifactID,
		"parent.groupId": p.Parent.GroupID, "parent.version": p.Parent.Version, "parent.artifactId": p.Parent.ArtifactID,
	} {
		if value = strings.TrimSpace(value); value != "" {
			properties["project."+name], properties["pom."+name] = value, value
		}
	}
	return p, properties, true
}

func or(a, b string) string {
	if strings.TrimSpace(a) != "" {
		return a
	}
	return b
}

func orRoot(err error, root string) any {
	if err != nil {
		return err
	}
	return "its root is " + root
}

var property = regexp.MustCompile(`\$\{([^{}$]+)\}`)

// resolve puts properties into a text, those in properties too; known is false where one is not in the file.
func resolve(s string, properties map[string]string) (text string, known bool) {
	s = strings.TrimSpace(s)
	for range 20 { // one may refer to the next
		if !strings.Contains(s, "${") {
			return s, true
		}
		missing := false
		s = property.ReplaceAllStringFunc(s, func(ref string) string {
			value, ok := properties[ref[2:len(ref)-1]]
			missing = missing || !ok
			return value
		})
		if missing || len(s) > 1000 {
			return s, false
		}
	}
	return s, false
}

// mavenVersion is the version that a text stands for. [1.0] is one too; [1.0,2.0) is none.
func mavenVersion(stated string, properties map[string]string) (version, why string) {
	v, known := resolve(stated, properties)
	switch {
	case stated == "":
		return "", "the file states no version"
	case !known:
		return "", "the file does not say what its version stands for: " + clip(stated)
	}
	if exact, ok := strings.CutPrefix(v, "["); ok && strings.HasSuffix(exact, "]") && !strings.Contains(exact, ",") {
		return strings.TrimSpace(strings.TrimSuffix(exact, "]")), ""
	}
	if strings.ContainsAny(v, "[](),") || v == "LATEST" || v == "RELEASE" {
		return "", "several versions are allowed: " + clip(v)
	}
	return v, ""
}

// gradle reads gradle.lockfile: group:artifact:version=configurations.
func (r *reader) gradle() {
	for n, text := range r.lines() {
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' || strings.HasPrefix(text, "empty=") {
			continue
		}
		name, _, ok := strings.Cut(text, "=")
		parts := strings.Split(name, ":")
		if !ok || len(parts) != 3 {
			r.fail(normalize.ReasonSyntax, "not a gradle.lockfile: line %d is not GROUP:ARTIFACT:VERSION=CONFIGURATIONS", n)
			return
		}
		r.add(pkg{typ: "maven", namespace: parts[0], name: parts[1], version: parts[2], line: n})
	}
}
