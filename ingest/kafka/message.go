package kafka

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/normalize"
)

// The headers of a message, in lower case; each is understood as a CloudEvents attribute
// too ("ce_" and the name without hyphens).
const (
	headerTenant      = "tenant"
	headerArtifact    = "artifact-purl"
	headerStream      = "stream"
	headerScanRun     = "scan-run-id"
	headerObservedAt  = "observed-at"
	headerTraceparent = "traceparent"
	headerRef         = "document-ref"
	headerSHA256      = "document-sha256"
	headerContentType = "content-type"
)

// meta is what the headers of a message say.
type meta struct {
	tenant           string
	artifact, stream string
	contentType      string
	scanRun          int64
	observedAt       time.Time
	traceparent      string
	ref              string
	sha256           []byte
	warnings         []normalize.Warning
	park             *normalize.ParkError // what makes the message unusable
}

// readHeaders reads the headers of m. Sluice's own win over CloudEvents attributes, and
// of several with one name the last, as Kafka's clients have it.
func readHeaders(m *kafka.Message) meta {
	own := map[string]string{}
	ce := map[string]string{}
	for _, h := range m.Headers {
		name := strings.ToLower(h.Key)
		if attribute, ok := strings.CutPrefix(name, "ce_"); ok {
			ce[attribute] = string(h.Value)
		} else if attribute, ok := strings.CutPrefix(name, "ce-"); ok { // as in HTTP; some bridges keep it
			ce[attribute] = string(h.Value)
		} else {
			own[name] = string(h.Value)
		}
	}
	var d meta
	d.fill(own, ce)
	if d.observedAt.IsZero() && m.Time.Unix() > 0 {
		d.observedAt = m.Time.UTC()
	}
	return d
}

// fill takes the values of headers and of CloudEvents attributes.
func (d *meta) fill(own, ce map[string]string) {
	get := func(name string) string {
		if v := strings.TrimSpace(own[name]); v != "" {
			return v
		}
		return strings.TrimSpace(ce[strings.ReplaceAll(name, "-", "")])
	}
	d.tenant = get(headerTenant)
	d.artifact = get(headerArtifact)
	if subject := ce["subject"]; d.artifact == "" && strings.HasPrefix(subject, "pkg:") {
		d.artifact = subject
	}
	d.stream = get(headerStream)
	d.traceparent = get(headerTraceparent)
	d.ref = get(headerRef)
	d.contentType = strings.TrimSpace(own[headerContentType])
	if d.contentType == "" {
		d.contentType = ce["datacontenttype"]
	}
	if s := get(headerScanRun); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 {
			d.warn(headerScanRun, "%.50q is not the number of a scan run; it is left out", s)
		} else {
			d.scanRun = n
		}
	}
	when, name := get(headerObservedAt), headerObservedAt
	if when == "" {
		when, name = ce["time"], "ce_time"
	}
	if when != "" {
		t, err := time.Parse(time.RFC3339, when)
		if err != nil {
			d.warn(name, "%.50q is not a time like 2026-02-28T12:00:00Z; the message's own time is taken", when)
		} else {
			d.observedAt = t.UTC()
		}
	}
	if s := get(headerSHA256); s != "" {
		sum, err := hex.DecodeString(strings.TrimPrefix(strings.ToLower(s), "sha256:"))
		if err != nil || len(sum) != 32 {
			d.refuse(headerSHA256, "%.80q is not a SHA-256: 64 hexadecimal digits", s)
		} else {
			d.sha256 = sum
		}
	}
	if d.ref != "" && d.sha256 == nil && d.park == nil {
		d.refuse(headerSHA256, "a message with document-ref needs document-sha256 too: without it nobody knows whether the right document was fetched")
	}
}

func (d *meta) warn(header, format string, args ...any) {
	d.warnings = append(d.warnings, normalize.Warning{Code: "invalid-header", Pointer: "header " + header, Message: fmt.Sprintf(format, args...)})
}

func (d *meta) refuse(header, format string, args ...any) {
	d.park = normalize.Park(normalize.ReasonHeader, "header "+header, format, args...)
}

// hints are what a replay of the parked message needs beyond the envelope.
func (d *meta) hints() map[string]string {
	h := map[string]string{}
	for k, v := range map[string]string{"tenant": d.tenant, "document_ref": d.ref, "document_sha256": hex.EncodeToString(d.sha256), "traceparent": d.traceparent} {
		if v != "" {
			h[k] = storable(v)
		}
	}
	return h
}

// storable is s as jsonb can hold it.
func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}

func origin(m *kafka.Message) string {
	return m.Topic + "/" + strconv.Itoa(m.Partition) + "@" + strconv.FormatInt(m.Offset, 10)
}
