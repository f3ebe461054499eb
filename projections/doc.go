// Package projections keeps the derived tables right: the components of the
// current documents, which facts cover which packages, open and suppressed findings,
// unknowns, and the materialized views.
//
// Imports append documents and a job for each; a Worker takes jobs of one tenant at a
// time, in batches, and brings the derived tables by difference to what the stored
// documents say now. A job carries only a key: what is computed depends on what is
// stored, never on the order in which it came. So any order of the same documents
// ends in the same rows (TestAnyOrder).
//
// All work of a tenant is serialised by an advisory lock of the transaction. That is
// what makes it correct: a package that gets its first artifact while another
// transaction adds a vulnerability to it would otherwise be missed by both.
package projections
