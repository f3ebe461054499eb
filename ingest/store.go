package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/normalize/purl"
)

// errConcurrent: another transaction stored one of these documents since the look-up.
var errConcurrent = errors.New("a document was stored by somebody else meanwhile")

// known is what the database has of some bytes.
type known struct {
	document        id.ID
	format, version string
	parked          string // the reason it was parked with
	revision        string
	said            said // of what is parked
}

// said is what was given with a document, which decides whether it can be used and what of it.
type said struct{ kind, artifact, stream string }

func (e Envelope) said() said {
	return said{clean(string(e.Kind)), clean(e.Artifact), clean(e.Stream)}
}

// store writes tasks. It holds no connection: each call gets its transaction.
type store struct {
	cfg      *Config
	revision string
	seen     *packageCache
}

// byTenant calls fn for the tasks of each tenant in turn, with that tenant set.
func byTenant(ctx context.Context, tx pgx.Tx, tasks []*task, fn func(id.ID, []*task) error) error {
	groups := map[id.ID][]*task{}
	var tenants []id.ID
	for _, t := range tasks {
		if groups[t.env.Tenant] == nil {
			tenants = append(tenants, t.env.Tenant)
		}
		groups[t.env.Tenant] = append(groups[t.env.Tenant], t)
	}
	// The same order in every transaction; the last task's tenant stays set for Source.Advance.
	slices.SortFunc(tenants, id.ID.Compare)
	for _, tenant := range tenants {
		if err := pg.SetTenant(ctx, tx, tenant); err != nil {
			return err
		}
		if err := fn(tenant, groups[tenant]); err != nil {
			return err
		}
	}
	if len(tenants) > 1 {
		return pg.SetTenant(ctx, tx, tasks[len(tasks)-1].env.Tenant)
	}
	return nil
}

// lookUp decides which tasks are duplicates: of what is stored, or of an earlier task.
func (s store) lookUp(ctx context.Context, tx pgx.Tx, tasks []*task) error {
	return byTenant(ctx, tx, tasks, func(tenant id.ID, tasks []*task) error {
		hashes := make([][]byte, len(tasks))
		for i, t := range tasks {
			hashes[i] = t.hash[:]
		}
		rows, err := tx.Query(ctx, sqlLookUp, tenant, hashes)
		if err != nil {
			return fmt.Errorf("look up %d content hashes: %w", len(hashes), err)
		}
		have := map[[32]byte]known{}
		var hash []byte
		var k known
		_, err = pgx.ForEachRow(rows, []any{&hash, &k.document, &k.format, &k.version, &k.parked, &k.revision, &k.said.kind, &k.said.artifact, &k.said.stream}, func() error {
			if old, ok := have[[32]byte(hash)]; !ok || old.parked != "" {
				have[[32]byte(hash)] = k
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("look up %d content hashes: %w", len(hashes), err)
		}
		first := map[id.ID]*task{}
		for _, t := range tasks {
			if t.first != nil {
				continue // decided by an earlier task of the batch
			}
			if f := first[t.documentID]; f != nil {
				t.first, t.outcome = f, Duplicate
				continue
			}
			first[t.documentID] = t
			k, ok := have[t.hash]
			if !ok || (k.parked != "" && (k.revision != s.revision || k.parked == normalize.ReasonSwitchedOff || k.said != t.env.said() || t.env.retries())) {
				continue
			}
			t.known, t.outcome = k, Duplicate
		}
		return noteOthers(ctx, tx, tenant, tasks)
	})
}

// noteOthers warns whoever sends stored bytes again for another artifact or stream than they are
// stored for: they stay what they are.
func noteOthers(ctx context.Context, tx pgx.Tx, tenant id.ID, tasks []*task) error {
	var asked []id.ID
	of := map[id.ID][]*task{}
	for _, t := range tasks {
		if t.outcome == Duplicate && t.first == nil && t.known.parked == "" && (t.env.Artifact != "" || t.env.Stream != "") {
			if len(of[t.known.document]) == 0 {
				asked = append(asked, t.known.document)
			}
			of[t.known.document] = append(of[t.known.document], t)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, sqlStoredAs, tenant, asked)
	if err != nil {
		return fmt.Errorf("look up what %d documents are about: %w", len(asked), err)
	}
	var document id.ID
	var artifact *id.ID
	var stored, stream string
	_, err = pgx.ForEachRow(rows, []any{&document, &artifact, &stored, &stream}, func() error {
		for _, t := range of[document] {
			t.noteOther(artifact, stored, stream)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look up what %d documents are about: %w", len(asked), err)
	}
	return nil
}

func (t *task) noteOther(artifact *id.ID, stored, stream string) {
	given := t.env.Artifact
	if p, err := purl.Parse(given); err == nil && artifact != nil && id.Derive(t.env.Tenant, "artifact", p.Purl) == *artifact {
		given = ""
	}
	if given == "" && t.env.Stream == stream {
		return
	}
	t.notes = append(t.notes, normalize.Warning{
		Code: "stored-for-another",
		Message: fmt.Sprintf("these bytes are document %s of artifact %s, stream %q, and stay that: one document describes one artifact. Where both are built of the same, send an SBOM of its own (another serial number or namespace suffices)",
			t.known.document, stored, stream),
	})
}

// retries reports whether the envelope is to be tried although it was parked before:
// a replay, a file that could not be read then or that has something beside it, or one whose sender waits for an answer
// and wants to know what is wrong with it.
func (e Envelope) retries() bool {
	return e.replayed() || e.Retry || e.Reply != nil || (e.Err != nil && e.Bytes == nil)
}

func (e Envelope) replayed() bool {
	_, replay := e.Position.(replayed)
	return replay
}

// write stores tasks and decides their outcomes. In one transaction, sorted by key.
func (s store) write(ctx context.Context, tx pgx.Tx, tasks []*task) error {
	left := len(tasks)
	return byTenant(ctx, tx, tasks, func(tenant id.ID, tasks []*task) error {
		left -= len(tasks)
		if err := s.findTwins(ctx, tx, tenant, tasks); err != nil {
			return err
		}
		r := newRows(s.seen, s.revision)
		for _, t := range tasks {
			r.add(t)
		}
		return r.flush(ctx, tx, tenant, left > 0)
	})
}

// committed remembers what is known to be stored now.
func (s store) committed(tasks []*task) {
	for _, t := range tasks {
		if t.outcome == Accepted && t.packages != nil {
			s.seen.add(t.epoch, t.packages)
		}
		t.packages = nil
	}
}
