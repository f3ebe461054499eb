// Package doctor looks at what Sluice stands on (the server and its settings, roles, clock, disk) and
// says of each what is fine, what to watch and what to do something about, with the remedy. It
// changes nothing. What belongs to another room (partitions, topics, backups) is looked at by that
// room and put beside it by package serve.
package doctor

// Verdict is how urgent a finding is.
type Verdict string

// Verdicts, the worst last.
const (
	Fine Verdict = "fine"
	Warn Verdict = "warn" // it works today
	Act  Verdict = "act"  // it does not work, or data are in danger
)

// Finding is one line of what the doctor says.
type Finding struct {
	What    string  `json:"what"` // database version, clock
	Verdict Verdict `json:"verdict"`
	Says    string  `json:"says"`             // what was found
	Remedy  string  `json:"remedy,omitempty"` // what to do about it
}

// Found returns a finding; one that is fine needs no remedy.
func Found(what string, v Verdict, says, remedy string) Finding {
	if v == Fine {
		remedy = ""
	}
	return Finding{what, v, says, remedy}
}

// Worst is the worst verdict of all.
func Worst(list []Finding) Verdict {
	worst := Fine
	for _, f := range list {
		if f.Verdict == Act || f.Verdict == Warn && worst == Fine {
			worst = f.Verdict
		}
	}
	return worst
}
