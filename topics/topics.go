// Package topics knows the Kafka topics of Sluice: their names, the settings that each
// should have and why, how to make them, and how to tell what differs.
//
// Create makes what is missing and leaves the rest alone; Verify compares. Neither ever
// changes or deletes a topic that is there: that is for the people who run the cluster.
package topics

import (
	"errors"
	"fmt"
	"strings"
)

// The topics, without the prefix.
const (
	SBOM     = "sbom"      // SBOMs, interactive lane
	VEX      = "vex"       // VEX documents, interactive lane
	Vuln     = "vuln"      // vulnerability records, interactive lane
	Events   = "events"    // flat records of scan runs
	SBOMBulk = "sbom.bulk" // the bulk lane: backfills, which wait for the interactive one
	VEXBulk  = "vex.bulk"
	VulnBulk = "vuln.bulk"
	Receipts = "receipts" // out: what became of each document
	Findings = "findings" // out: findings opened, closed, suppressed
	Parked   = "parked"   // out: notices of parked documents
)

// Name is the topic's name in Kafka.
func Name(prefix, topic string) string { return prefix + "." + topic }

// CheckPrefix refuses a prefix that makes no legal names: Kafka allows letters, digits,
// dot, underscore and hyphen, and 249 characters (org.apache.kafka.common.internals.Topic).
func CheckPrefix(prefix string) error {
	illegal := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	}
	switch {
	case prefix == "":
		return errors.New("it is empty")
	case strings.ContainsFunc(prefix, illegal):
		return fmt.Errorf("%q: a topic's name has letters, digits, dots, underscores and hyphens only", prefix)
	case len(prefix) > 200:
		return fmt.Errorf("it has %d characters; 200 are allowed", len(prefix))
	}
	return nil
}
