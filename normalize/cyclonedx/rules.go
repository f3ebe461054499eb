package cyclonedx

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

//go:embed rules.txt
var rulesText string

// ruleBook are the rules that readers begin with.
type ruleBook struct {
	bom, component                           *object
	hashes, licenses, properties, references *member // of a component
	flow                                     *enum   // of the data of services
}

var rules = sync.OnceValue(func() *ruleBook {
	objects := parseRules(rulesText)
	for i, name := range []string{"hash", "property", "externalReference"} {
		objects[name].repeats = i + 1
	}
	objects["property"].is = aProperty
	objects["licenseChoice-choice"].is = aLicense
	bom, component := objects["bom"], objects["component"]
	// These are read component by component.
	objects["metadata"].member("component").value = value{any: true}
	return &ruleBook{
		bom: bom, component: component, hashes: component.member("hashes"), licenses: component.member("licenses"),
		properties: component.member("properties"), references: component.member("externalReferences"),
		flow: objects["serviceData"].member("flow").enum,
	}
})

// member panics where there is none.
func (o *object) member(name string) *member { return &o.members[o.find([]byte(name))] }

// object says what an object of CycloneDX may hold.
type object struct {
	members  []member
	at       map[string]int // index of a member by its name, where there are many
	required uint64         // of members, by index
	open     bool           // other members may be there
	choices  []choice
	is       special
	repeats  int // which template it has, 0 for none
}

// special says that somebody wants to know what an object holds.
type special byte

const (
	nothingSpecial special = iota
	aProperty              // walk.properties takes it
	aLicense               // or an expression: walk counts them
)

type member struct {
	name []byte
	value
}

// enum is a list of words.
type enum struct {
	words [][]string // by their lengths
	code  string     // of the warning about any other
	what  string
}

func (e *enum) has(word []byte) bool {
	if len(word) < len(e.words) {
		for _, w := range e.words[len(word)] {
			if w == string(word) {
				return true
			}
		}
	}
	return false
}

// enumCodes are the codes of enums that have one of their own, and what the word should be.
var enumCodes = map[string][2]string{
	"hash-alg":               {"unknown-algorithm", "algorithm of a hash"},
	"externalReference.type": {"unknown-reference-type", "type of an external reference"},
	"component.type":         {"unknown-type", "component type"},
	"component.scope":        {"unknown-scope", "scope"},
	"affectedStatus":         {"unknown-status", "status of a version"},
	"impactAnalysisState":    {"unknown-state", "state of an analysis"},
}

// choice says how many of some members may be there.
type choice struct {
	members uint64
	least   int
	most    int
	names   []string
}

// value says what a value may be. What is zero is not said.
type value struct {
	any      bool
	text     bool
	notEmpty bool
	checked  bool // the text: it is one of an enum, has a form, or is not empty
	number   bool
	whole    bool
	low      float64
	high     float64
	truth    bool
	enum     *enum
	form     *form
	object   *object
	item     *value
}

// guess is the index of the member whose name begins in src, the one after before or one of few; -1 where it
// is another.
func (o *object) guess(src []byte, before int) int {
	n := len(o.members)
	if n > 6 {
		n = 2
	}
	for i := range n {
		at := before + 1 + i
		if at >= len(o.members) {
			at -= len(o.members)
		}
		if name := o.members[at].name; len(src) > len(name) && src[len(name)] == '"' && string(src[:len(name)]) == string(name) {
			return at
		}
	}
	return -1
}

func (o *object) find(name []byte) int {
	if o.at != nil {
		if i, ok := o.at[string(name)]; ok {
			return i
		}
		return -1
	}
	for i := range o.members {
		if string(o.members[i].name) == string(name) {
			return i
		}
	}
	return -1
}

// parseRules panics where the text, which is compiled in, is not what its head says.
func parseRules(text string) map[string]*object {
	objects, enums := map[string]*object{}, map[string]*enum{}
	lines := strings.Split(text, "\n")
	get := func(name string) *object {
		if objects[name] == nil {
			objects[name] = &object{}
		}
		return objects[name]
	}
	for _, line := range lines {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "enum" {
			e := &enum{code: unknownValue, what: "value that CycloneDX has here"}
			if own, ok := enumCodes[f[1]]; ok {
				e.code, e.what = own[0], own[1]
			}
			for _, w := range f[2:] {
				for len(e.words) <= len(w) {
					e.words = append(e.words, nil)
				}
				e.words[len(w)] = append(e.words[len(w)], w)
			}
			enums[f[1]] = e
		}
	}
	var o *object
	for _, line := range lines {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] == "#" || f[0] == "enum":
		case f[0] == "object":
			o = get(f[1])
			o.open = len(f) > 2
		case f[0] == "-":
			o.choices = append(o.choices, parseChoice(o, f[1], f[2:]))
		default:
			name, required := strings.CutSuffix(f[0], "!")
			if required {
				o.required |= 1 << len(o.members)
			}
			o.members = append(o.members, member{[]byte(name), parseValue(f[1], get, enums)})
		}
	}
	for name, o := range objects {
		if len(o.members) == 0 || len(o.members) > 64 {
			panic(fmt.Sprintf("rules.txt: object %s has %d members", name, len(o.members)))
		}
		if len(o.members) > 6 {
			o.at = make(map[string]int, len(o.members))
			for i := range o.members {
				o.at[string(o.members[i].name)] = i
			}
		}
	}
	return objects
}

func parseChoice(o *object, word string, names []string) choice {
	c := choice{names: names, most: len(names)}
	for _, name := range names {
		i := slices.IndexFunc(o.members, func(m member) bool { return string(m.name) == name })
		if i < 0 {
			panic("rules.txt: no member " + name)
		}
		c.members |= 1 << i
	}
	if word == "one" || word == "any" {
		c.least = 1
	}
	if word == "one" || word == "most" {
		c.most = 1
	}
	return c
}

func parseValue(text string, get func(string) *object, enums map[string]*enum) value {
	v := value{low: math.Inf(-1), high: math.Inf(1)}
	for text != "" {
		end, depth := 0, 0
		for end < len(text) && (text[end] != '|' || depth > 0) {
			switch text[end] {
			case '[':
				depth++
			case ']':
				depth--
			}
			end++
		}
		word := text[:end]
		text = strings.TrimPrefix(text[end:], "|")
		switch {
		case word == "any":
			v.any = true
		case word == "text" || word == "text+":
			v.text, v.notEmpty = true, word == "text+"
		case word == "bool":
			v.truth = true
		case strings.HasPrefix(word, "["):
			item := parseValue(word[1:len(word)-1], get, enums)
			v.item = &item
		case word[0] == '=':
			v.text, v.enum = true, enums[word[1:]]
			if v.enum == nil {
				panic("rules.txt: no enum " + word)
			}
		case word[0] == '~':
			v.text, v.form = true, forms[word[1:]]
			if v.form == nil {
				panic("rules.txt: no form " + word)
			}
		case strings.HasPrefix(word, "int") || strings.HasPrefix(word, "number"):
			v.number, v.whole = true, word[0] == 'i'
			bounds := strings.TrimLeft(word, "intumber")
			if low, ok := strings.CutPrefix(bounds, ">="); ok {
				low, bounds, _ = strings.Cut(low, "<=")
				v.low = bound(low)
				if bounds != "" {
					v.high = bound(bounds)
				}
			} else if high, ok := strings.CutPrefix(bounds, "<="); ok {
				v.high = bound(high)
			}
		default:
			v.object = get(word)
		}
	}
	v.checked = v.enum != nil || v.form != nil || v.notEmpty
	return v
}

func bound(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic("rules.txt: " + s)
	}
	return f
}

// fits reports whether a text says what it may.
func (v *value) fits(text []byte) bool {
	if v.enum != nil {
		return v.enum.has(text)
	}
	return (len(text) > 0 || !v.notEmpty) && (v.form == nil || v.form.is(text))
}

// takes reports whether a value of this kind can be one.
func (v *value) takes(k jsontext.Kind) bool {
	switch k {
	case jsontext.KindString:
		return v.text
	case jsontext.KindNumber:
		return v.number
	case jsontext.KindTrue, jsontext.KindFalse:
		return v.truth
	case jsontext.KindBeginObject:
		return v.object != nil
	case jsontext.KindBeginArray:
		return v.item != nil
	}
	return false
}

// kind is what a value should be, for people: that of lists as far as their elements.
func (v *value) kind() string {
	switch {
	case v.item != nil && v.item.object != nil:
		return "an array of objects"
	case v.item != nil && v.item.text:
		return "an array of strings"
	case v.item != nil:
		return "an array"
	case v.object != nil:
		return "an object"
	case v.truth:
		return "true or false"
	case v.whole:
		return "a whole number"
	case v.number:
		return "a number"
	}
	return "a string"
}
