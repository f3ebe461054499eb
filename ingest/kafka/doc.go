// Package kafka is the source of documents that come as messages of Kafka topics, and
// the fast lane of bare events.
//
// A Consumer is a member of a consumer group, which decides who reads which topic
// partition; nothing else is left to the group. Where a topic partition goes on is in
// ingest.kafka_offset and moves in the transaction of the documents, under an epoch that
// every new owner raises: a process that lost the topic partition and does not know it
// yet (it was stopped, its network was gone) finds its epoch outdated and rolls back.
// The group's own offsets are committed too, for tools that show lag.
//
// Each topic partition is a Source of its own, so that its documents are stored in the
// order of its messages, and a trouble with one leaves the others alone. What is wrong
// with a message parks it with its headers; an outage of the database or the broker
// stops the topic partition until it is over. A message that is missing, because its
// topic was made anew or its time was up, is noted in ingest.kafka_gap and logged.
//
// docs/kafka.md describes topics, headers and promises for those who send.
package kafka
