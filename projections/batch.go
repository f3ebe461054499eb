package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/queue"
	"sluice/internal/telemetry"
)

// Kinds of jobs.
const (
	kindSBOM     = "sbom"     // {"artifact","stream"}: a document of this stream came; "restart": as if it were the first
	kindVEX      = "vex"      // {"document"}: statements came
	kindFact     = "fact"     // {"id"} or {"ids"}: versions of these records came
	kindMatch    = "match"    // {"records","vulns"}: shared records and groups changed
	kindDecision = "decision" // {"vuln"}: somebody decided
	kindExpiry   = "expiry"   // {"vuln"}: a decision ends; it waits until then
	kindReread   = "reread"   // {"document"}: what it says is to be made again from the original
	kindPackage  = "package"  // {"packages"}: these are to be matched as if they were new
	kindFlag     = "flag"     // {"key"}: a flag that findings depend on was changed
	kindArtifact = "artifact" // {"artifact"}: it was retired or revived; with "tag", that came or went
)

// Kinds are the kinds of jobs that ask for something.
var Kinds = []string{kindSBOM, kindVEX, kindFact, kindMatch, kindDecision, kindExpiry, kindReread, kindPackage, kindFlag, kindArtifact}

// batch is the work of one transaction for one tenant: what its jobs ask for, and
// what turns out to be touched on the way.
type batch struct {
	tx     pgx.Tx
	tenant id.ID
	w      *Worker

	streams   streamKeys
	restart   streamKeys      // of these: those that are projected as if for the first time
	documents []id.ID         // with statements that came
	withCPE   []id.ID         // packages that have a CPE now, and had not before
	reread    []id.ID         // of these: to be read again
	own       map[string]bool // external ids of the tenant's records that came in a new version
	flagged   map[string]bool // flags that were changed
	artifacts map[id.ID]bool  // that were retired or revived
	force     InForce         // nil: not read yet

	took     time.Time           // when the work began
	first    int64               // the least id of its jobs: no other batch has it
	jobs     int                 // how many
	runs     runs                // where what it looks at came from
	tally    map[tallyKey]*tally // what is to be told in events
	listened *bool               // whether messages about findings are wanted; nil: not asked yet
	toSend   bool                // there are messages in the outbox

	records    map[string]bool  // external ids of records, own and shared, that may cover other versions than before
	packages   map[id.ID]bool   // packages to be matched from scratch
	derived    map[id.ID]bool   // those of them that artifacts may list already: they are matched by something else now
	vulns      map[string]bool  // vulnerabilities whose findings are to be looked at again
	statements map[id.ID]bool   // statements whose outcome may be another one
	spoke      map[id.ID]bool   // SBOMs that became current, were current, or were said again
	ended      map[id.ID]ending // statements that were in force and are not any more
	filled     map[string]bool  // temporary tables that hold rows of this transaction
	moved      bool             // components may have come or gone: p_stream and p_change hold rows
	changed    bool             // findings changed: the views are stale
	traces     *traces          // of what it belongs to; nil: nobody makes any
}

type streamKey struct {
	artifact id.ID
	stream   string
}

type streamKeys []streamKey

// columns are the keys as arguments of a statement.
func (k streamKeys) columns() (artifacts []id.ID, streams []string) {
	artifacts, streams = make([]id.ID, len(k)), make([]string, len(k))
	for i, s := range k {
		artifacts[i], streams[i] = s.artifact, s.stream
	}
	return artifacts, streams
}

func newBatch(tx pgx.Tx, tenant id.ID, w *Worker) *batch {
	return &batch{
		tx: tx, tenant: tenant, w: w, own: map[string]bool{}, flagged: map[string]bool{}, artifacts: map[id.ID]bool{}, records: map[string]bool{}, packages: map[id.ID]bool{}, derived: map[id.ID]bool{},
		vulns: map[string]bool{}, statements: map[id.ID]bool{}, spoke: map[id.ID]bool{}, ended: map[id.ID]ending{}, filled: map[string]bool{},
		took: time.Now(), runs: newRuns(), tally: map[tallyKey]*tally{},
	}
}

// take sorts jobs into the batch; those with the same key fall together here.
func (b *batch) take(jobs []queue.Job) error {
	streams := map[streamKey]bool{}
	b.jobs += len(jobs)
	for _, job := range jobs {
		if b.first == 0 || job.ID < b.first {
			b.first = job.ID
		}
		var p struct {
			Artifact id.ID    `json:"artifact"`
			Stream   string   `json:"stream"`
			Restart  bool     `json:"restart"`
			Packages []id.ID  `json:"packages"`
			CPE      bool     `json:"cpe"` // they are looked up by a CPE that they had not before
			Document id.ID    `json:"document"`
			ID       string   `json:"id"`
			IDs      []string `json:"ids"`
			Records  []string `json:"records"`
			Vulns    []string `json:"vulns"`
			Vuln     string   `json:"vuln"`
			Key      string   `json:"key"`
			Tag      string   `json:"tag"`
			Run      int64    `json:"run"` // for events only: whose scan run asked for it
		}
		if err := json.Unmarshal(job.Payload, &p); err != nil {
			return fmt.Errorf("job %d, %s: payload: %w", job.ID, job.Kind, err)
		}
		switch job.Kind {
		case kindSBOM:
			if k := (streamKey{p.Artifact, p.Stream}); !streams[k] {
				streams[k] = true
				b.streams = append(b.streams, k)
			}
			if p.Restart {
				b.restart = append(b.restart, streamKey{p.Artifact, p.Stream})
			}
		case kindPackage:
			if p.CPE {
				b.withCPE = append(b.withCPE, p.Packages...)
				continue
			}
			for _, pkg := range p.Packages {
				b.packages[pkg], b.derived[pkg] = true, true
			}
		case kindVEX:
			b.documents = append(b.documents, p.Document)
		case kindReread:
			b.reread, b.documents = append(b.reread, p.Document), append(b.documents, p.Document)
		case kindFact:
			if p.ID != "" {
				p.IDs = append(p.IDs, p.ID)
			}
			for _, record := range p.IDs {
				b.own[record] = true
				b.runs.facts[record] = max(b.runs.facts[record], p.Run)
			}
		case kindMatch:
			for _, r := range p.Records {
				b.records[r] = true
				b.runs.feed[r] = max(b.runs.feed[r], p.Run)
			}
			for _, v := range p.Vulns {
				b.vulns[v] = true
				b.runs.feedVulns[v] = max(b.runs.feedVulns[v], p.Run)
			}
		case kindDecision, kindExpiry:
			b.vulns[p.Vuln] = true
			b.runs.decided[p.Vuln] = true
		case kindArtifact:
			if b.changed = true; p.Tag == "" { // the views show tags; findings do not depend on them
				b.artifacts[p.Artifact] = true
			}
		case kindFlag:
			b.flagged[p.Key] = true
		default:
			return fmt.Errorf("job %d: this program does not know jobs of kind %q; a newer one made it", job.ID, job.Kind)
		}
	}
	return nil
}

// run is the whole of it for a tenant, in the order in which each step needs the one before.
func (b *batch) run(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"read again", b.readAgain},
		{"facts", b.projectFacts},
		{"components", b.projectStreams},
		{"artifacts", b.projectArtifacts},
		{"unknowns", b.projectUnknowns},
		{"flags", b.projectFlags},
		{"match", b.match},
		{"statements", b.projectStatements},
		{"findings", b.projectFindings},
		{"outcomes", b.setOutcomes},
		{"events", b.writeEvents},
	} {
		if err := b.step(ctx, step.name, step.do); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if b.changed {
		return markViews(ctx, b.tx)
	}
	return nil
}

// step is one step of run, in a span of its own.
func (b *batch) step(ctx context.Context, name string, do func(context.Context) error) error {
	ctx, span := telemetry.Start(ctx, name)
	err := do(ctx)
	span.End(err)
	return err
}

// projectFacts decides which version of each of the tenant's records counts, and which
// vulnerabilities its versions speak of. Aliases that only an old version has
// count too: the group that it held together has to be looked at.
func (b *batch) projectFacts(ctx context.Context) error {
	if len(b.own) == 0 {
		return nil
	}
	ids := sorted(b.own)
	for _, r := range ids {
		b.records[r] = true
	}
	beaten := map[id.ID]bool{}
	if err := b.ids(ctx, beaten, sqlBeatenFacts, b.tenant, ids); err != nil {
		return err
	}
	if len(beaten) > 0 {
		if err := b.exec(ctx, sqlRetireFacts, b.tenant, sortedIDs(beaten)); err != nil {
			return err
		}
		b.runs.beaten = int64(len(beaten))
	}
	return b.strings(ctx, b.vulns, sqlFactNames, b.tenant, ids)
}

// projectStreams brings the components of each stream to its current document.
func (b *batch) projectStreams(ctx context.Context) error {
	if len(b.streams) == 0 {
		return nil
	}
	artifacts, streams := b.streams.columns()
	// Statements may link to any document of the stream, current or not.
	if err := b.note(ctx, sqlLinkedStatements, b.tenant, artifacts, streams); err != nil {
		return err
	}
	if err := b.restartStreams(ctx); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	rows, err := b.tx.Query(ctx, sqlCurrentDocuments, b.tenant, artifacts, streams)
	if err != nil {
		return err
	}
	current, err := pgx.CollectRows(rows, pgx.RowToStructByPos[currentDocument])
	if err != nil {
		return fmt.Errorf("current documents of %d streams: %w", len(streams), err)
	}
	if err := b.leaveStreams(ctx, artifacts, streams); err != nil {
		return err
	}
	for _, d := range current {
		b.spoke[d.Document] = true
		if d.Previous != nil {
			b.spoke[*d.Previous] = true
		}
	}
	current = slices.DeleteFunc(current, func(d currentDocument) bool { return !d.Moved })
	if len(current) == 0 {
		return nil
	}
	b.runs.addCurrent(current)
	b.moved = true
	if err := b.exec(ctx, sqlDiffComponents, b.tenant); err != nil {
		return err
	}
	if err := b.ids(ctx, b.packages, sqlNewPackages, b.tenant); err != nil {
		return err
	}
	for _, sql := range []string{sqlDeleteComponents, sqlInsertComponents, sqlUpsertStreams} {
		if err := b.exec(ctx, sql, b.tenant); err != nil {
			return err
		}
	}
	return b.ids(ctx, b.statements, sqlWaitingStatements, b.tenant)
}

// restartStreams forgets what is on record of streams that a rebuild asked for: their components
// and unknowns are then compared with what the documents say, whatever was there.
func (b *batch) restartStreams(ctx context.Context) error {
	if len(b.restart) == 0 {
		return nil
	}
	artifacts, streams := b.restart.columns()
	return b.exec(ctx, sqlRestartStreams, b.tenant, artifacts, streams)
}

// leaveStreams takes the components away from streams that no document is in any more.
func (b *batch) leaveStreams(ctx context.Context, artifacts []id.ID, streams []string) error {
	if len(b.reread)+len(b.restart) == 0 {
		return nil // else documents come and stay
	}
	tag, err := b.tx.Exec(ctx, sqlLeaveStreams, b.tenant, artifacts, streams)
	if err != nil {
		return fmt.Errorf("streams without a document: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	b.moved = true
	return b.exec(ctx, sqlDeleteComponents, b.tenant)
}

// projectUnknowns brings what cannot be matched to what the documents of each stream say:
// from the time of one document on to that of the next. It looks at the streams whose current
// document stayed too: one that is older, or says again what was said, changes what was then.
func (b *batch) projectUnknowns(ctx context.Context) error {
	if len(b.streams) == 0 {
		return nil
	}
	artifacts, streams := b.streams.columns()
	if err := b.exec(ctx, sqlTimeline, b.tenant, artifacts, streams); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	return b.exec(ctx, sqlUnknowns, b.tenant)
}

// projectStatements notes what new statements are about, and which of those that were in
// force are not any more.
func (b *batch) projectStatements(ctx context.Context) error {
	if len(b.documents) > 0 {
		if err := b.loadOrigins(ctx, b.documents); err != nil {
			return err
		}
		if err := b.note(ctx, sqlDocumentStatements, b.tenant, b.documents); err != nil {
			return err
		}
	}
	for _, d := range b.documents {
		b.spoke[d] = true
	}
	if len(b.spoke) == 0 {
		return nil
	}
	return b.settle(ctx, sortedIDs(b.spoke))
}

// readAgain has what documents say made again. What they said before is looked at like what
// they say now: findings may rest on it.
func (b *batch) readAgain(ctx context.Context) error {
	if len(b.reread) == 0 {
		return nil
	}
	if b.w.cfg.Reread == nil {
		return fmt.Errorf("%d documents are to be read again, and this worker has no formats to read them with; `sluice project` has", len(b.reread))
	}
	if err := b.note(ctx, sqlDocumentStatements, b.tenant, b.reread); err != nil {
		return err
	}
	made, err := b.w.cfg.Reread(ctx, b.tx, b.tenant, b.reread)
	if err != nil {
		return fmt.Errorf("%d documents: %w", len(b.reread), err)
	}
	streams := map[streamKey]bool{}
	for _, k := range b.streams {
		streams[k] = true
	}
	for _, s := range made.Streams {
		if k := (streamKey{s.Artifact, s.Stream}); !streams[k] {
			streams[k] = true
			b.streams = append(b.streams, k)
		}
	}
	for _, p := range made.Packages {
		b.packages[p], b.derived[p] = true, true
	}
	for _, r := range made.Records {
		b.own[r] = true
	}
	for _, v := range made.Names {
		b.vulns[v] = true
	}
	return nil
}

// note reads statements and their vulnerabilities: both are to be looked at.
func (b *batch) note(ctx context.Context, sql string, args ...any) error {
	rows, err := b.tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var statement id.ID
	var vuln string
	_, err = pgx.ForEachRow(rows, []any{&statement, &vuln}, func() error {
		b.statements[statement], b.vulns[vuln] = true, true
		return nil
	})
	return err
}

// copy puts rows into an emptied temporary table.
func (b *batch) copy(ctx context.Context, table string, columns []string, rows [][]any) error {
	if b.filled[table] {
		if err := b.exec(ctx, `truncate `+table); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		b.filled[table] = false
		return nil
	}
	b.filled[table] = true
	if _, err := b.tx.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows)); err != nil {
		return fmt.Errorf("copy %d rows into %s: %w", len(rows), table, err)
	}
	return nil
}

func (b *batch) exec(ctx context.Context, sql string, args ...any) error {
	_, err := b.tx.Exec(ctx, sql, args...)
	return err
}

// strings reads a column of text into a set.
func (b *batch) strings(ctx context.Context, into map[string]bool, sql string, args ...any) error {
	return collect(ctx, b.tx, into, sql, args...)
}

// ids reads a column of ids into a set.
func (b *batch) ids(ctx context.Context, into map[id.ID]bool, sql string, args ...any) error {
	return collect(ctx, b.tx, into, sql, args...)
}

func collect[T comparable](ctx context.Context, tx pgx.Tx, into map[T]bool, sql string, args ...any) error {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var v T
	_, err = pgx.ForEachRow(rows, []any{&v}, func() error { into[v] = true; return nil })
	return err
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
