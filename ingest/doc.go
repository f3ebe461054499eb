// Package ingest moves documents from a source into PostgreSQL, exactly once in effect.
//
// A Source (files here, Kafka and HTTP elsewhere) hands over envelopes. The
// Pipeline hashes them, drops what is stored already, normalizes the rest and
// writes them batch by batch, each batch in one append-only transaction in which
// the source also moves its position. So a crash at any point costs a redelivery,
// never a document and never a second copy: what was committed is found by its
// content hash, and what was not is handed over again.
//
// What is wrong with a document parks it, with its bytes and the reason; what is
// wrong with the database or the way to it is an outage, waited out and retried
// for ever, and costs no document an attempt.
//
// To add a source, implement Source and run sourcetest.Run against it.
package ingest
