package cyclonedx

import (
	"sluice/normalize"
	"sluice/normalize/lenient"
)

// Details implements [normalize.Detailer].
func (f JSON) Details(in normalize.Input) (*normalize.Details, error) {
	doc, err := f.Normalize(in)
	if err != nil {
		return nil, err
	}
	d := &details{
		r:    lenient.New(in.Bytes, "", nil),
		out:  &normalize.Details{Document: doc, Tools: doc.Tools},
		refs: make(map[string]string),
	}
	d.read()
	return d.out, d.r.Err()
}

// details is the state of the pass over a document that takes what Normalize leaves.
type details struct {
	r    *lenient.Reader
	out  *normalize.Details
	refs map[string]string // every bom-ref, once
	// dependencies refer to components that may come after them: they are read at the end.
	dependencies []byte
	parents      []int // of the components, by their place in the list
	taken        int   // edges, licences, hashes, references, names
}

func (d *details) read() {
	r := d.r
	for ok := r.Object(); ok && r.Member(); {
		switch name := string(r.Name()); name {
		case "$schema", "bomFormat", "specVersion", "serialNumber", "version":
			r.Skip()
		case "metadata":
			d.metadata()
		case "components":
			d.components("/components", noComponent)
		case "services":
			d.services("/services")
		case "dependencies":
			d.dependencies = r.Raw()
		default:
			d.other(name)
		}
	}
	r.End()
	d.nesting()
	d.edges()
	// The main component comes first, wherever the metadata stand.
	for i := range d.out.Components {
		if d.out.Components[i].Pointer == mainPointer {
			main := d.out.Components[i]
			copy(d.out.Components[1:i+1], d.out.Components[:i])
			d.out.Components[0] = main
			break
		}
	}
}

// mainPointer is where the main component is.
const mainPointer = "/metadata/component"

// take counts one more thing that is kept.
func (d *details) take() bool {
	if d.taken++; d.taken > normalize.MaxDetails {
		d.r.Fail(normalize.Park(normalize.ReasonTooMany, "", "more than %d licences, hashes, references and dependencies", normalize.MaxDetails))
		return false
	}
	return true
}

// other counts what the next value holds.
func (d *details) other(name string) {
	n := 1
	if d.r.IsArray() {
		n = 0
		if d.r.Array() {
			for ; d.r.Element(); n++ {
				d.r.Skip()
			}
		}
	} else if d.r.IsNull() {
		n = 0
		d.r.Skip()
	} else {
		d.r.Skip()
	}
	if n == 0 {
		return
	}
	if d.out.Other == nil {
		d.out.Other = make(map[string]int)
	}
	if len(d.out.Other) < 1000 {
		d.out.Other[name] += n
	}
}

func (d *details) metadata() {
	r := d.r
	var supplier, manufacturer string
	for ok := r.Object(); ok && r.Member(); {
		switch name := string(r.Name()); name {
		case "timestamp", "tools":
			r.Skip()
		case "authors":
			for ok := r.Array(); ok && r.Element(); {
				if author := d.entity(); author != "" && d.take() {
					d.out.Authors = append(d.out.Authors, author)
				}
			}
		case "supplier":
			supplier = d.entity()
		case "manufacturer": // who made the document; "manufacture" made what it describes
			manufacturer = d.entity()
		case "licenses":
			d.out.Licenses = d.licenses(nil)
		case "component":
			if !r.IsObject() {
				r.Skip()
				continue
			}
			d.component(mainPointer, noComponent)
		default:
			d.other("metadata." + name)
		}
	}
	d.out.Supplier = supplier
	if manufacturer != "" && len(d.out.Authors) == 0 {
		d.out.Authors = append(d.out.Authors, manufacturer)
	}
}

// entity reads an organization or a contact: its name, else its first URL or mail address.
func (d *details) entity() string {
	r := d.r
	if !r.IsObject() {
		return r.Text()
	}
	var name, instead string
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "name":
			name = r.Text()
		case "email":
			instead = r.Text()
		case "url":
			if urls := r.Texts(); len(urls) > 0 {
				instead = urls[0]
			}
		default:
			r.Skip()
		}
	}
	if name == "" {
		return instead
	}
	return name
}

func (d *details) components(pointer string, parent int) {
	r := d.r
	for i, ok := 0, r.Array(); ok && r.Element(); i++ {
		if !r.IsObject() {
			r.Skip()
			continue
		}
		d.component(at(pointer, i), parent)
	}
}

// component reads one component and those inside of it, which come after it.
func (d *details) component(pointer string, parent int) {
	r := d.r
	index := len(d.out.Components)
	c := normalize.ComponentDetails{Pointer: pointer}
	if parent != noComponent {
		c.Parent = d.out.Components[parent].Pointer
	}
	d.out.Components = append(d.out.Components, c)
	d.parents = append(d.parents, parent)
	var author, manufacturer, publisher string
	for ok := r.Object(); ok && r.Member(); {
		switch name := string(r.Name()); name {
		case "bom-ref":
			c.Ref = d.ref(r.Bytes())
		case "type", "mime-type", "group", "name", "version", "purl", "cpe", "scope":
			r.Skip()
		case "supplier":
			c.Supplier = d.entity()
		case "author":
			author = r.Text()
		case "authors":
			for ok := r.Array(); ok && r.Element(); {
				if name := d.entity(); author == "" {
					author = name
				}
			}
		case "manufacturer":
			manufacturer = d.entity()
		case "publisher":
			publisher = r.Text()
		case "description":
			c.Description = r.Text()
		case "copyright":
			c.Copyright = r.Text()
		case "licenses":
			c.Licenses = d.licenses(nil)
		case "hashes":
			c.Hashes = d.hashes()
		case "externalReferences":
			c.References = d.references()
		case "components":
			d.components(pointer+"/components", index)
		default:
			if raw := r.Raw(); !empty(raw) && d.take() {
				c.Other = append(c.Other, known(name))
			}
		}
	}
	for _, name := range []string{author, manufacturer, publisher} {
		if c.Author == "" {
			c.Author = name
		}
	}
	d.out.Components[index] = c
	if pointer == mainPointer && c.Ref != "" {
		d.out.Roots = append(d.out.Roots, c.Ref)
	}
}

// empty reports whether a value says nothing.
func empty(raw []byte) bool {
	switch string(raw) {
	case "null", "[]", "{}", `""`, "":
		return true
	}
	return false
}

// names of members, so that a hundred thousand components do not hold as many copies.
var names = words("properties", "evidence", "pedigree", "swid", "omniborId", "swhid", "modified", "modelCard", "data",
	"cryptoProperties", "releaseNotes", "signature", "tags", "isExternal", "versionRange", "patentAssertions")

func known(name string) string {
	if n, ok := names[name]; ok {
		return n
	}
	return name
}

// ref is a bom-ref, of which there is one copy however often it is referred to.
func (d *details) ref(raw []byte) string {
	if len(raw) == 0 {
		return ""
	}
	if s, ok := d.refs[string(raw)]; ok {
		return s
	}
	s := string(raw)
	d.refs[s] = s
	return s
}

func (d *details) licenses(list []normalize.License) []normalize.License {
	r := d.r
	for ok := r.List(); ok && r.Element(); {
		if !r.IsObject() {
			// Some write the name alone.
			if name := r.Text(); name != "" && d.take() {
				list = append(list, normalize.License{Name: name})
			}
			continue
		}
		var l normalize.License
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "expression":
				l.Expression = r.Text()
			case "acknowledgement":
				l.Concluded = r.Text() == "concluded"
			case "license":
				if !r.IsObject() {
					l.Name = r.Text()
					continue
				}
				for ok := r.Object(); ok && r.Member(); {
					switch string(r.Name()) {
					case "id":
						l.ID = r.Text()
					case "name":
						l.Name = r.Text()
					case "url":
						l.URL = r.Text()
					case "acknowledgement":
						l.Concluded = r.Text() == "concluded"
					default:
						r.Skip()
					}
				}
			default:
				r.Skip()
			}
		}
		switch {
		case l.ID != "":
			l.Name, l.Expression = "", ""
		case l.Expression != "":
			l.Name = ""
		case l.Name == "":
			continue
		}
		if d.take() {
			list = append(list, l)
		}
	}
	return list
}

func (d *details) hashes() (list []normalize.Hash) {
	r := d.r
	for ok := r.Array(); ok && r.Element(); {
		var h normalize.Hash
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "alg":
				h.Algorithm = algorithm(r.Bytes())
			case "content":
				h.Value = r.Text()
			default:
				r.Skip()
			}
		}
		if h.Value != "" && d.take() {
			list = append(list, h)
		}
	}
	return list
}

var algorithms = words("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512",
	"BLAKE2b-256", "BLAKE2b-384", "BLAKE2b-512", "BLAKE3", "Streebog-256", "Streebog-512")

func algorithm(raw []byte) string {
	if a, ok := algorithms[string(raw)]; ok {
		return a
	}
	return string(raw)
}

func (d *details) references() (list []normalize.Reference) {
	r := d.r
	for ok := r.Array(); ok && r.Element(); {
		var ref normalize.Reference
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "type":
				ref.Type = r.Text()
			case "url":
				ref.URL = r.Text()
			case "comment":
				ref.Comment = r.Text()
			default:
				r.Skip()
			}
		}
		if ref.URL != "" && d.take() {
			list = append(list, ref)
		}
	}
	return list
}

func (d *details) services(pointer string) {
	r := d.r
	for i, ok := 0, r.Array(); ok && r.Element(); i++ {
		s := normalize.Service{Pointer: at(pointer, i)}
		index := len(d.out.Services)
		if !r.IsObject() || !d.take() {
			r.Skip()
			continue
		}
		d.out.Services = append(d.out.Services, s)
		for ok := r.Object(); ok && r.Member(); {
			switch name := string(r.Name()); name {
			case "bom-ref":
				s.Ref = d.ref(r.Bytes())
			case "group":
				s.Group = r.Text()
			case "name":
				s.Name = r.Text()
			case "version":
				s.Version = r.Text()
			case "provider":
				s.Provider = d.entity()
			case "endpoints":
				s.Endpoints = r.Texts()
			case "services":
				d.services(s.Pointer + "/services")
			default:
				if raw := r.Raw(); !empty(raw) && d.take() {
					s.Other = append(s.Other, known(name))
				}
			}
		}
		d.out.Services[index] = s
	}
}

// nesting makes an edge of each component inside of another. The bom-ref of the outer one may
// stand behind its components, so this waits for the end.
func (d *details) nesting() {
	for i, parent := range d.parents {
		if parent == noComponent {
			continue
		}
		if from, to := d.out.Components[parent].Ref, d.out.Components[i].Ref; from != "" && to != "" && d.take() {
			d.out.Edges = append(d.out.Edges, normalize.Edge{From: from, To: to, Kind: normalize.Contains})
		}
	}
}

// edges reads the dependencies, of which those count whose ends the document defines.
func (d *details) edges() {
	if d.dependencies == nil || d.r.Failed() {
		return
	}
	outer := d.r
	r := lenient.New(d.dependencies, "/dependencies", nil)
	d.r = r
	related := make(map[string]bool)
	for ok := r.Array(); ok && r.Element(); {
		var from string
		var to, provides [][]byte
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "ref":
				from = d.refs[string(r.Bytes())]
			case "dependsOn":
				to = d.targets(to)
			case "provides":
				provides = d.targets(provides)
			default:
				r.Skip()
			}
		}
		if from == "" {
			continue
		}
		related[from] = true
		d.connect(from, to, normalize.DependsOn)
		d.connect(from, provides, normalize.Provides)
	}
	for i := range d.out.Components {
		c := &d.out.Components[i]
		c.Related = c.Ref != "" && related[c.Ref]
	}
	if err := r.Err(); err != nil {
		outer.Fail(err)
	}
	d.r = outer
}

func (d *details) targets(list [][]byte) [][]byte {
	for ok := d.r.List(); ok && d.r.Element(); {
		if ref := d.r.Bytes(); len(ref) > 0 {
			list = append(list, ref)
		}
	}
	return list
}

func (d *details) connect(from string, to [][]byte, kind string) {
	for _, ref := range to {
		if ref, ok := d.refs[string(ref)]; ok && d.take() {
			d.out.Edges = append(d.out.Edges, normalize.Edge{From: from, To: ref, Kind: kind})
		}
	}
}
