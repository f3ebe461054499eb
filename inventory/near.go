package inventory

import (
	"cmp"
	"slices"
	"strings"
)

// near lists up to n of the names that somebody who wrote word may have meant, the nearest first.
func near(word string, names []string, n int) string {
	type distant struct {
		name string
		far  int
	}
	word = strings.ToLower(word)
	most := max(2, len(word)/3)
	var list []distant
	for _, name := range names {
		if far := distance(word, strings.ToLower(name), most); far <= most {
			list = append(list, distant{name, far})
		}
	}
	slices.SortFunc(list, func(a, b distant) int { return cmp.Or(a.far-b.far, strings.Compare(a.name, b.name)) })
	var out []string
	for _, d := range slices.Compact(list) {
		if len(out) < n {
			out = append(out, d.name)
		}
	}
	return strings.Join(out, ", ")
}

// orNear is near for the end of a message; "" where nothing is.
func orNear(word string, names []string) string {
	if list := near(word, names, 3); list != "" {
		return "; near: " + list
	}
	return ""
}

// distance is how many characters have to be put in, taken out or exchanged to make b of a, as far
// as that is at most most.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		corner, least := row[0], i
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := corner
			if a[i-1] != b[j-1] {
				change++
			}
			corner = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
			least = min(least, row[j])
		}
		if least > most {
			return most + 1
		}
	}
	return row[len(b)]
}
