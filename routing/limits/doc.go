// Package limits says how much a tenant may send and store: documents, bytes and components per
// interval, and bytes that are stored. Limits are rows of routing.rate_limit_config; a tenant without
// one of its own has what is set for all, under the nil UUID, where there is one.
//
// An import asks for what it is about to store, batch by batch (Allow), and stores as much as it is
// given; the rest waits. Nothing is parked and nothing lost. An entry that cannot wait asks for one
// document (Decide) and answers 429 (TooMany).
//
// Intervals are fixed: second 0 to 59 of each minute. What was used in one is counted by Redis
// (INCR rl:{bucket}:{window}, with expiry), and by PostgreSQL where there is no Redis or it does not
// answer; the decisions are the same, and a change from one to the other takes along what this
// process was given in the interval.
package limits
