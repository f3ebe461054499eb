package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"sluice/internal/kafkaclient"
	"sluice/topics"
)

// kafkaFlags are the flags of every command that talks to Kafka.
type kafkaFlags struct {
	brokers     []string
	group       string // of consumers
	topicPrefix string

	tls                    bool
	ca, cert, key, tlsName string
	mechanism, user        string
	password               secretFlags
}

// envName marks a flag whose name in the environment is not its own: the command line's
// contract fixes these, and SLUICE_GROUP would say too little.
const envName = "env"

// topicsTimeout bounds what a command asks of the brokers about topics.
const topicsTimeout = 30 * time.Second

// add is for commands that consume.
func (f *kafkaFlags) add(flags *pflag.FlagSet) {
	f.addConnection(flags)
	flags.StringVar(&f.group, "group", "sluice", "consumer group (env SLUICE_KAFKA_GROUP)")
	_ = flags.SetAnnotation("group", envName, []string{"SLUICE_KAFKA_GROUP"}) // fails only for a flag that is not there
}

// addConnection is for commands that do not consume.
func (f *kafkaFlags) addConnection(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.brokers, "brokers", nil, "Kafka brokers to begin with, HOST:PORT,... (env SLUICE_KAFKA_BROKERS)")
	_ = flags.SetAnnotation("brokers", envName, []string{"SLUICE_KAFKA_BROKERS"})
	flags.StringVar(&f.topicPrefix, "topic-prefix", "sluice", "topics are PREFIX.sbom and so on (env SLUICE_TOPIC_PREFIX)")
	flags.BoolVar(&f.tls, "kafka-tls", false, "encrypt the connections to Kafka")
	flags.StringVar(&f.ca, "kafka-tls-ca", "", "PEM file of the certificates that the brokers' are checked against; default those of the system")
	flags.StringVar(&f.cert, "kafka-tls-cert", "", "PEM file of our own certificate, where the brokers ask for one")
	flags.StringVar(&f.key, "kafka-tls-key", "", "PEM file of its key")
	flags.StringVar(&f.tlsName, "kafka-tls-server-name", "", "name that the brokers' certificates bear, where it is not the host of their addresses")
	flags.StringVar(&f.mechanism, "kafka-sasl", "", "how to log in to Kafka: "+strings.Join(kafkaclient.Mechanisms, ", "))
	flags.StringVar(&f.user, "kafka-username", "", "user name for --kafka-sasl")
	f.password.add(flags, "kafka-password", "the password for --kafka-sasl")
}

// open checks the flags and reads the files that they name. It does not connect.
func (f *kafkaFlags) open(ctx context.Context) (*kafkaclient.Broker, error) {
	if len(f.brokers) == 0 {
		return nil, usagef("name the Kafka brokers: --brokers HOST:PORT,... or SLUICE_KAFKA_BROKERS")
	}
	if err := topics.CheckPrefix(f.topicPrefix); err != nil {
		return nil, usagef("--topic-prefix: %w", err)
	}
	cfg := kafkaclient.Config{
		Brokers: f.brokers,
		TLS:     kafkaclient.TLS{Enabled: f.tls, CAFile: f.ca, CertFile: f.cert, KeyFile: f.key, ServerName: f.tlsName},
		SASL:    kafkaclient.SASL{Mechanism: f.mechanism, Username: f.user},
	}
	if f.mechanism != "" || f.password.asked() {
		// Only where it is asked for: the environment may carry it for another program.
		var err error
		if cfg.SASL.Password, err = f.password.get(ctx); err != nil {
			return nil, err
		}
	}
	b, err := cfg.Open()
	if err != nil {
		return nil, usageError{err}
	}
	return b, nil
}
