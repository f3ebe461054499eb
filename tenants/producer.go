package tenants

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// Producer is a Kafka topic that may carry documents of a tenant.
type Producer struct {
	Topic     string    `db:"topic" json:"topic"` // with * at its end: all that begin so
	CreatedBy *id.ID    `db:"created_by" json:"created_by"`
	CreatedAt time.Time `db:"created_at" json:"created_at"`
}

var goodTopic = regexp.MustCompile(`^([A-Za-z0-9._-]{1,249}[*]?|[*])$`)

// SetTopic is AllowTopic or DenyTopic.
type SetTopic func(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, topic string) (changed bool, err error)

// AllowTopic lets a topic carry documents of the tenant; changed says whether it might not before. pool acts
// as the maintainer.
func AllowTopic(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, topic string) (changed bool, err error) {
	if !goodTopic.MatchString(topic) {
		return false, ask.Wrong("", "topic %q: it is a name of letters, digits, dots, dashes and underscores; * at the end stands for all that begin so", topic)
	}
	return setProducer(ctx, pool, tenant, topic, sqlAllow, "topics.allow", nil, map[string]string{"topic": topic})
}

// DenyTopic takes that back.
func DenyTopic(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, topic string) (changed bool, err error) {
	return setProducer(ctx, pool, tenant, topic, sqlDeny, "topics.deny", map[string]string{"topic": topic}, nil)
}

func setProducer(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, topic, sql, action string, before, after any) (changed bool, err error) {
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, tenant, topic)
		if changed = tag.RowsAffected() > 0; err != nil || !changed {
			return err
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{Action: action, Entity: "producer", Diff: audit.Change(before, after)})
	})
	if err != nil {
		return false, fmt.Errorf("%s %s: %w", action, topic, err)
	}
	return changed, nil
}

// Producers lists the topics that may carry documents of the tenant.
func Producers(ctx context.Context, pool *pgxpool.Pool, tenant id.ID) (list []Producer, err error) {
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlProducers, tenant)
		if err != nil {
			return err
		}
		list, err = pgx.AppendRows([]Producer{}, rows, pgx.RowToStructByName[Producer])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list topics that are allowed: %w", err)
	}
	return list, nil
}
