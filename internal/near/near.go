// Package near finds the names that somebody may have meant who wrote another one, for
// messages. Begin with Names.
package near

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Names are up to n of names that are so close to word that they may be meant, the closest first:
// two letters or a third of them put in, taken out or exchanged, in either case.
func Names(word string, names []string, n int) []string {
	type candidate struct {
		name string
		away int
	}
	word = strings.ToLower(word)
	most := max(2, len(word)/3)
	var list []candidate
	for _, name := range names {
		// What differs in length by more is further away, whatever its letters.
		if d := len(name) - len(word); d > 4*most || -d > 4*most {
			continue
		}
		if away := levenshtein.ComputeDistance(word, strings.ToLower(name)); away <= most {
			list = append(list, candidate{name, away})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Or(a.away-b.away, strings.Compare(a.name, b.name)) })
	var out []string
	for _, c := range slices.Compact(list) {
		if len(out) < n {
			out = append(out, c.name)
		}
	}
	return out
}

// Hint is Names for the end of a message: "; did you mean a or b?", or "" where nothing is near.
func Hint(word string, names []string) string {
	list := Names(word, names, 3)
	if len(list) == 0 {
		return ""
	}
	text := list[0]
	for i, name := range list[1:] {
		if i == len(list)-2 {
			text += " or " + name
		} else {
			text += ", " + name
		}
	}
	return "; did you mean " + text + "?"
}
