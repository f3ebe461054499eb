package cyclonedx

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
	"sluice/normalize/lenient"
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
	supplied := false
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
		case "supplier":
			supplied = b.entityName() != ""
		case "hashes":
			b.checkWords(r.Pass(lenient.ShapeObjects), pointer+"/hashes", `"alg"`, algorithms, "unknown-algorithm", "no algorithm of a hash")
		case "externalReferences":
			b.checkWords(r.Pass(lenient.ShapeObjects), pointer+"/externalReferences", `"type"`, referenceTypes, "unknown-reference-type", "no type of an external reference")
		default:
			r.Pass(shapeOf(r.Name()))
		}
	}
	if r.Failed() {
		return c
	}
	if supplied {
		b.doc.Stated.Suppliers++
	}
	if !c.Versioned() && c.Type != "file" && c.Type != "data" && !b.doc.Enough(missingVersion) {
		b.doc.Warn(missingVersion, pointer, "a component without a version")
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

// missingVersion is the code for a component whose version nobody knows: it can be matched by
// records that cover every version only.
const missingVersion = "missing-component-version"

var referenceTypes = words("vcs", "issue-tracker", "website", "advisories", "bom", "mailing-list", "social", "chat", "documentation",
	"support", "source-distribution", "distribution", "distribution-intake", "license", "build-meta", "build-system", "release-notes",
	"security-contact", "model-card", "log", "configuration", "evidence", "formulation", "attestation", "threat-model", "adversary-model",
	"risk-assessment", "vulnerability-assertion", "exploitability-statement", "pentest-report", "static-analysis-report",
	"dynamic-analysis-report", "runtime-analysis-report", "component-analysis-report", "maturity-report", "certification-report",
	"codified-infrastructure", "quality-metrics", "poam", "electronic-signature", "digital-signature", "rfc-9116", "patent",
	"patent-family", "patent-assertion", "citation", "other")

// checkWords looks for words of an enumeration in a list that is not read: key is the member's
// name in quotes, which can stand for nothing else there. Only what is unknown is looked at closer.
func (b *bom) checkWords(raw []byte, pointer, key string, known map[string]string, code, message string) {
	for {
		i := bytes.Index(raw, []byte(key))
		if i < 0 {
			return
		}
		raw = raw[i+len(key):]
		value := bytes.TrimLeft(raw, " \t\r\n:")
		if len(value) == 0 || value[0] != '"' {
			continue // of another type
		}
		end := bytes.IndexByte(value[1:], '"')
		if end < 0 {
			return
		}
		if _, ok := known[string(value[1:1+end])]; !ok && !b.doc.Enough(code) {
			b.doc.Warn(code, pointer, "%.60q is %s", value[1:1+end], message)
		}
	}
}

// shapeOf says what a member of a component should be that is not read.
func shapeOf(name []byte) lenient.Shape {
	switch string(name) {
	case "author", "publisher", "description", "copyright", "mime-type":
		return lenient.ShapeText
	case "manufacturer", "swid", "pedigree", "evidence", "releaseNotes", "modelCard", "cryptoProperties":
		return lenient.ShapeObject
	case "licenses", "authors", "data":
		return lenient.ShapeObjects
	case "tags", "omniborId", "swhid":
		return lenient.ShapeTexts
	case "modified", "isExternal":
		return lenient.ShapeBool
	}
	return lenient.Any
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
