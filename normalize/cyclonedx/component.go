package cyclonedx

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// words maps each word of an enumeration to itself, so that reading it a hundred
// thousand times does not make a hundred thousand copies.
func words(list ...string) map[string]string {
	m := make(map[string]string, len(list))
	for _, w := range list {
		m[w] = w
	}
	return m
}

var (
	componentTypes = words("application", "framework", "library", "container", "platform", "operating-system",
		"device", "device-driver", "firmware", "file", "machine-learning-model", "data", "cryptographic-asset")
	scopes = words("required", "optional", "excluded")
)

// components reads an array of components, nested ones included, a component
// before what is inside of it.
func (b *bom) components(pointer string) {
	r := b.r
	if r.Depth() > b.limits.MaxDepth {
		b.tooDeep()
		return
	}
	for i, ok := 0, r.Array(); ok && r.Element(); i++ {
		if !r.IsObject() {
			r.Object() // warns
			continue
		}
		index := len(b.doc.Components)
		if index >= b.limits.MaxComponents {
			r.Fail(normalize.Park(normalize.ReasonTooMany, at(pointer, i),
				"more than %d components: split the document or raise the limit", b.limits.MaxComponents))
			return
		}
		b.doc.Components = append(b.doc.Components, normalize.Component{})
		c := b.component(at(pointer, i))
		b.doc.Components[index] = c
		if c.Ref == "" {
			continue
		}
		if first, taken := b.refs[c.Ref]; taken {
			if first == noComponent || b.doc.Components[first].Purl != c.Purl {
				if b.doubtful == nil {
					b.doubtful = make(map[string]bool)
				}
				b.doubtful[c.Ref] = true
			}
			b.doc.Warn("duplicate-ref", c.Pointer+"/bom-ref", "%.200q is the bom-ref of another component too", c.Ref)
			continue
		}
		b.refs[c.Ref] = index
	}
}

// component reads one component. Pedigree, evidence and the like are passed over:
// an ancestor is not part of what the SBOM describes.
func (b *bom) component(pointer string) normalize.Component {
	r := b.r
	c := normalize.Component{Pointer: pointer}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "bom-ref":
			c.Ref = string(r.Bytes())
		case "type":
			raw := r.Bytes()
			known, ok := componentTypes[string(raw)]
			if !ok && len(raw) > 0 {
				known = string(raw)
				b.doc.Warn("unknown-type", pointer+"/type", "%.60q is no component type", raw)
			}
			c.Type = known
		case "group":
			c.Group = r.Text()
		case "name":
			c.Name = r.Text()
		case "version":
			c.Version = r.Text()
		case "purl":
			c.Purl = r.Text()
		case "cpe":
			c.CPE = r.Text()
		case "scope":
			raw := r.Bytes()
			known, ok := scopes[string(raw)]
			if !ok && len(raw) > 0 {
				b.doc.Warn("unknown-scope", pointer+"/scope", "%.60q is no scope", raw)
			}
			c.Scope = known
		case "components":
			b.components(pointer + "/components")
		case "properties":
			b.properties(&c)
		default:
			r.Skip()
		}
	}
	if r.Failed() {
		return c
	}
	if c.Name == "" {
		b.doc.Warn("missing-name", pointer, "a component without a name")
	}
	if c.Purl != "" {
		if problem := purl.Problem(c.Purl); problem != "" {
			b.doc.Warn("invalid-purl", pointer+"/purl", "%.200q %s", c.Purl, problem)
		}
	}
	return c
}

// properties takes what Trivy and Syft write about the source package beside the purl, or
// instead of its upstream qualifier. Anybody may write anything there: what is no text is
// passed over without a warning.
func (b *bom) properties(c *normalize.Component) {
	r := b.r
	if !r.IsArray() {
		r.Skip()
		return
	}
	var epoch, version, release, rpm string
	for ok := r.Array(); ok && r.Element(); {
		if !r.IsObject() {
			r.Skip()
			continue
		}
		var name, value jsontext.Value
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "name":
				name = r.Raw()
			case "value":
				value = r.Raw()
			default:
				r.Skip()
			}
		}
		switch string(name) {
		case `"aquasecurity:trivy:SrcName"`, `"syft:metadata:source"`, `"syft:metadata:originPackage"`:
			c.Source = unquoted(value)
		case `"aquasecurity:trivy:SrcVersion"`, `"syft:metadata:sourceVersion"`:
			version = unquoted(value)
		case `"aquasecurity:trivy:SrcRelease"`:
			release = unquoted(value)
		case `"aquasecurity:trivy:SrcEpoch"`:
			epoch = unquoted(value)
		case `"syft:metadata:sourceRpm"`:
			rpm = unquoted(value)
		case `"aquasecurity:trivy:Modularitylabel"`, `"aquasecurity:trivy:ModularityLabel"`, `"syft:metadata:modularityLabel"`:
			c.Module = unquoted(value)
		}
	}
	if c.Source == "" {
		c.Source = rpm // a file name, of which the name is a part
		return
	}
	if c.SourceVersion = version; version == "" {
		return
	}
	if release != "" {
		c.SourceVersion += "-" + release
	}
	if epoch != "" && epoch != "0" && !strings.Contains(version, ":") {
		c.SourceVersion = epoch + ":" + c.SourceVersion
	}
}

// unquoted is the text of a JSON string, "" of anything else.
func unquoted(v jsontext.Value) string {
	if v.Kind() != jsontext.KindString {
		return ""
	}
	b, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
