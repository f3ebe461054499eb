package normalize

import "fmt"

// Warning is something odd that did not stop the document from being used.
type Warning struct {
	Code    string `json:"code"` // stable word: "duplicate-ref", "invalid-purl"
	Pointer string `json:"pointer,omitzero"`
	Message string `json:"message"`
	// Line is where the document begins, where it is one of several in its origin.
	Line int `json:"line,omitzero"`
	// More counts what else was odd in the same way and is not kept one by one. The last kept
	// one of its code has it; a code was met as often as it has warnings, and More.
	More int `json:"more,omitzero"`
}

// MaxWarnings is how many warnings a document keeps, and MaxAlike how many of one code: what
// is wrong ten thousand times shall not hide what is wrong once. The last MaxFirst are for the
// first of a code each. The rest is counted.
const (
	MaxWarnings = 70
	MaxFirst    = 20
	MaxAlike    = 20
)

// MoreWarnings is the code of what counts the warnings past MaxWarnings.
const MoreWarnings = "more-warnings"

// Warn adds a warning, or counts it where enough are kept.
func (d *Document) Warn(code, pointer, format string, args ...any) {
	if !d.Enough(code) {
		d.Warnings = append(d.Warnings, Warning{Code: code, Pointer: pointer, Message: fmt.Sprintf(format, args...)})
	}
}

// Enough reports whether another warning of this code would only be counted, and counts it: who
// may meet a million of them asks before he finds out where each one is.
func (d *Document) Enough(code string) bool {
	alike, last := 0, 0
	for i := range d.Warnings {
		if d.Warnings[i].Code == code {
			alike, last = alike+1, i
		}
	}
	switch {
	case alike >= MaxAlike:
		d.Warnings[last].More++
		return true
	case len(d.Warnings) < MaxWarnings-MaxFirst, alike == 0 && len(d.Warnings) < MaxWarnings:
		return false
	case alike > 0:
		d.Warnings[last].More++
	case len(d.Warnings) == MaxWarnings:
		d.Warnings = append(d.Warnings, Warning{Code: MoreWarnings, Message: fmt.Sprintf("more than %d warnings; the rest are only counted", MaxWarnings)})
	default:
		d.Warnings[MaxWarnings].More++
	}
	return true
}
