package osv

import (
	"fmt"

	"sluice/normalize"
	"sluice/normalize/version"
)

// A boundary that the ecosystem cannot order hides nothing: without a readable end an
// interval stays open, without a readable start it begins at the beginning (package
// version sees to that). Here its writer is told.

// place says where in "ranges" a range was, and where in "events" its events.
type place struct {
	ranges int
	events []int
}

// unreadable is a boundary to warn of. The warning waits for the end of the record,
// which is where some have their id.
type unreadable struct{ at, field, message string }

// boundary takes the value of an event's member.
func (r *reader) boundary(field string) string {
	v := r.Text()
	if v == "" && !r.Failed() {
		r.unreadable = append(r.unreadable, unreadable{r.Pointer(), field, "is empty"})
	}
	return v
}

// checkBoundaries looks at all boundaries of an entry as versions of packages are looked at.
func (r *reader) checkBoundaries(a *normalize.AffectedPackage, places []place, at string) {
	for i, rng := range a.Ranges {
		started := false
		for j, e := range rng.Events {
			field, v := boundaryOf(e)
			started = started || field == "introduced"
			if v == "0" && field == "introduced" || v == "*" && field == "limit" || version.ValidBoundary(a.Ecosystem, v) {
				continue
			}
			r.unreadable = append(r.unreadable, unreadable{
				fmt.Sprintf("%s/ranges/%d/events/%d/%s", at, places[i].ranges, places[i].events[j], field), field,
				fmt.Sprintf("%.60q is no version of %.60s", v, a.Ecosystem),
			})
		}
		if !started {
			r.unreadable = append(r.unreadable, unreadable{fmt.Sprintf("%s/ranges/%d/events", at, places[i].ranges), "introduced", "is missing"})
		}
	}
}

func boundaryOf(e normalize.Event) (field, v string) {
	switch {
	case e.Introduced != "":
		return "introduced", e.Introduced
	case e.Fixed != "":
		return "fixed", e.Fixed
	case e.LastAffected != "":
		return "last_affected", e.LastAffected
	}
	return "limit", e.Limit
}

// warnUnreadable tells of the boundaries once the id is known.
func (r *reader) warnUnreadable() {
	for _, u := range r.unreadable {
		means := "the range counts as open there"
		if u.field == "introduced" {
			means = "the range counts from the beginning"
		}
		r.warn("unreadable-boundary", u.at, "%s: %s %s; %s", r.v.ID, u.field, u.message, means)
	}
}
