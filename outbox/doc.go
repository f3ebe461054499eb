// Package outbox is how the rest of the program tells others by Kafka: a transaction
// writes what it has to say into core.outbox, and the relay (package relay, below this one)
// sends it. So a message is sent if and only if what it tells of was committed.
//
// Message says what is sent, Rows packs messages into rows, Insert writes them; docs/kafka.md
// has the forms. This package does not know Kafka: it is part of every import and projection.
package outbox
