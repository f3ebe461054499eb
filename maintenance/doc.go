// Package maintenance keeps a database in shape: it deletes what nobody needs any more and
// does again what has to be done from time to time.
//
// A Task is a small value: a name, how often it is due, and what to run. Once runs one of
// them, for cron; Loop runs all of them for as long as the program does, on one process of
// many. Whoever runs a task notes it in core.maintenance, so metrics and lists tell of all.
//
// The promises: work goes in bounded batches, each a transaction of its own, so a crash costs
// one batch and a lock is held for one; a lock that is taken is waited for briefly and then
// left alone; a task that fails does not stop the others; a dry run changes nothing; and
// what is current, referenced or under legal hold is never deleted (see Retention).
package maintenance
