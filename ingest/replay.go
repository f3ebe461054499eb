package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/normalize/seal"
	"sluice/normalize/unwrap"
)

// Replay is the source of documents that were parked: it hands them over once more.
// One that lands now loses its parked row in the same transaction; one that does not
// keeps it, with one more attempt counted.
//
// An archive that was parked as a whole, because it was too large or cut off, is
// unwrapped again; its row goes when the last of its documents has been taken.
type Replay struct {
	pool    *pgxpool.Pool
	tenant  id.ID
	scanRun int64
	limits  normalize.Limits
	cfg     ReplayConfig
	runs    map[id.ID]int64 // of the tenants that the operator's documents turn out to belong to
	ids     []int64
	loaded  []Envelope // of ids[0], what is still to come
}

// replayed marks an envelope that comes from the parked ones.
type replayed struct {
	id   int64
	done bool  // an archive's last document: the archive's row goes with it
	from id.ID // whose row it is: the operator's documents go to their tenants
}

// ReplayConfig is what the replay of documents from messages needs. The zero value leaves
// them parked, with the reason.
type ReplayConfig struct {
	// Fetch gets a document that a message only named, and checks its hash.
	Fetch func(ctx context.Context, tenant id.ID, ref string, sum []byte) ([]byte, *normalize.ParkError, error)
	// Limits are those of the documents. Default normalize.DefaultLimits.
	Limits normalize.Limits
}

// ParkedFilter picks parked documents. The zero value picks all of a tenant.
type ParkedFilter struct {
	IDs    []int64
	Reason string
}

// NewReplay finds the parked documents of tenant that filter picks and whose bytes are kept.
func NewReplay(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, scanRun int64, filter ParkedFilter) (*Replay, error) {
	r := &Replay{pool: pool, tenant: tenant, scanRun: scanRun, limits: normalize.DefaultLimits, runs: map[id.ID]int64{}}
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlParkedIDs, tenant, filter.IDs, filter.Reason)
		if err != nil {
			return err
		}
		r.ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find parked documents: %w", err)
	}
	return r, nil
}

// Configure says how to get at what messages only named. Call it before Next.
func (r *Replay) Configure(cfg ReplayConfig) {
	r.cfg, r.limits = cfg, cfg.Limits.OrDefault()
}

// Len returns how many parked ones are still to come.
func (r *Replay) Len() int { return len(r.ids) }

// IDs are those of the parked ones that are still to come.
func (r *Replay) IDs() []int64 { return slices.Clone(r.ids) }

// Next implements Source.
func (r *Replay) Next(ctx context.Context) (Envelope, error) {
	for len(r.loaded) == 0 {
		if len(r.ids) == 0 {
			return Envelope{}, io.EOF
		}
		p, err := loadParked(ctx, r.pool, r.tenant, r.ids[0])
		if err != nil && !errors.Is(err, pgx.ErrNoRows) { // none: dropped or replayed by somebody else
			return Envelope{}, err
		}
		if err == nil {
			if r.loaded, err = r.envelopes(ctx, p); err != nil {
				return Envelope{}, err
			}
		}
		r.ids = r.ids[1:]
	}
	env := r.loaded[0]
	r.loaded = r.loaded[1:]
	return env, nil
}

// envelopes are what to hand over for one parked row: the document, or what is in it now.
func (r *Replay) envelopes(ctx context.Context, p parked) ([]Envelope, error) {
	whole := p.envelope(r.tenant, r.scanRun)
	if err := r.complete(ctx, &p, &whole); err != nil || whole.Err != nil {
		return []Envelope{whole}, err
	}
	switch p.reason {
	case normalize.ReasonSignature, normalize.ReasonCorruptArchive, normalize.ReasonEmptyArchive, normalize.ReasonLayers, normalize.ReasonTooLarge, normalize.ReasonTooMany:
	default:
		return []Envelope{whole}, nil
	}
	var list []Envelope
	var total int64
	src := unwrap.Source{Origin: whole.Origin, Reader: bytes.NewReader(p.bytes), ReaderAt: bytes.NewReader(p.bytes), Size: int64(len(p.bytes))}
	err := unwrap.Walk(ctx, src, r.limits, func(e unwrap.Entry) error {
		env := whole
		env.Take(e)
		env.Err = nil // told below
		list = append(list, env)
		switch total += int64(len(e.Bytes)); {
		case e.Err != nil:
			return e.Err
		case total > r.limits.MaxBytes:
			return normalize.Park(normalize.ReasonTooLarge, "", "more than %d bytes unpacked, the limit for replaying an archive; import the file itself again", r.limits.MaxBytes)
		}
		return nil
	})
	var again *normalize.ParkError
	switch {
	case errors.As(err, &again) && again.Reason != normalize.ReasonUnreadable:
		whole.Err = again
		return []Envelope{whole}, nil
	case err != nil && again == nil:
		return nil, err
	case again == nil && p.reason == normalize.ReasonSignature && len(list) == 1 && bytes.Equal(list[0].Bytes, p.bytes):
		// In no envelope: it keeps its row, or loses it, as every document does.
		if sig, err := hex.DecodeString(p.hints[hintDetached]); err == nil && len(sig) > 0 {
			list[0].Seal = seal.NewDetached(sig, p.bytes)
		}
		return list, nil
	case again != nil, len(list) == 1 && bytes.Equal(list[0].Bytes, p.bytes):
		// Nothing that can be unwrapped, such as a piece out of the middle of an archive:
		// what was wrong with it still is.
		whole.Err = &normalize.ParkError{Reason: p.reason, Pointer: p.pointer, Format: p.format, Err: errors.New(p.message)}
		return []Envelope{whole}, nil
	}
	list[len(list)-1].Position = replayed{id: p.id, done: true, from: r.tenant}
	return list, nil
}

// complete finds out what was missing when the message was parked: its tenant, the document
// that it names. Err says that it still is.
func (r *Replay) complete(ctx context.Context, p *parked, env *Envelope) error {
	if r.tenant == id.Operator {
		found, err := FindTenant(ctx, r.pool, p.hints["tenant"])
		if err != nil {
			return err
		}
		if found == nil || *found == id.Shared {
			env.Err = &normalize.ParkError{Reason: p.reason, Pointer: p.pointer, Format: p.format, Err: errors.New(p.message)}
			return nil
		}
		if p.reason == normalize.ReasonProducer {
			topic, _, _ := strings.Cut(p.origin, "/")
			may, err := MayWrite(ctx, r.pool, *found, topic)
			if err != nil {
				return err
			}
			if !may {
				env.Err = &normalize.ParkError{Reason: p.reason, Pointer: p.pointer, Format: p.format, Err: errors.New(p.message)}
				return nil
			}
		}
		if r.runs[*found] == 0 {
			if r.runs[*found], err = startReplay(ctx, r.pool, *found); err != nil {
				return err
			}
		}
		env.Tenant, env.ScanRun = *found, r.runs[*found]
		env.Position = replayed{id: p.id, done: true, from: id.Operator}
	}
	sum, _ := hex.DecodeString(p.hints["document_sha256"])
	ref := p.hints["document_ref"]
	switch {
	case ref == "" && len(sum) == 0:
	case ref == "":
		if got := sha256.Sum256(p.bytes); p.reason == normalize.ReasonHash && !bytes.Equal(got[:], sum) {
			env.Err = &normalize.ParkError{Reason: p.reason, Pointer: p.pointer, Format: p.format, Err: errors.New(p.message)}
		}
	case r.cfg.Fetch == nil:
		env.Err = normalize.Park(normalize.ReasonReference, "header document-ref", "the message only names the document, %s; allow its place with --document-prefix", ref)
	default:
		b, park, err := r.cfg.Fetch(ctx, env.Tenant, ref, sum)
		if err != nil {
			return err
		}
		env.Bytes, env.Err, p.bytes, p.reason = b, park, b, normalize.ReasonCorruptArchive // unwrap it
	}
	return nil
}

// EndRuns closes the scan runs that the operator's documents opened.
func (r *Replay) EndRuns(ctx context.Context, state string) error {
	for tenant, run := range r.runs {
		if err := EndRun(ctx, r.pool, tenant, run, state, Counts{}); err != nil {
			return err
		}
	}
	return nil
}

// Advance implements Source. The pipeline removes the parked row of what it stores; what
// is left are archives whose documents have all been taken.
func (r *Replay) Advance(ctx context.Context, tx pgx.Tx, done []Envelope) error {
	var ids []int64
	for _, env := range done {
		if p := env.Position.(replayed); p.done {
			ids = append(ids, p.id)
		}
	}
	if ids == nil {
		return nil
	}
	last := done[len(done)-1].Tenant
	if last != r.tenant {
		if err := pg.SetTenant(ctx, tx, r.tenant); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, sqlDropParked, r.tenant, ids); err != nil {
		return fmt.Errorf("delete what was replayed: %w", err)
	}
	if last != r.tenant {
		return pg.SetTenant(ctx, tx, last)
	}
	return nil
}

// Committed implements Source.
func (r *Replay) Committed([]Envelope) {}

// Parallel implements Source: one batch at a time, in the order they were parked.
func (r *Replay) Parallel() int { return 1 }

// parked is a row of ingest.parked.
type parked struct {
	id                                       int64
	origin, reason, pointer, message, format string
	bytes                                    []byte
	hints                                    map[string]string
	observedAt                               time.Time
}

// loadParked reads one row; pgx.ErrNoRows where there is none, or none with bytes.
func loadParked(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, number int64) (parked, error) {
	p := parked{id: number}
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		var encoding string
		var stored, hints []byte
		var size int64
		err := tx.QueryRow(ctx, sqlLoadParked, tenant, number).
			Scan(&p.origin, &p.reason, &p.pointer, &p.message, &p.format, &encoding, &stored, &size, &hints)
		if err != nil {
			return err
		}
		if stored != nil {
			if p.bytes, err = Expand(encoding, stored, size); err != nil {
				return err
			}
		}
		if err := json.Unmarshal(hints, &p.hints); err != nil {
			return fmt.Errorf("hints: %w", err)
		}
		if at := p.hints["observed_at"]; at != "" {
			p.observedAt, err = time.Parse(time.RFC3339Nano, at)
		}
		return err
	})
	if err != nil {
		return p, fmt.Errorf("parked document %d: %w", number, err)
	}
	return p, nil
}

func (p *parked) envelope(tenant id.ID, scanRun int64) Envelope {
	env := Envelope{
		Tenant: tenant, Origin: p.origin, Bytes: p.bytes, Kind: normalize.Kind(p.hints["kind"]), Artifact: p.hints["artifact"],
		Stream: p.hints["stream"], ObservedAt: p.observedAt, ScanRun: scanRun, Position: replayed{id: p.id, from: tenant}, Hints: map[string]string{},
	}
	for _, name := range []string{"tenant", "document_ref", "document_sha256", "traceparent"} {
		if v, ok := p.hints[name]; ok {
			env.Hints[name] = v
		}
	}
	if key, ok := p.hints["reply_key"]; ok { // it came by Kafka: its sender hears of it
		b, _ := base64.StdEncoding.DecodeString(key)
		env.Reply, env.Traceparent = &Reply{Key: b}, p.hints["traceparent"]
	}
	return env
}

// ParkedBytes returns a parked document as it was received, nil where it is not there or
// its bytes were not kept.
func ParkedBytes(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, number int64) ([]byte, error) {
	p, err := loadParked(ctx, pool, tenant, number)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return p.bytes, err
}
