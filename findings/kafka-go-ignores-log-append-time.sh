#!/usr/bin/env bash
# Software:  github.com/segmentio/kafka-go v0.4.51 (protocol.RecordSet, by which Client.Fetch reads)
# Expected:  Of a topic with message.timestamp.type=LogAppendTime the broker sets bit 3 of a batch's attributes and
#            its maxTimestamp; that is the time of each of its messages (Kafka's documentation, "Record Batch").
# Behaviour: The messages have the time that the producer gave them.
# Seen:      the broker's time 2000, the message's 1000
# Ends with 0 while it is so, with 1 when it has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

func main() {
	var buf bytes.Buffer
	set := protocol.RecordSet{Version: 2, Records: protocol.NewRecordReader(protocol.Record{Time: time.UnixMilli(1000), Value: protocol.NewBytes([]byte("x"))})}
	_, err := set.WriteTo(&buf)
	check(err)
	batch := buf.Bytes()[4:]                         // after its size
	batch[22] |= 1 << 3                              // attributes: LogAppendTime
	binary.BigEndian.PutUint64(batch[35:], 2000)     // maxTimestamp
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
	var back protocol.RecordSet
	_, err = back.ReadFrom(&buf)
	check(err)
	r, err := back.Records.ReadRecord()
	check(err)
	fmt.Println("the broker's time 2000, the message's", r.Time.UnixMilli())
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
GO
{
	go mod init finding
	go get github.com/segmentio/kafka-go@v0.4.51
} >/dev/null 2>&1
got=$(go run .)
printf '%s\n' "$got"
[ "$got" = "the broker's time 2000, the message's 1000" ]
