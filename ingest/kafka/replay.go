package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
)

// ReplayEvents tries parked events of a tenant again, those of the operator too whose tenant
// there is by now: one transaction each, in which the parked row goes. It returns how many
// landed and how many stay. cover is Config.Cover.
//
// Long: the ways in which one event may stay parked are told apart in one loop, in their order.
func ReplayEvents(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, filter ingest.ParkedFilter, cover func(context.Context, time.Time) error) (landed, stay int, err error) {
	type row struct {
		ID              int64
		Origin          string
		Encoding        string
		Bytes           []byte
		Size            int64
		ScanRun         int64
		Tenant, MsgTime string
		Reason          string
	}
	var list []row
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlParkedEvents, tenant, filter.IDs, filter.Reason)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[row])
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("find parked events: %w", err)
	}
	reader, names := newEventReader(), newTenants(pool, "replay")
	for _, r := range list {
		value, err := ingest.Expand(r.Encoding, r.Bytes, r.Size)
		if err != nil {
			return landed, stay, fmt.Errorf("parked event %d: %w", r.ID, err)
		}
		m := &kafka.Message{Value: value}
		m.Topic, m.Partition, m.Offset = placeOf(r.Origin)
		m.Time, _ = time.Parse(time.RFC3339Nano, r.MsgTime)
		e := reader.read(m)
		to := tenant
		if tenant == id.Operator {
			found, ok, err := names.find(ctx, cmp.Or(r.Tenant, e.tenantName))
			if err != nil {
				return landed, stay, err
			}
			if !ok || found == id.Shared {
				stay++
				continue
			}
			if r.Reason == normalize.ReasonProducer {
				may, err := names.mayWrite(ctx, found, m.Topic)
				if err != nil {
					return landed, stay, err
				}
				if !may {
					stay++
					continue
				}
			}
			to = found
		}
		if e.park == nil && cover != nil {
			switch err := cover(ctx, e.at); pg.FaultOf(err) {
			case pg.NoFault, pg.FaultDefect: // nobody here may make partitions: the insert tells
			case pg.FaultInput:
				e.park = normalize.Park(normalize.ReasonTime, "", "%w", err)
			default:
				return landed, stay, err
			}
		}
		if e.park != nil {
			stay++
			continue
		}
		if e.scanRun == 0 {
			if e.scanRun, err = names.run(ctx, to); err != nil {
				return landed, stay, err
			}
		}
		err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if err := insertEvents(ctx, tx, to, []*event{&e}); err != nil {
				return err
			}
			if err := pg.SetTenant(ctx, tx, tenant); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, sqlDropEvent, tenant, r.ID)
			if err == nil && tag.RowsAffected() == 0 {
				return errTaken
			}
			return err
		})
		switch {
		case errors.Is(err, errTaken): // somebody else replayed it
		case pg.FaultOf(err) == pg.FaultInput, pg.LacksPartition(err):
			stay++
		case err != nil:
			return landed, stay, fmt.Errorf("parked event %d: %w", r.ID, err)
		default:
			landed++
		}
	}
	return landed, stay, nil
}

var errTaken = errors.New("the parked event is gone")

// placeOf takes an origin, topic/3@1842, apart.
func placeOf(origin string) (topic string, partition int, offset int64) {
	topic, rest, _ := strings.Cut(origin, "/")
	number, at, _ := strings.Cut(rest, "@")
	partition, _ = strconv.Atoi(number)
	offset, _ = strconv.ParseInt(at, 10, 64)
	return topic, partition, offset
}
