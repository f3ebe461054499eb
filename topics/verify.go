package topics

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/internal/kafkaclient"
)

// metadataTTL is of transports that live for one request.
const metadataTTL = 5 * time.Second

// What State says of a topic.
const (
	Created = "created"
	Present = "present"
	Missing = "missing"
)

// State is what was found of a topic.
type State struct {
	Topic      string     `json:"topic"`
	State      string     `json:"state"`
	Mismatches []Mismatch `json:"mismatches"`
}

// Mismatch is a setting that is not as it should be. Of a missing topic there are none.
type Mismatch struct {
	Setting string `json:"setting"`
	Wanted  string `json:"wanted"`
	Found   string `json:"found"` // empty where the broker does not know the setting
}

// Wrong counts the topics that are missing or differ.
func Wrong(states []State) int {
	n := 0
	for _, s := range states {
		if s.State == Missing || len(s.Mismatches) > 0 {
			n++
		}
	}
	return n
}

// Brokers counts the brokers of the cluster.
func Brokers(ctx context.Context, b *kafkaclient.Broker) (int, error) {
	meta, err := b.Metadata(ctx)
	if err != nil {
		return 0, err
	}
	return len(meta.Brokers), nil
}

// Create makes the topics that are missing, leaves the others alone, and then verifies all.
func Create(ctx context.Context, b *kafkaclient.Broker, plan []Topic) ([]State, error) {
	before, err := describe(ctx, b, plan)
	if err != nil {
		return nil, err
	}
	var missing []kafka.TopicConfig
	for _, t := range plan {
		if _, ok := before[t.Name]; ok {
			continue
		}
		c := kafka.TopicConfig{Topic: t.Name, NumPartitions: t.Partitions, ReplicationFactor: t.ReplicationFactor}
		for _, s := range t.Settings {
			c.ConfigEntries = append(c.ConfigEntries, kafka.ConfigEntry{ConfigName: s.Name, ConfigValue: s.Value})
		}
		missing = append(missing, c)
	}
	created := map[string]bool{}
	if len(missing) > 0 {
		transport := b.NewTransport(metadataTTL)
		defer transport.CloseIdleConnections()
		res, err := b.ClientOf(transport).CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: missing})
		if err != nil {
			return nil, fmt.Errorf("create %d topics: %w", len(missing), err)
		}
		var failed error
		for _, t := range missing {
			switch err := res.Errors[t.Topic]; {
			case err == nil:
				created[t.Topic] = true
			case errors.Is(err, kafka.TopicAlreadyExists): // somebody else was faster
			default:
				failed = errors.Join(failed, fmt.Errorf("create topic %s with %d partitions, replication factor %d: %w", t.Topic, t.NumPartitions, t.ReplicationFactor, err))
			}
		}
		if failed != nil {
			return nil, failed
		}
	}
	states, err := Verify(ctx, b, plan)
	for i := range states {
		if created[states[i].Topic] {
			states[i].State = Created
		}
	}
	return states, err
}

// Verify compares what is there with the plan.
func Verify(ctx context.Context, b *kafkaclient.Broker, plan []Topic) ([]State, error) {
	found, err := describe(ctx, b, plan)
	if err != nil {
		return nil, err
	}
	states := make([]State, len(plan))
	for i, t := range plan {
		states[i] = State{Topic: t.Name, State: Missing, Mismatches: []Mismatch{}}
		settings, ok := found[t.Name]
		if !ok {
			continue
		}
		states[i].State = Present
		wanted := append([]Setting{{Partitions, strconv.Itoa(t.Partitions)}, {ReplicationFactor, strconv.Itoa(t.ReplicationFactor)}}, t.Settings...)
		for _, w := range wanted {
			if settings[w.Name] != w.Value {
				states[i].Mismatches = append(states[i].Mismatches, Mismatch{w.Name, w.Value, settings[w.Name]})
			}
		}
	}
	return states, nil
}

// describe returns the settings of the topics that are there, by topic and name.
func describe(ctx context.Context, b *kafkaclient.Broker, plan []Topic) (map[string]map[string]string, error) {
	names := make([]string, len(plan))
	for i, t := range plan {
		names[i] = t.Name
	}
	meta, err := b.Metadata(ctx, names...)
	if err != nil {
		return nil, err
	}
	found := map[string]map[string]string{}
	var resources []kafka.DescribeConfigRequestResource
	for _, t := range meta.Topics {
		if errors.Is(t.Error, kafka.UnknownTopicOrPartition) {
			continue
		}
		if t.Error != nil {
			return nil, fmt.Errorf("topic %s: %w", t.Name, t.Error)
		}
		replicas := 0
		for _, p := range t.Partitions {
			if replicas == 0 || len(p.Replicas) < replicas {
				replicas = len(p.Replicas)
			}
		}
		found[t.Name] = map[string]string{Partitions: strconv.Itoa(len(t.Partitions)), ReplicationFactor: strconv.Itoa(replicas)}
		resources = append(resources, kafka.DescribeConfigRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: t.Name})
	}
	if len(resources) == 0 {
		return found, nil
	}
	transport := b.NewTransport(metadataTTL)
	defer transport.CloseIdleConnections()
	res, err := b.ClientOf(transport).DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: resources})
	if err != nil {
		return nil, fmt.Errorf("settings of %d topics: %w", len(resources), err)
	}
	for _, r := range res.Resources {
		if r.Error != nil {
			return nil, fmt.Errorf("settings of topic %s: %w", r.ResourceName, r.Error)
		}
		for _, e := range r.ConfigEntries {
			found[r.ResourceName][e.ConfigName] = e.ConfigValue
		}
	}
	return found, nil
}
