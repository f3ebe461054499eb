// Package figures looks up what the database says of itself and keeps it for /metrics: the
// queues, what is parked, sizes, counters, partitions.
//
// It looks in its own rhythm, not at each scrape: a scrape never waits for the database. It looks as
// the monitor, a role that may count and read no content, with one connection, a time-out
// per statement, and statements whose cost does not grow with the tables (access_v002_figures
// says how). What cannot be looked up has no value: 0 would say that all is well.
//
// Start at New and Run. docs/metrics.md describes every figure.
package figures
