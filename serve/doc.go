// Package serve is the life of a process: the database that it works with, the parts that
// run in it, its health and its metrics.
//
// A Database finds or starts PostgreSQL, refuses one that this program does not fit, opens
// connections by role, and does what can be done about an outage. On top of it are what a
// command does once (Import, Project, Tasks) and what runs until it is stopped (Service):
// consumers, projections, the relay, notifications, maintenance, HTTP. What the parts do is theirs; this
// package starts them in the right order, ends them together, and says how they are: a part
// that meets a defect of the database waits and tells (guard.go), and the others go on.
//
// Begin with NewDatabase and New.
package serve
