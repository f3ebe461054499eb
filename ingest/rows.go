package ingest

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize"
	"sluice/outbox"
)

// rows collects what one transaction writes for one tenant, table by table.
type rows struct {
	tables   [stagedTables][][]any
	large    []largeRow // originals that are not staged
	bodies   []largeRow // documents as jsonb
	seen     *packageCache
	packages map[id.ID]bool // already among the rows
	aliases  map[aliasKey]bool
	facts    map[int64][]string // records that came, by scan run
	// The trace of the first document with records of a scan run, where there is one: their jobs
	// are about records of several documents.
	factTrace map[int64]string
	feeds     map[string]feed // the newest document of each, by its name
	revision  string
	unpark    [][]byte // hashes whose parked row is to go
	receipts  []outbox.Message
	notices   []outbox.Message // of parked documents
}

func newRows(seen *packageCache, revision string) *rows {
	return &rows{seen: seen, revision: revision, packages: map[id.ID]bool{}, aliases: map[aliasKey]bool{}, facts: map[int64][]string{}, factTrace: map[int64]string{}, feeds: map[string]feed{}}
}

// aliasKey is one entry of vex.vuln_alias. by is derived from the document, so nobody else
// writes the same ones.
type aliasKey struct {
	a, b string
	by   id.ID
}

// largeRow is a row that is inserted directly: its arguments after the tenant.
type largeRow struct {
	sql  string
	hash [32]byte // sorted by it, like every insert
	args []any
}

// maxStaged is how large an original may be to go with others in one statement. A large one
// has a statement of its own: the server would hold all of them once more.
const maxStaged = 8 << 10

func (r *rows) put(table int, values ...any) { r.tables[table] = append(r.tables[table], values) }

// add turns a task into rows and decides its outcome.
func (r *rows) add(t *task) {
	switch {
	case t.outcome == Duplicate:
		if t.env.replayed() && t.known.parked == "" {
			r.unpark = append(r.unpark, t.hash[:]) // it landed another way
		}
	case t.park != nil:
		t.outcome = Parked
		r.addParked(t)
	case t.outcome == Unchanged:
		r.put(inAlias, t.hash[:], t.twin, t.artifact.id, t.env.Stream, nullTime(t.time), clip(t.env.Origin, 4096), t.env.ScanRun,
			nullText(t.doc.Series), rank(t.doc))
		r.addStreamJob(t)
		r.unpark = append(r.unpark, t.hash[:])
	default:
		t.outcome = Accepted
		r.addDocument(t)
		r.unpark = append(r.unpark, t.hash[:])
	}
	r.addSeal(t)
	r.addEvent(t)
	r.addMessages(t)
}

func (r *rows) addDocument(t *task) {
	d := t.doc
	encoding, stored := compress(t.env.Bytes)
	var warnings any
	if len(d.Warnings) > 0 {
		warnings = toJSON(d.Warnings)
	}
	var inv inventory
	var quality any
	if d.Kind == normalize.SBOM {
		inv = newInventory(t.env.Tenant, d)
		quality = toJSON(inv.quality(d))
	}
	tool, toolVersion := madeBy(d)
	original := []any{
		t.hash[:], t.documentID, string(d.Kind), d.Format, d.FormatVersion, int64(len(t.env.Bytes)),
		encoding, stored, clip(t.env.Origin, 4096), t.env.ScanRun, warnings, tool, toolVersion, quality,
	}
	if len(stored) > maxStaged {
		r.large = append(r.large, largeRow{sqlInsertOriginal, t.hash, original})
	} else {
		r.put(inOriginal, original...)
	}
	switch d.Kind {
	case normalize.SBOM:
		r.addSBOM(t, inv)
	case normalize.VEX:
		r.bodies = append(r.bodies, largeRow{sqlInsertVEX, t.hash, []any{
			t.documentID, clip(clean(d.ID), 2000), t.hash[:], textOf(t.json), d.Format, d.FormatVersion, clip(clean(d.Issuer), 500),
			nullTime(t.time), len(d.Statements), t.env.ScanRun, series(d), clean(d.Version), rank(d), d.Status,
		}})
	case normalize.Vuln:
		r.addFacts(t)
		r.addFeed(t)
	}
	if d.Kind != normalize.Vuln {
		r.addStatements(t)
	}
}

// madeBy is the tool that speaks for a document, as it is counted by.
func madeBy(d *normalize.Document) (name, version string) {
	if len(d.Tools) == 0 {
		return "", ""
	}
	return clip(clean(d.Tools[0].Name), 200), clip(clean(d.Tools[0].Version), 200)
}

func (r *rows) addSBOM(t *task, inv inventory) {
	d := t.doc
	t.packages = inv.packageIDs
	r.addPackages(inv)
	if len(inv.cpes) > 0 {
		t.packages = slices.Clone(t.packages)
		for _, k := range inv.cpes {
			t.packages = append(t.packages, k.id)
		}
		for _, p := range inv.other {
			t.packages = append(t.packages, p.ID)
		}
	}
	r.put(inArtifact, t.artifact.id, t.artifact.purl, t.artifact.nameKey)
	r.bodies = append(r.bodies, largeRow{sqlInsertSBOM, t.hash, []any{
		t.hash[:], t.documentID, t.artifact.purl, textOf(t.json), clip(clean(d.ID), 2000), d.Format, d.FormatVersion,
		t.artifact.id, t.artifact.from, t.env.Stream, nullTime(t.time), nullHash(t.meaning), len(d.Components),
		nullText(d.Series), rank(d), t.env.ScanRun, inv.packageIDs, toJSON(inv.unmatched),
	}})
	r.addStreamJob(t)
}

// addStreamJob asks the projector to look at the stream again. No payload beyond the
// key: it works from what is stored, not from what was stored when the job was made. The
// trace is for whoever follows the document, and decides nothing.
func (r *rows) addStreamJob(t *task) {
	payload := map[string]string{"artifact": t.artifact.id.String(), "stream": t.env.Stream}
	if t.trace != "" {
		payload["trace"] = t.trace
	}
	r.put(inJob, "sbom", toJSON(payload), t.artifact.id.String()+"|"+t.env.Stream)
}

// addPackages adds what an SBOM lists, and what its packages are looked up by.
func (r *rows) addPackages(inv inventory) {
	for _, list := range [...][]Package{inv.packages, inv.other} {
		for _, p := range list {
			r.addPackage(p)
		}
	}
	for _, k := range inv.cpes {
		if !r.packages[k.id] && !r.seen.has(k.id) {
			r.packages[k.id] = true
			r.put(inCPEKey, k.key, k.pkg)
		}
	}
}

func (r *rows) addPackage(p Package) {
	if r.packages[p.ID] || r.seen.has(p.ID) {
		return
	}
	r.packages[p.ID] = true
	r.put(inPackage, p.ID, p.Purl, p.Type, p.Namespace, p.Name, p.Version, p.Ecosystem, p.Key, p.MatchVersion, p.MatchedBy, p.NameKey, p.Reason)
	for _, k := range p.MoreKeys {
		r.put(inPackageKey, k, p.ID)
	}
}

func (r *rows) addAlias(a, b string, by id.ID) {
	a, b = clean(a), clean(b)
	if a == "" || b == "" || a == b {
		return
	}
	if k := (aliasKey{a, b, by}); !r.aliases[k] {
		r.aliases[k], r.aliases[aliasKey{b, a, by}] = true, true
		r.put(inVulnAlias, a, b, by)
		r.put(inVulnAlias, b, a, by)
	}
}

func (r *rows) addFacts(t *task) {
	for _, v := range t.doc.Vulnerabilities {
		fact := id.Derive(t.env.Tenant, "fact", string(t.hash[:]), v.Pointer)
		payload := v.JSON
		if payload == nil {
			payload = t.json
		}
		modified := v.Modified
		if modified.IsZero() {
			modified = v.Published
		}
		if modified.IsZero() {
			modified = t.env.ObservedAt
		}
		r.put(inFact, fact, v.Source, clean(v.ID), textOf(payload), t.documentID, t.hash[:], cleanAll(v.Names), nullTime(modified),
			nullTime(v.Withdrawn), clean(v.Summary), score(v.Score), v.Severity, clip(clean(v.Vector), 500))
		for i, a := range v.Affected {
			if a.Key == "" {
				continue
			}
			r.put(inAffected, fact, i, clean(a.Key), clean(a.Ecosystem), clean(a.Name), toJSON(orEmpty(a.Ranges)), cleanAll(a.Versions),
				cleanAll(a.FixedVersions), score(a.Score), a.Severity)
		}
		for _, alias := range v.Aliases {
			r.addAlias(v.ID, alias, fact)
		}
		if t.trace != "" && r.factTrace[t.env.ScanRun] == "" {
			r.factTrace[t.env.ScanRun] = t.trace
		}
		r.facts[t.env.ScanRun] = append(r.facts[t.env.ScanRun], clean(v.ID))
	}
}

// factsPerJob is how many records one job names: a feed has hundreds of thousands, and a
// job for each cost as much as the record's own index entries.
const factsPerJob = 10

func (r *rows) addFactJobs() {
	for _, run := range slices.Sorted(maps.Keys(r.facts)) {
		ids := slices.Compact(slices.Sorted(slices.Values(r.facts[run])))
		for some := range slices.Chunk(ids, factsPerJob) {
			payload := map[string]any{"ids": some, "run": run}
			if trace := r.factTrace[run]; trace != "" {
				payload["trace"] = trace
			}
			r.put(inJob, "fact", toJSON(payload), some[0])
		}
	}
}

func (r *rows) addParked(t *task) {
	p := t.park
	var encoding string
	var stored any
	encoding, b := compress(t.env.Bytes)
	if t.env.Bytes != nil {
		stored = b
	}
	message := ""
	if p.Err != nil {
		message = p.Err.Error()
	}
	hints := maps.Clone(t.env.Hints)
	if hints == nil {
		hints = map[string]string{}
	}
	if t.env.Reply != nil {
		hints["reply_key"] = base64.StdEncoding.EncodeToString(t.env.Reply.Key)
	}
	for k, v := range map[string]string{"kind": string(t.env.Kind), "artifact": t.env.Artifact, "stream": t.env.Stream} {
		if v != "" {
			hints[k] = clean(v)
		}
	}
	if !t.env.ObservedAt.IsZero() {
		hints["observed_at"] = t.env.ObservedAt.UTC().Format(time.RFC3339Nano)
	}
	r.put(inParked, t.hash[:], t.documentID, clip(t.env.Origin, 4096), p.Reason, clip(clean(p.Pointer), 2000), clip(clean(message), 2000),
		p.Format, toJSON(hints), int64(len(t.env.Bytes)), encoding, stored, r.revision, t.env.ScanRun)
}

// flush sends the rows and moves them on: first all the COPYs, then the inserts in one round trip.
// more says that rows of another tenant follow in the same transaction.
func (r *rows) flush(ctx context.Context, tx pgx.Tx, tenant id.ID, more bool) error {
	r.addFactJobs()
	if err := r.addOutbox(); err != nil {
		return err
	}
	if err := r.writeFeeds(ctx, tx, tenant); err != nil {
		return err
	}
	if err := r.copyStaged(ctx, tx, false); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for i, s := range staging {
		if n := len(r.tables[i]); n > 0 {
			q := batch.Queue(s.insert, r.args(i, tenant)...)
			if i == inOriginal || i == inAlias {
				q.Exec(allInserted(n))
			}
		}
		if i == inOriginal {
			// Originals first of all, documents right after them: see staging.
			queueLarge(batch, tenant, r.large, true)
			queueLarge(batch, tenant, r.bodies, false)
		}
	}
	if len(r.unpark) > 0 {
		batch.Queue(sqlDeleteParked, tenant, r.unpark)
	}
	if batch.Len() == 0 {
		return nil
	}
	// The next tenant of the transaction, if there is one, must find nothing of this one.
	for i, s := range staging {
		if len(r.tables[i]) > 0 && more && !s.arrays {
			batch.Queue("delete from " + s.table)
		}
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	return nil
}

// args are those of the statement that takes rows on.
func (r *rows) args(table int, tenant id.ID) []any {
	args := []any{tenant}
	if !staging[table].arrays {
		return args
	}
	for c := range staging[table].columns {
		column := make([]any, len(r.tables[table]))
		for i, row := range r.tables[table] {
			column[i] = row[c]
		}
		args = append(args, column)
	}
	return args
}

// copyStaged sends rows to the temporary tables: those that have to go there, or all for which there
// is one, where they are compared with what is stored.
func (r *rows) copyStaged(ctx context.Context, tx pgx.Tx, all bool) error {
	for i, s := range staging {
		if len(r.tables[i]) == 0 || s.table == "" || s.arrays && !all {
			continue
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{s.table}, s.columns, pgx.CopyFromRows(r.tables[i])); err != nil {
			return fmt.Errorf("copy %d rows into %s: %w", len(r.tables[i]), s.table, err)
		}
	}
	return nil
}

func queueLarge(batch *pgx.Batch, tenant id.ID, list []largeRow, upsert bool) {
	slices.SortFunc(list, func(a, b largeRow) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	for _, row := range list {
		q := batch.Queue(row.sql, append([]any{tenant}, row.args...)...)
		if upsert {
			q.Exec(allInserted(1))
		}
	}
}

// allInserted fails with errConcurrent where somebody else has stored a document meanwhile.
func allInserted(want int) func(commandTag) error {
	return func(tag commandTag) error {
		if tag.RowsAffected() != int64(want) {
			return errConcurrent
		}
		return nil
	}
}
