// Package vex decides what VEX statements and decisions mean for a finding. It is pure: no
// database, no clock. Statements, the documents that they stand in and the tenant's decisions
// go in; who wins and why each of the others does not comes out.
//
// Two steps. Settle looks at documents alone: which of them still speak, now that some have
// newer versions and some stand in SBOMs that are not current any more. Resolve looks at one
// finding: which statements are about it, how closely, and which of them is in force.
//
// Nothing depends on the order of its input, nor on which of two documents that say the same
// was stored. The rules are the table in docs/vex.md; TestRules holds this package to each row.
package vex

// ID identifies a statement, a decision, a document or an artifact: a UUID.
type ID [16]byte
