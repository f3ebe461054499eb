package maintenance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/audit"
	"sluice/internal/pg"
	"sluice/outbox"
	"sluice/tenants"
)

// AnchorConfig says where anchors of the audit logs go. Both are worth as much as the database's own
// administrators cannot write there.
type AnchorConfig struct {
	File  string // a line is added per tenant; "" is none
	Topic string // of Kafka, as it is: through the outbox; "" is none
}

// anchorType is the ce_type of an anchor.
const anchorType = "dev.sluice.audit.anchor.v1"

// Anchors publishes the newest hash of each tenant's audit log.
func Anchors(cfg AnchorConfig) Task {
	return Task{
		Name: "anchors", Does: "publish the newest hash of each audit log", Every: time.Hour,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (r Result, err error) {
			list, err := allTenants(ctx, pool, true)
			if err != nil {
				return r, err
			}
			if dryRun {
				return Result{What: fmt.Sprintf("anchors of up to %d audit logs", len(list))}, nil
			}
			anchors, err := PublishAnchors(ctx, pool, list, cfg)
			r.Rows = int64(len(anchors))
			r.What = counted(r.Rows, "anchors published")
			return r, err
		},
	}
}

// PublishAnchors takes the newest hash of each tenant that has an audit log, and publishes it.
func PublishAnchors(ctx context.Context, pool *pgxpool.Pool, list []tenants.Tenant, cfg AnchorConfig) ([]audit.Anchor, error) {
	var anchors []audit.Anchor
	for _, t := range list {
		err := pg.Tenant(ctx, pool, t.ID, func(tx pgx.Tx) error {
			a, any, err := audit.Newest(ctx, tx, t.ID)
			if err != nil || !any {
				return err
			}
			a.Tenant = t.Name
			if cfg.Topic != "" {
				if err := sendAnchor(ctx, tx, cfg.Topic, a); err != nil {
					return err
				}
			}
			anchors = append(anchors, a)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("anchor of tenant %s: %w", t.Name, err)
		}
	}
	if cfg.File == "" || len(anchors) == 0 {
		return anchors, nil
	}
	return anchors, appendAnchors(cfg.File, anchors)
}

// sendAnchor puts an anchor into the outbox. Anchors of one tenant keep their order.
func sendAnchor(ctx context.Context, tx pgx.Tx, topic string, a audit.Anchor) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	rows, err := outbox.Rows(topic, []outbox.Message{{
		ID: fmt.Sprintf("%s/%d", a.TenantID, a.Seq), Key: []byte(a.TenantID.String()), Type: anchorType, Time: *a.At, Subject: a.Tenant, Data: text,
	}})
	if err != nil {
		return err
	}
	return outbox.Insert(ctx, tx, a.TenantID, rows)
}

// appendAnchors adds lines to a file; they are on the disk when it returns.
func appendAnchors(path string, anchors []audit.Anchor) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for _, a := range anchors {
		if err := enc.Encode(a); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("file of anchors: %w", err)
	}
	_, err = f.Write(text.Bytes()) // one write: two processes do not mix lines
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("file of anchors: %w", err)
	}
	return nil
}
