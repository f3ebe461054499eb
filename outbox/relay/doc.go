// Package relay carries the rows of core.outbox to Kafka. It promises:
//
//   - Nothing is lost. A row is marked as sent after the brokers acknowledged all of it
//     with acks=all. Neither a crash, nor a broker that is down, nor a missing topic, nor a
//     message that is too large makes a row go away.
//   - At least once. A crash between the acknowledgement and the mark sends again. A message
//     keeps its id (ce_id), by which consumers drop repetitions.
//   - In order per key. Messages with the same key go to the same topic partition, in the
//     order of their rows (seq) and of their places in the row. A repetition may come late;
//     it is one that the consumer has seen.
//   - Nothing blocks. Topics, and partitions of a topic, that cannot be written wait alone.
//
// Start at Relay.Run; lane is the heart of it.
package relay
