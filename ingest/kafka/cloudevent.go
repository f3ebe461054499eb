package kafka

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"strings"

	"github.com/segmentio/kafka-go"

	"sluice/normalize"
)

// readMessage reads what a message says of its document, in its headers and, where it is a CloudEvent in
// structured mode, around it; and the document, if it is there.
func readMessage(m *kafka.Message) (d meta, value []byte) {
	d, value = readHeaders(m), m.Value
	if d.park != nil || !d.structured() {
		return d, value
	}
	if value, d.park = d.openEvent(m.Value); d.park != nil {
		value = m.Value
	}
	return d, value
}

// structured reports whether the message is a CloudEvent in structured mode: its value is
// a JSON object that holds the attributes and, as data, the document.
func (d *meta) structured() bool {
	t, _, err := mime.ParseMediaType(d.contentType)
	return err == nil && t == "application/cloudevents+json"
}

// openEvent takes the document out of a CloudEvent in structured mode. Its attributes
// fill in what the headers leave out.
func (d *meta) openEvent(value []byte) ([]byte, *normalize.ParkError) {
	var event map[string]json.RawMessage
	if err := json.Unmarshal(value, &event); err != nil {
		return nil, normalize.Park(normalize.ReasonSyntax, "", "the content type says that this is a CloudEvent, but it is no JSON object: %w", err)
	}
	attributes := map[string]string{}
	for name, raw := range event {
		var s string
		if name != "data" && name != "data_base64" && json.Unmarshal(raw, &s) == nil {
			attributes[strings.ToLower(name)] = s
		}
	}
	outer := *d
	d.fill(map[string]string{
		headerTenant: outer.tenant, headerArtifact: outer.artifact, headerStream: outer.stream, headerTraceparent: outer.traceparent, headerRef: outer.ref,
	}, attributes)
	if outer.sha256 != nil {
		d.sha256 = outer.sha256
	}
	if outer.scanRun != 0 {
		d.scanRun = outer.scanRun
	}
	if raw, ok := event["data_base64"]; ok {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, normalize.Park(normalize.ReasonSyntax, "/data_base64", "data_base64 of the CloudEvent: %w", err)
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, normalize.Park(normalize.ReasonSyntax, "/data_base64", "data_base64 of the CloudEvent: %w", err)
		}
		return b, nil
	}
	data := bytes.TrimSpace(event["data"])
	// A document that is no JSON (XML, SPDX tag-value) is a string.
	if len(data) > 0 && data[0] == '"' {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return nil, normalize.Park(normalize.ReasonSyntax, "/data", "data of the CloudEvent: %w", err)
		}
		return []byte(text), nil
	}
	if string(data) == "null" {
		data = nil
	}
	return data, nil
}
