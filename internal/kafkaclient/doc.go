// Package kafkaclient opens connections to Apache Kafka the way every part of Sluice uses
// them: one Config, read once, gives the Dialer of the consumers and the Client of
// everything else, with the same TLS and SASL.
//
// It knows three traps of the client library, github.com/segmentio/kafka-go:
//
//   - The shared DefaultTransport leaves goroutines behind. A Broker has a Transport of
//     its own, and Close ends what it started.
//   - A Transport answers metadata requests from its cache, and keeps the old answer while
//     no broker can be reached. Check and Topics ask over a new connection, so they tell the
//     truth.
//   - A reader of a topic that does not exist, or of a broker that is down, blocks and says
//     nothing. Whoever starts one calls Check first, and on every readiness probe.
//
// Secrets are of type Secret, which no print or log call shows.
package kafkaclient
