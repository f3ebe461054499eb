package notice

import (
	"bytes"
	"encoding/json"
	"time"
)

// Type is the type of a notice, as message and as event.
const Type = "dev.sluice.notification.v1"

// body is the form of docs/notifications.md.
type body struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      Data   `json:"data"`
}

// Data is what a notice says.
type Data struct {
	Tenant string     `json:"tenant"`
	Rule   string     `json:"rule"`
	Test   bool       `json:"test,omitempty"`
	Opened *GroupData `json:"opened,omitempty"`
	Closed *GroupData `json:"closed,omitempty"`
}

// GroupData is a group of findings in a notice.
type GroupData struct {
	Findings   int64            `json:"findings"`
	Artifacts  int64            `json:"artifacts"`
	Exploited  int64            `json:"exploited"`
	BySeverity map[string]int64 `json:"by_severity"`
	First      []Finding        `json:"first"`
	More       int64            `json:"more"` // findings that are not in first
}

// Data returns the form of a notice in JSON.
func (n Notice) Data() Data {
	return Data{Tenant: n.Tenant, Rule: n.Rule, Test: n.Test, Opened: n.Opened.data(), Closed: n.Closed.data()}
}

func (g Group) data() *GroupData {
	if g.Findings == 0 {
		return nil
	}
	d := &GroupData{Findings: g.Findings, Artifacts: g.Artifacts, Exploited: g.Exploited, BySeverity: map[string]int64{}, First: []Finding{}}
	for i, n := range g.Severity {
		if n == 0 {
			continue
		}
		word := Severities[i]
		if word == "" {
			word = "unknown"
		}
		d.BySeverity[word] = n
	}
	for _, f := range g.First[:min(len(g.First), MaxFirst)] {
		d.First = append(d.First, f.bounded())
	}
	d.More = g.Findings - int64(len(d.First))
	return d
}

// JSON writes a notice with the members type, timestamp and data, as Standard Webhooks has them.
func (n Notice) JSON() ([]byte, error) {
	return marshal(body{Type, n.At.UTC().Format(time.RFC3339Nano), n.Data()})
}

// marshal is json.Marshal that leaves &, < and > as they are: purls are full of the first.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
