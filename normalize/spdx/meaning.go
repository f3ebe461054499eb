package spdx

import (
	"bytes"
	"strings"

	"sluice/normalize"
)

// meaning is what does not count when documents of SPDX 2 are compared, in all notations.
var meaning = &normalize.Meaning{Volatile: Volatile, Sets: Sets, Times: times, Form: compared}

// Volatile lists the members that change with every run of a generator although the
// document means the same, and the one that only JSON has.
var Volatile = []string{"/documentNamespace", "/creationInfo/created", "/$schema"}

// Sets lists the arrays that are in no order. RDF, one of the notations, keeps none at all.
var Sets = func() map[string]string {
	all := map[string]string{}
	for name := range lists {
		all[name] = ""
	}
	return all
}()

// times lists the members that hold a time.
var times = map[string]bool{
	"annotationDate": true, "reviewDate": true, "releaseDate": true, "builtDate": true, "validUntilDate": true, "timestamp": true,
}

// compared is the form of a document that is compared. SPDX can say one thing in several
// ways, and each notation has its own favourite:
//
//   - that the document describes something, and a package has a file, as a relationship, as
//     its inverse, or as a member (documentDescribes, hasFiles)
//   - that nothing is said, as NOASSERTION, as an empty text or list, or not at all; that
//     files were analysed, which is so where nothing is said
//   - an enumeration's word with - or _, a type of reference by its name or whole IRI
//   - a licence expression with its operands in any order, and with more parentheses
//   - a text with white space around it
//
// A document inside of GitHub's wrapper is compared without it.
func compared(json []byte) []byte {
	f := &twin{rewriter: rewriter{b: json, out: make([]byte, 0, len(json)+64), ok: true}, explicit: map[string]bool{}}
	f.special = f.member
	f.space()
	if !f.open('{') {
		return json
	}
	f.out = append(f.out, '{')
	f.document()
	if f.space(); !f.ok || f.at != len(f.b) {
		return json // whatever is wrong with it is said by who reads it as it is
	}
	f.out = append(f.out, '}')
	return f.out
}

// twin writes the form of an SPDX 2 document that is compared.
type twin struct {
	rewriter
	id            []byte // SPDXID of the document
	relationships []byte
	explicit      map[string]bool // describes and contains that were written as relationships
	implied       []pair
}

// pair says that from contains or, where it is nil, that the document describes to.
type pair struct{ from, to []byte }

// document writes the members of the document and, at the end, its relationships.
func (f *twin) document() {
	wrapped := false
	f.members(func(name []byte) {
		switch string(name) {
		case wrapper[1:]:
			if f.peek() == '{' && !wrapped {
				wrapped = true
				f.open('{')
				f.document()
				return
			}
			f.member0(name)
		case "SPDXID":
			f.id = f.peekText()
			f.member0(name)
		case "documentDescribes":
			f.each(func() {
				f.implied = append(f.implied, pair{nil, f.peekText()})
				f.skip()
			})
		case "packages":
			f.name(name)
			f.out = append(f.out, '[')
			start := len(f.out)
			f.each(func() {
				if len(f.out) > start {
					f.out = append(f.out, ',')
				}
				f.pkg()
			})
			f.out = append(f.out, ']')
		case "relationships":
			f.each(f.relationship)
		default:
			f.member0(name)
		}
	})
	if wrapped || !f.ok {
		return
	}
	id := string(f.id)
	if id == "" {
		id = usualID
	}
	for _, p := range f.implied {
		kind := "CONTAINS"
		if p.from == nil {
			p.from, kind = []byte(id), "DESCRIBES"
		}
		f.relate(p.from, kind, p.to, nil)
	}
	if len(f.relationships) > 0 {
		f.name([]byte("relationships"))
		f.out = append(append(append(f.out, '['), f.relationships...), ']')
	}
}

// pkg writes a package without its files.
func (f *twin) pkg() {
	if f.peek() != '{' {
		f.value(nil)
		return
	}
	f.open('{')
	f.out = append(f.out, '{')
	var id []byte
	first := len(f.implied)
	f.members(func(name []byte) {
		switch string(name) {
		case "hasFiles":
			f.each(func() {
				f.implied = append(f.implied, pair{[]byte{}, f.peekText()})
				f.skip()
			})
		case "SPDXID":
			id = f.peekText()
			f.member0(name)
		default:
			f.member0(name)
		}
	})
	for i := first; i < len(f.implied); i++ {
		f.implied[i].from = id
		if id == nil {
			f.implied[i].from = []byte{}
		}
	}
	f.out = append(f.out, '}')
}

// relationship writes one relationship.
func (f *twin) relationship() {
	if f.peek() != '{' {
		f.skip()
		return
	}
	f.open('{')
	var from, to, kind []byte
	mark := len(f.out)
	rest := len(f.out)
	f.members(func(name []byte) {
		switch string(name) {
		case "spdxElementId":
			from = f.peekText()
			f.skip()
		case "relatedSpdxElement":
			to = f.peekText()
			f.skip()
		case "relationshipType":
			kind = f.peekText()
			f.skip()
		default:
			f.member0(name)
		}
	})
	other := bytes.Clone(f.out[rest:])
	f.out = f.out[:mark]
	word := strings.ReplaceAll(strings.ToUpper(string(kind)), "-", "_")
	switch word {
	case "DESCRIBED_BY":
		word, from, to = "DESCRIBES", to, from
	case "CONTAINED_BY":
		word, from, to = "CONTAINS", to, from
	}
	f.relate(from, word, to, other)
}

// relate adds a relationship, one without more to it only once.
func (f *twin) relate(from []byte, kind string, to, other []byte) {
	if kind == "DESCRIBES" || kind == "CONTAINS" {
		key := string(from) + " " + kind + " " + string(to)
		if len(other) == 0 && f.explicit[key] {
			return
		}
		f.explicit[key] = true
	}
	if len(f.relationships) > 0 {
		f.relationships = append(f.relationships, ',')
	}
	b := append(f.relationships, `{"spdxElementId":"`...)
	b = append(append(b, from...), `","relationshipType":"`...)
	b = append(appendText(b[:len(b)-1], []byte(kind)), `,"relatedSpdxElement":"`...)
	b = append(append(b, to...), '"')
	if len(other) > 0 {
		if other[0] != ',' {
			b = append(b, ',')
		}
		b = append(b, other...)
	}
	f.relationships = append(b, '}')
}

// member writes the texts whose members have forms of their own. The text is as it stands
// in JSON, without its quotes.
func (f *twin) member(name, text []byte) []byte {
	if bytes.IndexByte(text, '\\') >= 0 && string(name) != "referenceType" {
		return text // an escape in capitals is none
	}
	switch string(name) {
	case "licenseConcluded", "licenseDeclared", "licenseInfoFromFiles", "licenseInfoInFiles", "licenseInfoInSnippets":
		return sortedLicense(text)
	case "referenceType":
		return text[bytes.LastIndexAny(text, "/#")+1:]
	case "referenceCategory", "primaryPackagePurpose":
		return bytes.ReplaceAll(bytes.ToUpper(text), []byte("_"), []byte("-"))
	case "algorithm":
		return bytes.ReplaceAll(bytes.ToUpper(text), []byte("_"), []byte("-"))
	case "checksumValue", "packageVerificationCodeValue":
		return bytes.ToLower(text)
	case "supplier", "originator", "annotator", "reviewer", "creators":
		return bytes.TrimRight(bytes.TrimSuffix(text, []byte("()")), " ")
	}
	return text
}
