package topics_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"

	"sluice/internal/test/brokertest"
	"sluice/topics"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	plan, err := topics.Plan(topics.Config{Overrides: []topics.Override{
		{Topic: "*", Setting: topics.Setting{Name: "partitions", Value: "12"}},
		{Topic: "events", Setting: topics.Setting{Name: "partitions", Value: "24"}},
		{Topic: "events", Setting: topics.Setting{Name: "retention.ms", Value: "1000"}},
		{Topic: "events", Setting: topics.Setting{Name: "segment.bytes", Value: "1048576"}},
	}}, 5)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range plan {
		names = append(names, p.Name)
	}
	want := "sluice.events sluice.findings sluice.parked sluice.receipts sluice.sbom sluice.sbom.bulk sluice.vex sluice.vex.bulk sluice.vuln sluice.vuln.bulk"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("topics\n%s, want\n%s", got, want)
	}
	settings := func(maxBytes, retention string, more ...topics.Setting) []topics.Setting {
		return append([]topics.Setting{
			{"cleanup.policy", "delete"}, {"compression.type", "producer"}, {"max.message.bytes", maxBytes}, {"min.insync.replicas", "2"}, {"retention.ms", retention},
		}, more...)
	}
	for i, w := range map[int]topics.Topic{
		0: {"sluice.events", 24, 3, settings("1048588", "1000", topics.Setting{Name: "segment.bytes", Value: "1048576"})},
		2: {"sluice.parked", 12, 3, settings("1048588", "2592000000")},
		4: {"sluice.sbom", 12, 3, settings("16777216", "604800000")},
	} {
		if diff := cmp.Diff(w, plan[i]); diff != "" {
			t.Error(diff)
		}
	}
	for brokers, want := range map[int]string{1: "1 1", 2: "2 1", 3: "3 2", 9: "3 2"} {
		plan, err := topics.Plan(topics.Config{}, brokers)
		if err != nil {
			t.Fatal(err)
		}
		if p := plan[0]; p.ReplicationFactor != int(want[0]-'0') || p.Settings[3].Value != want[2:] || p.Partitions != 6 {
			t.Errorf("%d brokers: %+v", brokers, p)
		}
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"sbom": "TOPIC:SETTING=VALUE", "sbom:retention.ms": "TOPIC:SETTING=VALUE", ":a=b": "TOPIC:SETTING=VALUE", "sbom:=1": "TOPIC:SETTING=VALUE",
		"sluice.sbom:retention.ms=1": `no topic "sluice.sbom"; there are sbom, vex,`,
	} {
		if _, err := topics.ParseOverride(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", in, err)
		}
	}
	for prefix, want := range map[string]string{"": "empty", "a b": "letters", "é": "letters", "a/b": "letters", strings.Repeat("a", 201): "200"} {
		if err := topics.CheckPrefix(prefix); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", prefix, err)
		}
	}
	if err := topics.CheckPrefix("Team_1.sluice-x"); err != nil {
		t.Error(err)
	}
	for _, o := range []string{"*:partitions=0", "vex:replication.factor=many"} {
		override, err := topics.ParseOverride(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := topics.Plan(topics.Config{Overrides: []topics.Override{override}}, 3); err == nil || !strings.Contains(err.Error(), "not a number above 0") {
			t.Errorf("%s: %v", o, err)
		}
	}
}

// TestCreate: what is missing is made, what is there is left alone, every difference has a name.
func TestCreate(t *testing.T) {
	t.Parallel()
	c := brokertest.New(t)
	prefix := c.Prefix(t)
	ctx, cancel := context.WithTimeout(t.Context(), brokertest.Timeout)
	defer cancel()
	plan, err := topics.Plan(topics.Config{Prefix: prefix, Partitions: 2}, 1)
	if err != nil {
		t.Fatal(err)
	}
	states, err := topics.Verify(ctx, c.Broker, plan)
	if err != nil || topics.Wrong(states) != len(plan) || states[0].State != topics.Missing {
		t.Fatalf("before: %v, %+v", err, states)
	}
	c.CreateTopic(t, prefix+".receipts", 1, "retention.ms", "1000", "cleanup.policy", "compact", "max.message.bytes", "2000000", "compression.type", "zstd")

	states, err = topics.Create(ctx, c.Broker, plan)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]topics.State, len(plan))
	for i, p := range plan {
		want[i] = topics.State{Topic: p.Name, State: topics.Created, Mismatches: []topics.Mismatch{}}
	}
	want[3].State = topics.Present
	want[3].Mismatches = []topics.Mismatch{
		{"partitions", "2", "1"},
		{"cleanup.policy", "delete", "compact"},
		{"compression.type", "producer", "zstd"},
		{"max.message.bytes", "1048588", "2000000"},
		{"retention.ms", "604800000", "1000"},
	}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Error(diff)
	}
	for i := range want {
		want[i].State = topics.Present
	}
	for range 2 {
		states, err = topics.Create(ctx, c.Broker, plan)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, states); diff != "" || topics.Wrong(states) != 1 {
			t.Errorf("once more: %s", diff)
		}
	}
}

// TestRefused: the broker says why, of every topic.
func TestRefused(t *testing.T) {
	t.Parallel()
	c := brokertest.New(t)
	plan, err := topics.Plan(topics.Config{Prefix: c.Prefix(t), ReplicationFactor: 7}, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = topics.Create(t.Context(), c.Broker, plan)
	if err == nil || strings.Count(err.Error(), "replication factor 7") != len(plan) || !strings.Contains(err.Error(), kafka.InvalidReplicationFactor.Title()) {
		t.Errorf("the error is %v", err)
	}
}
