package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/backup"
	"sluice/doctor"
	"sluice/internal/embedpg"
	"sluice/internal/kafkaclient"
	"sluice/migrations"
	"sluice/partitions"
	"sluice/topics"
)

// Doctor says what is looked at beside the database; what is not given is not used, and left out.
type Doctor struct {
	Kafka  *kafkaclient.Broker
	Topics topics.Config
	Backup Backup
}

// doctorPatience bounds each question.
const doctorPatience = 15 * time.Second

// Doctor looks at everything that a service stands on. It changes nothing, but starts the
// embedded server and brings it up to date. What cannot be looked at is a finding too; there is no error.
func (d *Database) Doctor(ctx context.Context, cfg Doctor) []doctor.Finding {
	var out []doctor.Finding
	for _, part := range []struct {
		what   string
		remedy string
		look   func(context.Context) ([]doctor.Finding, error)
	}{
		{"database", "see that the server runs, and that --database-url, its password and pg_hba.conf fit", d.doctorDatabase},
		{"disk", "", d.doctorDisk},
		{"kafka", "see that the brokers run, and that --brokers and the flags of TLS and SASL fit; `sluice topics create` makes topics", cfg.kafka},
		{"redis", "see that Redis runs and that --redis-url fits; until then PostgreSQL answers in its place", d.doctorRedis},
		{"backup", "see docs/backup.md", cfg.backups},
	} {
		look, cancel := context.WithTimeout(ctx, doctorPatience)
		list, err := part.look(look)
		cancel()
		out = append(out, list...)
		if err != nil {
			verdict := doctor.Act
			if part.what == "redis" {
				verdict = doctor.Warn
			}
			out = append(out, doctor.Found(part.what, verdict, err.Error(), part.remedy))
		}
	}
	return out
}

func (d *Database) doctorDatabase(ctx context.Context) ([]doctor.Finding, error) {
	conn, err := d.Bare(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if d.server != nil {
		// As every command does: that server is this program's own.
		if _, err := Migrate(ctx, conn); err != nil {
			return nil, err
		}
	}
	out, err := doctor.Server(ctx, conn)
	if err != nil {
		return out, err
	}
	if err := migrations.Verify(ctx, conn); err != nil {
		says, _, _ := strings.Cut(err.Error(), "; run")
		return append(out, doctor.Found("schema", doctor.Act, says, "run `sluice migrate up` of the program that is to run")), nil
	}
	out = append(out, doctor.Found("schema", doctor.Fine, "that of this program", ""))
	more, err := d.doctorPartitions(ctx)
	return append(out, more...), err
}

func (d *Database) doctorPartitions(ctx context.Context) ([]doctor.Finding, error) {
	conn, err := d.Monitor(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tables, err := partitions.Inspect(ctx, conn, time.Now())
	if err != nil {
		return nil, err
	}
	var out []doctor.Finding
	for _, t := range tables {
		says, verdict := fmt.Sprintf("%d, %d ahead", t.Partitions, t.Ahead), doctor.Fine
		if len(t.Alarms) > 0 {
			says, verdict = strings.Join(t.Alarms, "; "), doctor.Warn
			if t.AheadSeconds <= 0 {
				verdict = doctor.Act
			}
		}
		out = append(out, doctor.Found("partitions of "+t.Parent, verdict, says, "run `sluice maintain`, and see that `serve` or a timer does (docs/partitions.md)"))
	}
	return out, nil
}

// doctorDisk looks at the file systems of this machine that matter: that of the embedded server and
// that of temporary files. Where the server is somebody else's, its disk cannot be seen from here.
func (d *Database) doctorDisk(context.Context) ([]doctor.Finding, error) {
	paths := map[string]string{"disk of temporary files": os.TempDir()}
	if d.server != nil {
		home := d.cfg.Home
		if home == "" {
			var err error
			if home, err = embedpg.DefaultHome(); err != nil {
				return nil, err
			}
		}
		paths["disk of the database"] = home
	}
	var out []doctor.Finding
	for what, path := range paths {
		free, size, err := diskSpace(path)
		if err != nil {
			return out, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, doctor.Disk(what, path, free, size))
	}
	return out, nil
}

func (cfg Doctor) kafka(ctx context.Context) ([]doctor.Finding, error) {
	if cfg.Kafka == nil {
		return nil, nil
	}
	brokers, err := topics.Brokers(ctx, cfg.Kafka)
	if err != nil {
		return nil, err
	}
	out := []doctor.Finding{doctor.Found("kafka", doctor.Fine, fmt.Sprintf("%d brokers answer", brokers), "")}
	plan, err := topics.Plan(cfg.Topics, brokers)
	if err != nil {
		return out, err
	}
	states, err := topics.Verify(ctx, cfg.Kafka, plan)
	if err != nil {
		return out, err
	}
	var wrong []string
	missing := false
	for _, s := range states {
		switch {
		case s.State == topics.Missing:
			missing = true
			wrong = append(wrong, s.Topic+" is missing")
		case len(s.Mismatches) > 0:
			m := s.Mismatches[0]
			wrong = append(wrong, fmt.Sprintf("%s: %s is %s, not %s", s.Topic, m.Setting, m.Found, m.Wanted))
		}
	}
	says, verdict := fmt.Sprintf("%d are as they should be", len(states)), doctor.Fine
	if wrong != nil {
		says, verdict = strings.Join(wrong, "; "), doctor.Warn
	}
	if missing {
		verdict = doctor.Act
	}
	return append(out, doctor.Found("topics", verdict, says, "`sluice topics create` makes what is missing; `sluice topics verify` lists what differs")), nil
}

func (d *Database) doctorRedis(ctx context.Context) ([]doctor.Finding, error) {
	if d.cfg.Redis == nil {
		return nil, nil
	}
	asked := time.Now()
	if err := d.cfg.Redis.Do(ctx, func(ctx context.Context, r redis.Cmdable) error { return r.Ping(ctx).Err() }); err != nil {
		return nil, err
	}
	return []doctor.Finding{doctor.Found("redis", doctor.Fine, "answers in "+time.Since(asked).Round(time.Millisecond).String(), "")}, nil
}

// backups looks at the newest backup of each server in the store. Whether it can be restored is
// what a drill finds out.
func (cfg Doctor) backups(ctx context.Context) ([]doctor.Finding, error) {
	b := cfg.Backup
	if b.To == "" {
		return []doctor.Finding{doctor.Found("backup", doctor.Warn, "none is configured (--backup-to)", "see docs/backup.md, unless somebody else backs this server up")}, nil
	}
	store, _, err := b.Open(ctx)
	if err != nil {
		return nil, err
	}
	repository, err := backup.OpenRepository(ctx, store, b.Cluster)
	if err != nil {
		return nil, err
	}
	if len(repository.Backups) == 0 {
		return nil, errors.New("there is no backup at " + b.To)
	}
	newest := repository.Backups[len(repository.Backups)-1]
	age := time.Since(newest.Ended).Round(time.Minute)
	verdict := doctor.Fine
	switch {
	case age > 4*b.Every:
		verdict = doctor.Act
	case age > b.Every+b.Every/4:
		verdict = doctor.Warn
	}
	out := []doctor.Finding{doctor.Found("backup", verdict, fmt.Sprintf("%d; the newest, %s, is %s old", len(repository.Backups), newest.ID, age), "run `sluice backup run`, and see why `maintain` or `serve` did not (its log, docs/runbooks.md)")}
	if newest.WAL == backup.None {
		out = append(out, doctor.Found("archive of WAL", doctor.Warn, "none: what came after the newest backup would be lost", "archive WAL: --backup-wal stream or command"))
	}
	return out, nil
}
