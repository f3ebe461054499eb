// Package apache fetches, starts, stops and kills a real Apache Kafka for tests: one
// broker in KRaft mode on free ports of 127.0.0.1, with its data in a folder of its own.
//
// It needs a JDK 17 or newer and Maven (ErrNoJava says when they are missing). The jars
// come from Maven Central by Maven, once, into the cache folder; their versions are pinned
// by the one of Kafka.
package apache
