package topics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Settings that are not the topic's configuration but how it is laid out; they are named
// like those in overrides and mismatches.
const (
	Partitions        = "partitions"
	ReplicationFactor = "replication.factor"
)

// Topic is how a topic should be.
type Topic struct {
	Name              string // with the prefix
	Partitions        int
	ReplicationFactor int
	Settings          []Setting // by name
}

// Setting is a topic configuration of Kafka.
type Setting struct{ Name, Value string }

// Config says what differs from the defaults of Plan.
type Config struct {
	Prefix string // default "sluice"
	// Partitions is the number of topic partitions, the most consumers that can share a
	// topic. Default 6. More can be added later, but keys then move to other partitions.
	Partitions int
	// ReplicationFactor defaults to 3, or the number of brokers where that is less.
	ReplicationFactor int
	// Overrides are applied in order, the last one wins.
	Overrides []Override
}

// Override sets one setting of one topic, or of all.
type Override struct {
	Topic string // without the prefix, or "*"
	Setting
}

// ParseOverride reads TOPIC:NAME=VALUE.
func ParseOverride(s string) (Override, error) {
	topic, rest, ok := strings.Cut(s, ":")
	name, value, ok2 := strings.Cut(rest, "=")
	if !ok || !ok2 || topic == "" || name == "" {
		return Override{}, fmt.Errorf("%q: it is TOPIC:SETTING=VALUE, such as sbom:retention.ms=86400000 or *:partitions=12", s)
	}
	if topic != "*" && !slices.Contains(names(), topic) {
		return Override{}, fmt.Errorf("%q: there is no topic %q; there are %s", s, topic, strings.Join(names(), ", "))
	}
	return Override{topic, Setting{name, value}}, nil
}

const (
	day = 24 * 60 * 60 * 1000 // ms

	// maxDocument is the largest message of documents. Larger documents come by reference:
	// every consumer of a topic must have memory for several of its largest messages.
	maxDocument = 16 << 20
	// maxRecord is Kafka's own default: 1 MiB and the 12 bytes around a batch.
	maxRecord = 1<<20 + 12
)

// kind is what topics of one use have in common.
type kind struct {
	topics []string
	// retention is how long the longest outage, of the importer or of whoever reads what it
	// says, may last before something is lost.
	retention, maxBytes int
}

var kinds = []kind{
	{[]string{SBOM, VEX, Vuln}, 7 * day, maxDocument},
	// A backfill can wait for days.
	{[]string{SBOMBulk, VEXBulk, VulnBulk}, 14 * day, maxDocument},
	{[]string{Events}, 7 * day, maxRecord},
	{[]string{Receipts}, 7 * day, maxRecord},
	// People act on these.
	{[]string{Findings, Parked}, 30 * day, maxRecord},
}

func names() []string {
	var list []string
	for _, k := range kinds {
		list = append(list, k.topics...)
	}
	return list
}

// Plan returns the topics as they should be in a cluster of so many brokers, by name.
func Plan(cfg Config, brokers int) ([]Topic, error) {
	if cfg.Prefix == "" {
		cfg.Prefix = "sluice"
	}
	if err := CheckPrefix(cfg.Prefix); err != nil {
		return nil, fmt.Errorf("topic prefix: %w", err)
	}
	if cfg.Partitions == 0 {
		cfg.Partitions = 6
	}
	if cfg.ReplicationFactor == 0 {
		cfg.ReplicationFactor = max(1, min(3, brokers))
	}
	var plan []Topic
	for _, k := range kinds {
		for _, short := range k.topics {
			t := Topic{Name: Name(cfg.Prefix, short), Partitions: cfg.Partitions, ReplicationFactor: cfg.ReplicationFactor}
			settings := map[string]string{
				// Every message counts: there is no last one per key that replaces the others.
				"cleanup.policy": "delete",
				// As the sender compressed it: recompressing costs the broker and gains nothing.
				"compression.type":  "producer",
				"max.message.bytes": strconv.Itoa(k.maxBytes),
				"retention.ms":      strconv.Itoa(k.retention),
			}
			for _, o := range cfg.Overrides {
				if o.Topic != "*" && o.Topic != short {
					continue
				}
				if o.Name != Partitions && o.Name != ReplicationFactor {
					settings[o.Name] = o.Value
					continue
				}
				n, err := strconv.Atoi(o.Value)
				if err != nil || n < 1 {
					return nil, fmt.Errorf("%s of topic %s: %q is not a number above 0", o.Name, short, o.Value)
				}
				if o.Name == Partitions {
					t.Partitions = n
				} else {
					t.ReplicationFactor = n
				}
			}
			if settings["min.insync.replicas"] == "" {
				// Of three copies two must be written before acks=all is answered: one broker
				// may go away without loss, and without a standstill.
				settings["min.insync.replicas"] = strconv.Itoa(min(2, max(1, t.ReplicationFactor-1)))
			}
			for name, value := range settings {
				t.Settings = append(t.Settings, Setting{name, value})
			}
			slices.SortFunc(t.Settings, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
			plan = append(plan, t)
		}
	}
	slices.SortFunc(plan, func(a, b Topic) int { return strings.Compare(a.Name, b.Name) })
	return plan, nil
}
