// Package notify tells people and programs of findings: by webhooks, signed, as JSON or for Slack, or by
// messages on the topic sluice.findings.
//
// A tenant's Rule says which findings, and where to. Whoever leads (Notifier.Run) looks with each rule for open
// findings that meet its conditions and that it has not told of. What it finds it notes as told and writes as one
// message, in one transaction: so a finding is told once however often it is looked for, and a message is sent if and
// only if what it tells of was noted. Imports and projections do nothing for it: what changed is found by the time
// at which findings were seen first, and once an hour, and when feeds or tags change, among all of them.
//
// Messages are sent at least once, with an id that stays the same, and one at a time per rule: what comes to be
// told while one waits for its receiver goes into the next one. A receiver that does not answer holds up nobody else.
// What was given up after a day stays to be looked at, and sent again by hand.
//
// Start at Rule and Notifier.
package notify
