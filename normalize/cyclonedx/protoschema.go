package cyclonedx

import (
	_ "embed"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// protoSchema says which JSON belongs to which field of the protobuf form. It is what both
// readers go by, that of the binary form and that of the text form.
//
//go:embed protoschema.txt
var protoSchema string

// kind is what a field holds.
type kind uint8

const (
	kindString kind = iota
	kindBool
	kindInt
	kindFloat  // 32 bits
	kindDouble // 64 bits
	kindTime   // google.protobuf.Timestamp, an RFC 3339 time in JSON
	kindDate   // the same, a date in JSON
	kindEnum
	kindMessage
	kindDependencies // a tree of messages, a list in JSON
	kindTools        // a list, or an object of components and services
)

// protoField is a field of a message.
type protoField struct {
	number   int
	name     string // in the text form
	json     string // the quoted name and a colon
	kind     kind
	list     bool
	always   bool // written even where it is absent
	whole    bool // the value stands for the message
	enum     *protoEnum
	message  *protoMessage
	isEntity bool // a component, of which there may be so many
}

// protoMessage is a message; its fields are in the order of their numbers.
type protoMessage struct {
	name     string
	fields   []protoField
	byNumber []int8 // index into fields, -1: there is none
	byName   map[string]int
	always   uint64 // bits of the fields that are always written
}

// field finds a field by its number; -1 where there is none.
func (m *protoMessage) field(number int) int {
	if number <= 0 || number >= len(m.byNumber) {
		return -1
	}
	return int(m.byNumber[number])
}

// protoEnum holds the words of JSON by number, "" where there is none.
type protoEnum struct {
	words  []string
	byName map[string]int // in the text form
}

// schema is the message Bom, with all that is inside of it.
var schema = sync.OnceValue(func() *protoMessage {
	bom, err := parseSchema(protoSchema)
	if err != nil {
		panic(err) // the file is compiled in; any test finds it
	}
	return bom
})

var kinds = map[string]kind{"string": kindString, "bool": kindBool, "int": kindInt, "float": kindFloat, "double": kindDouble, "time": kindTime, "date": kindDate}

func parseSchema(text string) (*protoMessage, error) {
	messages, enums := map[string]*protoMessage{}, map[string]*protoEnum{}
	message := func(name string) *protoMessage {
		if messages[name] == nil {
			messages[name] = &protoMessage{name: name, byName: map[string]int{}}
		}
		return messages[name]
	}
	var types []struct {
		m     *protoMessage
		index int
		name  string
	}
	var m *protoMessage
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#" || strings.HasPrefix(line, "#"):
		case words[0] == "message":
			m = message(words[1])
		case words[0] == "enum":
			enums[words[1]] = newProtoEnum(words[2], words[3:])
		default:
			number, err := strconv.Atoi(words[0])
			if err != nil || m == nil || len(words) != 3 && len(words) != 5 || len(m.fields) > 0 && m.fields[len(m.fields)-1].number >= number {
				return nil, fmt.Errorf("line %d: %s", n+1, line)
			}
			f := protoField{number: number, name: words[1], json: camel(words[1])}
			if len(words) == 5 {
				f.json = words[4]
			}
			f.json = strconv.Quote(f.json) + ":"
			typ := words[2]
			for ; strings.ContainsRune("*!~", rune(typ[0])); typ = typ[1:] {
				f.list = f.list || typ[0] == '*'
				f.always = f.always || typ[0] == '!'
				f.whole = f.whole || typ[0] == '~'
			}
			m.byName[f.name] = len(m.fields)
			types = append(types, struct {
				m     *protoMessage
				index int
				name  string
			}{m, len(m.fields), typ})
			m.fields = append(m.fields, f)
		}
	}
	for _, t := range types {
		f := &t.m.fields[t.index]
		var known bool
		switch f.kind, known = kinds[t.name]; {
		case known:
		case enums[t.name] != nil:
			f.kind, f.enum = kindEnum, enums[t.name]
		case t.name == "Dependency":
			f.kind, f.message = kindDependencies, message(t.name)
		case t.name == "Tools":
			f.kind, f.message = kindTools, message("Tool")
		default:
			f.kind, f.message, f.isEntity = kindMessage, message(t.name), t.name == "Component"
		}
	}
	for name, m := range messages {
		if len(m.fields) == 0 || len(m.fields) > bits.UintSize {
			return nil, fmt.Errorf("message %s has %d fields", name, len(m.fields))
		}
		m.byNumber = slices.Repeat([]int8{-1}, m.fields[len(m.fields)-1].number+1)
		for i := range m.fields {
			m.byNumber[m.fields[i].number] = int8(i)
			if m.fields[i].always {
				m.always |= 1 << i
			}
		}
	}
	return message("Bom"), nil
}

// newProtoEnum reads the words of an enum. The value 0 without a word is called NULL or
// UNSPECIFIED in the text form.
func newProtoEnum(prefix string, words []string) *protoEnum {
	e := &protoEnum{byName: map[string]int{}}
	for i, word := range words {
		if word == "-" {
			e.words = append(e.words, "")
			e.byName[prefix+"NULL"], e.byName[prefix+"UNSPECIFIED"] = i, i
			continue
		}
		name, json, given := strings.Cut(word, ":")
		if !given {
			name, json = strings.ToUpper(strings.ReplaceAll(word, "-", "_")), word
		}
		e.words = append(e.words, json)
		e.byName[prefix+name] = i
	}
	return e
}

// camel is the name that a field has in JSON as a rule.
func camel(name string) string {
	parts := strings.Split(name, "_")
	for i, p := range parts[1:] {
		parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
	}
	return strings.Join(parts, "")
}
