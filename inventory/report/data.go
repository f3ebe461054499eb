package report

import (
	"time"
)

// Data is what a report says.
type Data struct {
	Tenant string
	At     time.Time // when it was counted

	Artifacts, Retired    int64 // in use, and not any more
	Components, Unmatched int64 // of current SBOMs in use; those that cannot be matched
	Suppressed            int64
	// Unjudged are components that could be matched, and of whose ecosystem or release there are no records.
	Unjudged []Unjudged `json:"unjudged"`
	Known    int64      // open findings that are known to be exploited

	// Findings are open ones by severity, the worst first, and by age, the newest first.
	Findings [5][5]int64
	Trend    []Point // by day, the last one is today
	First    []Urgent
	Packages []Package
	Worst    []Artifact
}

// Unjudged are components that nobody can judge.
type Unjudged struct {
	Ecosystem  string `json:"ecosystem"`
	Components int64  `json:"components"`
	Reason     string `json:"reason"`
	// OtherReleases: there are records of the distribution, and none of this release.
	OtherReleases bool `json:"other_releases,omitempty"`
}

// Unknown is how many components nothing is known about: those that cannot be matched, and those without records.
func (d *Data) Unknown() int64 {
	n := d.Unmatched
	for _, u := range d.Unjudged {
		n += u.Components
	}
	return n
}

// Severities, the worst first: the rows of Data.Findings.
var Severities = [5]string{"critical", "high", "medium", "low", "unrated"}

// Ages of findings: the columns of Data.Findings.
var Ages = [5]string{"up to 7 days", "8 to 30 days", "31 to 90 days", "91 to 365 days", "over a year"}

// Count adds findings of a severity and an age, an index of Ages.
func (d *Data) Count(severity string, age int, findings int64) {
	for i, s := range Severities {
		if s == severity {
			d.Findings[i][age] += findings
		}
	}
}

// Open is how many findings are open.
func (d *Data) Open() (n int64) {
	for i := range d.Findings {
		n += d.OfSeverity(i)
	}
	return n
}

// OfSeverity is how many are open of Severities[i].
func (d *Data) OfSeverity(i int) (n int64) {
	for _, findings := range d.Findings[i] {
		n += findings
	}
	return n
}

// OfAge is how many are open of Ages[i].
func (d *Data) OfAge(i int) (n int64) {
	for _, row := range d.Findings {
		n += row[i]
	}
	return n
}

// Point is one day of the trend.
type Point struct {
	Day           time.Time
	Open          int64 // at its end, or now
	Opened, Ended int64 // on it
}

// Urgent is a row of the triage list.
type Urgent struct {
	Vulnerability, Package, Severity, Score string
	KEV                                     bool
	EPSS                                    *float32
	Fix                                     bool
	Exposed, Artifacts                      int64
	FirstSeen                               time.Time
}

// Package is one with many findings.
type Package struct {
	Name            string `db:"name"`
	Findings        int64  `db:"findings"`
	Vulnerabilities int64  `db:"vulnerabilities"`
	Artifacts       int64  `db:"artifacts"`
	Worst           string `db:"worst"` // severity
	KEV             bool   `db:"kev"`
	Fix             bool   `db:"fix"` // there is one for all
}

// Artifact is one with many findings.
type Artifact struct {
	Name     string `db:"name"`
	Findings int64  `db:"findings"`
	Critical int64  `db:"critical"`
	High     int64  `db:"high"`
	Tags     string `db:"tags"`
}
