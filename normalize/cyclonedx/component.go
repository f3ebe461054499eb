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
	var supplied, typed, referred, ranged, external bool
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "bom-ref":
			c.Ref, referred = string(r.Bytes()), true
		case "type":
			raw := r.Bytes()
			typed = typed || len(raw) > 0
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
			b.properties(&c, pointer)
		case "supplier":
			supplied = b.entityName() != ""
		case "hashes":
			b.checkMember(b.rules.hashes, r.Raw(), pointer)
		case "externalReferences":
			b.checkMember(b.rules.references, r.Raw(), pointer)
		case "licenses":
			b.checkLicenses(r.Raw(), pointer)
		default:
			i := b.rules.component.find(r.Name())
			if i < 0 {
				r.Skip()
				if !b.doc.Enough(unknownMember) {
					b.doc.Warn(unknownMember, r.Pointer(), "a component of CycloneDX has no such member; it is kept in the original only")
				}
				continue
			}
			m := &b.rules.component.members[i]
			raw := r.Raw()
			b.checkMember(m, raw, pointer)
			switch string(m.name) {
			case "versionRange":
				ranged = true
			case "isExternal":
				external = string(raw) == "true"
			}
		}
	}
	if r.Failed() {
		return c
	}
	if supplied {
		b.doc.Stated.Suppliers++
	}
	b.complete(&c, typed, referred, ranged && (c.Version != "" || !external))
	if c.Purl != "" {
		if problem := purl.Problem(c.Purl); problem != "" {
			b.doc.Warn("invalid-purl", pointer+"/purl", "%.200q %s", c.Purl, problem)
		}
	}
	return c
}

// complete says what a component lacks, or has that does not go together.
func (b *bom) complete(c *normalize.Component, typed, referred, misranged bool) {
	if !c.Versioned() && c.Type != "file" && c.Type != "data" && !b.doc.Enough(missingVersion) {
		b.doc.Warn(missingVersion, c.Pointer, "a component without a version")
	}
	if !typed && !b.doc.Enough(missingMember) {
		b.doc.Warn(missingMember, c.Pointer+"/type", "a component without a type")
	}
	if referred && c.Ref == "" && !b.doc.Enough(invalidValue) {
		b.doc.Warn(invalidValue, c.Pointer+"/bom-ref", "this must not be empty")
	}
	if misranged {
		b.doc.Warn(conflictingMembers, c.Pointer+"/versionRange", "a range of versions is for a component that is external and has no version")
	}
	if c.Name == "" {
		b.doc.Warn("missing-name", c.Pointer, "a component without a name")
	}
}

// missingVersion is the code for a component whose version nobody knows: it can be matched by
// records that cover every version only.
const missingVersion = "missing-component-version"

// Codes of warnings about what the schema asks for.
const (
	wrongType          = "wrong-type"
	missingMember      = "missing-member"
	unknownMember      = "unknown-member"
	unknownValue       = "unknown-value"
	invalidValue       = "invalid-value"
	conflictingMembers = "conflicting-members"
)

// maxFine is how many different lists of licences are remembered, and fineBytes how long one is: most
// components have one of a few.
const maxFine, fineBytes = 1000, 300

// checkLicenses looks at a list of licences, unless the same one was in order before.
func (b *bom) checkLicenses(raw []byte, pointer string) {
	if _, fine := b.fine[string(raw)]; fine {
		return
	}
	if b.checkMember(b.rules.licenses, raw, pointer) && len(raw) <= fineBytes && len(b.fine) < maxFine && b.hasVersion {
		if b.fine == nil {
			b.fine = make(map[string]struct{})
		}
		b.fine[string(raw)] = struct{}{}
	}
}

// origins are what Trivy and Syft write in properties about the source package, beside the purl or
// instead of its upstream qualifier.
type origins struct {
	source, module, epoch, version, release, rpm string
}

// take looks at a property, of which the values are as they stand in the document.
func (o *origins) take(name, v []byte) {
	if len(name) < 20 {
		return
	}
	switch string(name) {
	case `"aquasecurity:trivy:SrcName"`, `"syft:metadata:source"`, `"syft:metadata:originPackage"`:
		o.source = unquoted(v)
	case `"aquasecurity:trivy:SrcVersion"`, `"syft:metadata:sourceVersion"`:
		o.version = unquoted(v)
	case `"aquasecurity:trivy:SrcRelease"`:
		o.release = unquoted(v)
	case `"aquasecurity:trivy:SrcEpoch"`:
		o.epoch = unquoted(v)
	case `"syft:metadata:sourceRpm"`:
		o.rpm = unquoted(v)
	case `"aquasecurity:trivy:Modularitylabel"`, `"aquasecurity:trivy:ModularityLabel"`, `"syft:metadata:modularityLabel"`:
		o.module = unquoted(v)
	}
}

// properties takes what they say about the source package.
func (b *bom) properties(c *normalize.Component, pointer string) {
	var o origins
	b.walk.properties = &o
	b.checkMember(b.rules.properties, b.r.Raw(), pointer)
	b.walk.properties = nil
	c.Source, c.Module = o.source, o.module
	if c.Source == "" {
		c.Source = o.rpm // a file name, of which the name is a part
		return
	}
	if c.SourceVersion = o.version; o.version == "" {
		return
	}
	if o.release != "" {
		c.SourceVersion += "-" + o.release
	}
	if o.epoch != "" && o.epoch != "0" && !strings.Contains(o.version, ":") {
		c.SourceVersion = o.epoch + ":" + c.SourceVersion
	}
}

// unquoted is the text of a JSON string, "" of anything else.
func unquoted(raw []byte) string {
	v := jsontext.Value(raw)
	if v.Kind() != jsontext.KindString {
		return ""
	}
	b, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
