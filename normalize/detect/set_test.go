package detect

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/normalize"
)

// comparing is a meaning with one of each.
var comparing = &normalize.Meaning{
	Volatile: []string{"/serial"},
	Sets:     map[string]string{"set": "", "other": "", "keyed": "id"},
	Times:    map[string]bool{"at": true},
	NoEmpty:  true,
}

func TestMeaningOfSets(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		same       bool
	}{
		{"order", `{"set":[1,2,3]}`, `{"set":[3,1,2]}`, true},
		{"a list is in order", `{"list":[1,2,3]}`, `{"list":[3,1,2]}`, false},
		{"how often counts", `{"set":[1,1,2]}`, `{"set":[1,2,2]}`, false},
		{"sets in sets", `{"set":[{"other":["a","b"]},{"other":["c","d"],"x":[1,2]}]}`, `{"set":[{"x":[1,2],"other":["d","c"]},{"other":["b","a"]}]}`, true},
		{"a list in a set", `{"set":[{"x":[1,2]},{"x":[3]}]}`, `{"set":[{"x":[3]},{"x":[2,1]}]}`, false},
		{"an empty set is none", `{"a":1,"set":[ ]}`, `{"a":1}`, true},
		{"an empty list is none", `{"a":1,"list":[]}`, `{"a":1}`, true},
		{"an empty object is something", `{"a":1,"b":{}}`, `{"a":1}`, false},
		{"an empty list in a list is something", `[[]]`, `[]`, false},
		{"what is no array", `{"set":"ab"}`, `{"set":"ba"}`, false},
		{"null is not an empty set", `{"set":null}`, `{}`, false},
		{"keyed", `{"keyed":[{"id":"a","n":1},{"id":"b","n":2}]}`, `{"keyed":[{"n":2,"id":"b"},{"n":1,"id":"a"}]}`, true},
		{"of one key the order counts", `{"keyed":[{"id":"a","n":1},{"id":"a","n":2}]}`, `{"keyed":[{"id":"a","n":2},{"id":"a","n":1}]}`, false},
		{"others may move around them", `{"keyed":[{"id":"a","n":1},{"id":"b"},{"id":"a","n":2}]}`, `{"keyed":[{"id":"a","n":1},{"id":"a","n":2},{"id":"b"}]}`, true},
		{"a key that is an object", `{"keyed":[{"id":{"x":"}","y":[1,2]},"z":1},{"id":"b"}]}`, `{"keyed":[{"id":"b"},{"z":1,"id":{"y":[1,2],"x":"}"}}]}`, true},
		{"without a key the order counts", `{"keyed":[{"n":1},{"n":2}]}`, `{"keyed":[{"n":2},{"n":1}]}`, false},
		{"keyed texts", `{"keyed":["a","b"]}`, `{"keyed":["b","a"]}`, true},
		{"an instant", `{"at":"2026-02-03T05:05:06+01:00"}`, `{"at":"2026-02-03t04:05:06.000z"}`, true},
		{"another instant", `{"at":"2026-02-03T05:05:06Z"}`, `{"at":"2026-02-03T05:05:06.5Z"}`, false},
		{"no time", `{"at":"2026-02-03Tea"}`, `{"at":"2026-02-03TEA"}`, false},
		{"a text that is not said to be a time", `{"as":"2026-02-03T05:05:06+01:00"}`, `{"as":"2026-02-03T04:05:06Z"}`, false},
		{"a volatile member in front", `{"serial":"1","set":[{"serial":1},2]}`, `{"set":[2,{"serial":1}],"serial":2}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := MeaningHash([]byte(c.a), comparing)
			b, errB := MeaningHash([]byte(c.b), comparing)
			if err != nil || errB != nil {
				t.Fatal(err, errB)
			}
			if (a == b) != c.same {
				t.Errorf("%s and %s: the same %v, want %v", c.a, c.b, a == b, c.same)
			}
		})
	}
}

// TestMeaningOfShuffledSets: however the elements of sets at any depth are shuffled, it is
// the same; and a set of other elements is another one.
func TestMeaningOfShuffledSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		elements := rapid.SliceOfN(values(2), 0, 40).Draw(t, "elements")
		set := func(list []value) string {
			list = slices.Clone(list)
			rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			parts := make([]string, len(list))
			for i, e := range list {
				parts[i] = `{"inner":` + render(e, rnd) + `,"set":[2,1,` + render(e, nil) + `]}`
			}
			return `{"v":1,"other":[` + strings.Join(parts, ",") + `]}`
		}
		hash := func(s string) [32]byte {
			sum, err := MeaningHash([]byte(s), comparing)
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			return sum
		}
		if one, other := hash(set(elements)), hash(set(elements)); one != other {
			t.Errorf("the order of a set matters: %s", render(elements, nil))
		}
		if more := append(slices.Clone(elements), "one more"); hash(set(more)) == hash(set(elements)) {
			t.Errorf("an element more makes no difference: %s", render(elements, nil))
		}
	})
}
