package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"sluice/doctor"
	"sluice/serve"
)

// The doctor's verdicts as errors: the exit status is all that is left to say.
var (
	errWarn = errors.New("there is something to watch")
	errAct  = errors.New("there is something to do")
)

func newDoctor(a *app) *cobra.Command {
	var cfg serve.Doctor
	var flags kafkaFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at everything that Sluice stands on: fine, warn or act, with the remedy",
		Long: `Looks at the database (version, settings, roles, extensions, clock, connections, wraparound, schema,
partitions), the disk, and, where the settings name them, Kafka and its topics, Redis and backups.
Give it the settings of ` + "`sluice serve`" + `: the same environment or --config. It changes nothing.

Exit status: 0 all is fine, 4 there is something to watch (warn), 5 something to do (act).`,
		Example: "  sluice doctor\n  sluice doctor --config /etc/sluice.yaml --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.doctor(cmd.Context(), cfg, &flags)
		},
	}
	flags.addConnection(cmd.Flags())
	f := cmd.Flags()
	f.IntVar(&cfg.Topics.Partitions, "partitions", 6, "partitions that each topic should have")
	f.IntVar(&cfg.Topics.ReplicationFactor, "replication-factor", 0, "copies of each message that there should be; default 3, or the number of brokers where that is less")
	backupFlags(&cfg.Backup, f)
	return cmd
}

func (a *app) doctor(ctx context.Context, cfg serve.Doctor, flags *kafkaFlags) error {
	if len(flags.brokers) > 0 {
		b, err := flags.open(ctx)
		if err != nil {
			return err
		}
		defer b.Close()
		cfg.Kafka, cfg.Topics.Prefix = b, flags.topicPrefix
	}
	list := a.db.Doctor(ctx, cfg)
	t := &table{head: []string{"what", "verdict", "found", "remedy"}}
	for _, f := range list {
		t.add(f.What, string(f.Verdict), f.Says, a.hint(f.Remedy))
	}
	if err := a.print(t, list); err != nil {
		return err
	}
	switch doctor.Worst(list) {
	case doctor.Act:
		return errAct
	case doctor.Warn:
		return errWarn
	}
	return nil
}
