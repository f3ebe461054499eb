package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/queue"
)

// Kinds of jobs.
const (
	kindSBOM     = "sbom"     // {"artifact","stream"}: a document of this stream came
	kindVEX      = "vex"      // {"document"}: statements came
	kindFact     = "fact"     // {"id"}: a version of this record came
	kindMatch    = "match"    // {"keys","vulns"}: shared facts changed
	kindDecision = "decision" // {"vuln"}: somebody decided
)

// batch is the work of one transaction for one tenant: what its jobs ask for, and
// what turns out to be touched on the way.
type batch struct {
	tx     pgx.Tx
	tenant id.ID
	w      *Worker

	streams   []streamKey
	documents []id.ID         // VEX documents
	facts     map[string]bool // external ids of records
	keys      map[string]bool // match keys whose facts changed
	vulns     map[string]bool // vulnerabilities whose findings are to be looked at again
	packages  map[id.ID]bool  // packages to be matched from scratch
	changed   bool            // findings changed: the views are stale
}

type streamKey struct {
	artifact id.ID
	stream   string
}

func (b *batch) run(ctx context.Context, jobs []queue.Job) error {
	b.facts, b.keys, b.vulns, b.packages = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[id.ID]bool{}
	for _, job := range jobs {
		if err := b.take(job); err != nil {
			return err
		}
	}
	if err := b.projectFacts(ctx); err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	if b.tenant == id.Shared {
		if err := b.fanOut(ctx); err != nil {
			return fmt.Errorf("hand shared facts on: %w", err)
		}
		return nil
	}
	if err := b.projectStreams(ctx); err != nil {
		return fmt.Errorf("components: %w", err)
	}
	if err := b.match(ctx); err != nil {
		return fmt.Errorf("match: %w", err)
	}
	if err := b.projectStatements(ctx); err != nil {
		return fmt.Errorf("statements: %w", err)
	}
	if err := b.projectFindings(ctx); err != nil {
		return fmt.Errorf("findings: %w", err)
	}
	if b.changed {
		return markViews(ctx, b.tx)
	}
	return nil
}

// take sorts a job into the batch; jobs with the same key fall together here.
func (b *batch) take(job queue.Job) error {
	var p struct {
		Artifact id.ID    `json:"artifact"`
		Stream   string   `json:"stream"`
		Document id.ID    `json:"document"`
		ID       string   `json:"id"`
		Keys     []string `json:"keys"`
		Vulns    []string `json:"vulns"`
		Vuln     string   `json:"vuln"`
	}
	if err := json.Unmarshal(job.Payload, &p); err != nil {
		return fmt.Errorf("job %d, %s: payload: %w", job.ID, job.Kind, err)
	}
	switch job.Kind {
	case kindSBOM:
		k := streamKey{p.Artifact, p.Stream}
		if !slices.Contains(b.streams, k) {
			b.streams = append(b.streams, k)
		}
	case kindVEX:
		b.documents = append(b.documents, p.Document)
	case kindFact:
		b.facts[p.ID] = true
	case kindMatch:
		for _, k := range p.Keys {
			b.keys[k] = true
		}
		for _, v := range p.Vulns {
			b.vulns[v] = true
		}
	case kindDecision:
		b.vulns[p.Vuln] = true
	default:
		return fmt.Errorf("job %d: this program does not know jobs of kind %q; a newer one made it", job.ID, job.Kind)
	}
	return nil
}

// strings reads a column of text into a set.
func (b *batch) strings(ctx context.Context, into map[string]bool, sql string, args ...any) error {
	rows, err := b.tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var s string
	_, err = pgx.ForEachRow(rows, []any{&s}, func() error { into[s] = true; return nil })
	return err
}

func (b *batch) exec(ctx context.Context, sql string, args ...any) error {
	_, err := b.tx.Exec(ctx, sql, args...)
	return err
}

// projectFacts decides which version of each record counts, and which keys and
// vulnerabilities its versions speak of.
func (b *batch) projectFacts(ctx context.Context) error {
	if len(b.facts) == 0 {
		return nil
	}
	ids := sorted(b.facts)
	rows, err := b.tx.Query(ctx, sqlChangedFacts, b.tenant, ids)
	if err != nil {
		return err
	}
	var facts []id.ID
	var current []bool
	var fact id.ID
	var is bool
	if _, err := pgx.ForEachRow(rows, []any{&fact, &is}, func() error { facts, current = append(facts, fact), append(current, is); return nil }); err != nil {
		return err
	}
	if len(facts) > 0 {
		if err := b.exec(ctx, sqlSetAffectedCurrent, b.tenant, facts, current); err != nil {
			return err
		}
		if err := b.exec(ctx, sqlSetAliasCurrent, b.tenant, facts, current); err != nil {
			return err
		}
	}
	if err := b.strings(ctx, b.keys, sqlFactKeys, b.tenant, ids); err != nil {
		return err
	}
	return b.strings(ctx, b.vulns, sqlFactNames, b.tenant, ids)
}

// fanOut turns changed shared facts into jobs of the tenants that they concern.
func (b *batch) fanOut(ctx context.Context) error {
	if len(b.keys) == 0 && len(b.vulns) == 0 {
		return nil
	}
	groups, err := loadGroups(ctx, b.tx, b.tenant, sorted(b.vulns))
	if err != nil {
		return err
	}
	keys, vulns := sorted(b.keys), groups.ids()
	rows, err := b.tx.Query(ctx, `select tenant_id from authority.tenant where tenant_id <> $1 order by 1`, id.Shared)
	if err != nil {
		return err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[id.ID])
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := pg.SetTenant(ctx, b.tx, tenant); err != nil {
			return err
		}
		theirKeys, theirVulns := map[string]bool{}, map[string]bool{}
		if err := b.strings(ctx, theirKeys, sqlFanOutKeys, tenant, keys); err != nil {
			return err
		}
		if err := b.strings(ctx, theirVulns, sqlFanOutVulns, tenant, vulns); err != nil {
			return err
		}
		if len(theirKeys) == 0 && len(theirVulns) == 0 {
			continue
		}
		payload, err := json.Marshal(map[string][]string{"keys": sorted(theirKeys), "vulns": sorted(theirVulns)})
		if err != nil {
			return err
		}
		if err := b.exec(ctx, `insert into core.job_queue (tenant_id, kind, payload) values ($1, $2, $3)`, tenant, kindMatch, payload); err != nil {
			return err
		}
	}
	return pg.SetTenant(ctx, b.tx, b.tenant)
}

// projectStreams brings the components of each stream to its current document.
func (b *batch) projectStreams(ctx context.Context) error {
	if len(b.streams) == 0 {
		return nil
	}
	artifacts, streams := make([]id.ID, len(b.streams)), make([]string, len(b.streams))
	for i, k := range b.streams {
		artifacts[i], streams[i] = k.artifact, k.stream
	}
	// Statements may link to any document of the stream, current or not.
	if err := b.strings(ctx, b.vulns, sqlLinkedVulns, b.tenant, artifacts, streams); err != nil {
		return err
	}
	tag, err := b.tx.Exec(ctx, sqlCurrentDocuments, b.tenant, artifacts, streams)
	if err != nil {
		return fmt.Errorf("current documents of %d streams: %w", len(streams), err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	if err := b.exec(ctx, sqlWanted, b.tenant); err != nil {
		return err
	}
	rows, err := b.tx.Query(ctx, sqlNewPackages, b.tenant)
	if err != nil {
		return err
	}
	var p id.ID
	if _, err := pgx.ForEachRow(rows, []any{&p}, func() error { b.packages[p] = true; return nil }); err != nil {
		return err
	}
	for _, sql := range []string{sqlDeleteComponents, sqlInsertComponents, sqlUpsertStreams, sqlUnknowns} {
		if err := b.exec(ctx, sql, b.tenant); err != nil {
			return err
		}
	}
	return b.strings(ctx, b.vulns, sqlWaitingVulns, b.tenant)
}

// projectStatements notes which vulnerabilities new statements are about.
func (b *batch) projectStatements(ctx context.Context) error {
	if len(b.documents) == 0 {
		return nil
	}
	return b.strings(ctx, b.vulns, sqlDocumentVulns, b.tenant, b.documents)
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for s := range set {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

func sortedIDs(set map[id.ID]bool) []id.ID {
	out := make([]id.ID, 0, len(set))
	for s := range set {
		out = append(out, s)
	}
	slices.SortFunc(out, id.ID.Compare)
	return out
}
