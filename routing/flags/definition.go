package flags

import (
	"slices"
	"strings"
)

// The flags that this program asks for.
const (
	// Format is followed by the name of a document format: format.openvex.
	Format = "format."
	// CPE: packages are looked up by their CPEs too.
	CPE = "matching.cpe"
	// Issuer: statements of this issuer may be in force.
	Issuer = "vex.issuer"
	// Projection: jobs are done. Off: they wait.
	Projection = "projection"
	// Receipts: senders are told what became of their documents.
	Receipts = "receipts"
)

// Definition says what a flag of this program is for.
type Definition struct {
	Key     string `json:"key"`
	Default bool   `json:"default"` // where nobody has set it
	// Attributes are what its rules may ask for beside the tenant.
	Attributes []string `json:"attributes"`
	// Reprojects: findings depend on it, so a change has them looked at again.
	Reprojects bool   `json:"reprojects"`
	What       string `json:"what"`
}

// Definitions are the flags that this program asks for, with one for each of these formats.
func Definitions(formats []string) []Definition {
	list := []Definition{
		{CPE, false, nil, true, "packages are looked up by their CPEs too"},
		{Projection, true, nil, false, "projection jobs are done; off: they wait"},
		{Receipts, true, nil, false, "receipts are written for the senders of messages"},
		{Issuer, true, []string{"issuer", "source"}, true, "VEX statements of this issuer are trusted; off: kept, and not in force"},
	}
	for _, f := range formats {
		list = append(list, Definition{Format + f, true, nil, false, "documents of this format are taken; off: parked, to be replayed"})
	}
	slices.SortFunc(list, func(a, b Definition) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// define finds the definition of a key. Whether there is a format of the name it cannot tell.
func define(key string) (Definition, bool) {
	name, format := strings.CutPrefix(key, Format)
	var formats []string
	if format {
		formats = []string{name}
	}
	for _, d := range Definitions(formats) {
		if d.Key == key {
			return d, true
		}
	}
	return Definition{Key: key}, false
}
