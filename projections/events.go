package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Events of a projection; docs/events.md explains them and their payloads. Those about
// findings and statements are sums: one per cause and batch, however many findings it is.
const (
	eventProjected = "projected"
	eventRetired   = "retired"
	findingsEvent  = "findings_"   // and opened, closed, suppressed, reopened, renamed, changed
	statementEvent = "statements_" // and applied, superseded, ended, unreadable, waiting
)

// projectedEvent is the payload of the events of a projection.
type projectedEvent struct {
	Cause      string  `json:"cause"`
	DocumentID *id.ID  `json:"document_id,omitempty"`
	Origin     string  `json:"origin,omitempty"`
	Artifact   string  `json:"artifact,omitempty"` // purl
	Stream     string  `json:"stream,omitempty"`
	By         *id.ID  `json:"by,omitempty"`         // of retired: the document that took its place
	Components *int    `json:"components,omitempty"` // of projected: how many the SBOM lists
	Added      *int64  `json:"added,omitempty"`      // of these, those that the stream did not have
	Removed    *int64  `json:"removed,omitempty"`
	Records    int     `json:"records,omitempty"`  // vulnerability records that were looked at
	Versions   int64   `json:"versions,omitempty"` // of retired: of records
	Count      int64   `json:"count,omitempty"`    // findings or statements
	Artifacts  int     `json:"artifacts,omitempty"`
	NoProduct  int64   `json:"no_such_product,omitempty"`
	NoVuln     int64   `json:"no_such_vulnerability,omitempty"`
	WaitedMS   float64 `json:"waited_ms,omitempty"` // from stored to the start of the batch
	DurationMS float64 `json:"duration_ms"`         // of the batch, until now
	Jobs       int     `json:"jobs,omitempty"`      // in the batch: what shares that duration
}

// tallyKey is what is counted together.
type tallyKey struct {
	cause cause
	event string
}

type tally struct {
	count             int64
	artifacts         map[id.ID]bool
	noProduct, noVuln int64
}

func (b *batch) count(c cause, event string) *tally {
	k := tallyKey{c, event}
	if b.tally[k] == nil {
		b.tally[k] = &tally{artifacts: map[id.ID]bool{}}
	}
	return b.tally[k]
}

// tallyFindings writes the history that is staged and counts what it is about.
func (b *batch) tallyFindings(ctx context.Context, causes causeList) error {
	rows, err := b.tx.Query(ctx, sqlHistory, b.tenant)
	if err != nil {
		return err
	}
	var i int
	var what string
	var count int64
	var artifacts []id.ID
	_, err = pgx.ForEachRow(rows, []any{&i, &what, &count, &artifacts}, func() error {
		t := b.count(causes[i], findingsEvent+what)
		t.count += count
		for _, a := range artifacts {
			t.artifacts[a] = true
		}
		return nil
	})
	return err
}

// tallyStatement counts a statement whose outcome changed. It is its own document's doing
// whenever that came: a statement that waited for its product is a step of its document's
// life.
func (b *batch) tallyStatement(document id.ID, outcome string) {
	event := statementEvent + "waiting"
	switch outcome {
	case outcomeApplied, outcomeSuperseded, outcomeEnded:
		event = statementEvent + outcome
	case outcomeUnreadable:
		event = statementEvent + "unreadable"
	}
	t := b.count(cause{kind: causeVEX, document: document}, event)
	t.count++
	switch outcome {
	case outcomeNoProduct:
		t.noProduct++
	case outcomeNoVuln:
		t.noVuln++
	}
}

// loadOrigins reads where documents of this batch with statements came from.
func (b *batch) loadOrigins(ctx context.Context, documents []id.ID) error {
	return b.origins(ctx, documents, func(o origin) { b.runs.addOrigin(o.Document, o.Origin, o.Run, o.Hash, true) })
}

type origin struct {
	Document id.ID
	Origin   string
	Run      int64
	Hash     []byte
}

func (b *batch) origins(ctx context.Context, documents []id.ID, each func(origin)) error {
	rows, err := b.tx.Query(ctx, sqlOrigins, b.tenant, documents)
	if err != nil {
		return err
	}
	var o origin
	if _, err := pgx.ForEachRow(rows, []any{&o.Document, &o.Origin, &o.Run, &o.Hash}, func() error { each(o); return nil }); err != nil {
		return fmt.Errorf("origins of %d documents: %w", len(documents), err)
	}
	return nil
}

// writeEvents tells what the batch did, in its transaction.
func (b *batch) writeEvents(ctx context.Context) error {
	list, err := b.events(ctx)
	if err != nil || len(list) == 0 {
		return err
	}
	runs, names := make([]int64, len(list)), make([]string, len(list))
	payloads, ids := make([]string, len(list)), make([]id.ID, len(list))
	took := milliseconds(time.Since(b.took))
	for i, e := range list {
		e.payload.DurationMS = took
		text, err := json.Marshal(e.payload)
		if err != nil {
			return err
		}
		runs[i], names[i], payloads[i], ids[i] = e.run, e.name, string(text), b.eventID(e)
	}
	if err := b.exec(ctx, sqlInsertEvents, b.tenant, runs, names, payloads, ids); err != nil {
		return fmt.Errorf("write %d events: %w", len(list), err)
	}
	return nil
}

// happened is one event before it is written.
type happened struct {
	name    string
	run     int64
	payload projectedEvent
}

// eventID is derived: no other batch has its first job, and within a batch an event is
// one of its kind for its cause. Where work on the shared feed is done twice (see
// projectShared) its events have the same ids.
func (b *batch) eventID(e happened) id.ID {
	document := ""
	if e.payload.DocumentID != nil {
		document = e.payload.DocumentID.String()
	}
	return id.Derive(b.tenant, "event", fmt.Sprint(e.run), e.name, e.payload.Cause, document, fmt.Sprint(b.first))
}

func (b *batch) events(ctx context.Context) ([]happened, error) {
	if err := b.complete(ctx); err != nil {
		return nil, err
	}
	list := b.projected()
	keys := slices.SortedFunc(maps.Keys(b.tally), func(a, b tallyKey) int {
		return cmp.Or(a.cause.compare(b.cause), cmp.Compare(a.event, b.event))
	})
	for _, k := range keys {
		t := b.tally[k]
		e := happened{k.event, k.cause.run, projectedEvent{
			Cause: k.cause.kind, Artifact: k.cause.artifact, Count: t.count, Artifacts: len(t.artifacts), NoProduct: t.noProduct, NoVuln: t.noVuln,
		}}
		b.name(&e.payload, k.cause.document)
		list = append(list, e)
	}
	return list, nil
}

// name puts the document that an event is about into its payload.
func (b *batch) name(p *projectedEvent, document id.ID) {
	if document != (id.ID{}) {
		p.DocumentID, p.Origin = &document, b.runs.origins[document]
	}
}

// projected are the events of what came: of each document with components or statements, and
// of all records of one scan run together.
func (b *batch) projected() []happened {
	var list []happened
	add := func(c cause, p projectedEvent) {
		p.Cause, p.Jobs = c.kind, b.jobs
		b.name(&p, c.document)
		list = append(list, happened{eventProjected, c.run, p})
	}
	for _, d := range b.runs.current {
		add(d.cause(), projectedEvent{
			Artifact: d.Purl, Stream: d.Stream, Components: &d.Components, Added: &d.added, Removed: &d.removed,
			WaitedMS: milliseconds(max(0, b.took.Sub(d.StoredAt))),
		})
		if d.Previous != nil {
			e := happened{eventRetired, d.Run, projectedEvent{Cause: causeSBOM, Artifact: d.Purl, Stream: d.Stream, By: &d.Document}}
			b.name(&e.payload, *d.Previous)
			list = append(list, e)
		}
	}
	for _, c := range slices.SortedFunc(maps.Values(b.runs.vex), cause.compare) {
		add(c, projectedEvent{})
	}
	for _, records := range []struct {
		kind string
		runs map[string]int64
	}{{causeFacts, b.runs.facts}, {causeFeed, b.runs.feed}} {
		perRun := map[int64]int{}
		for _, run := range records.runs {
			perRun[run]++
		}
		for _, run := range slices.Sorted(maps.Keys(perRun)) {
			add(cause{kind: records.kind, run: run}, projectedEvent{Records: perRun[run]})
		}
	}
	if b.runs.beaten > 0 {
		list = append(list, happened{eventRetired, b.runs.newestFact(), projectedEvent{Cause: causeFacts, Versions: b.runs.beaten}})
	}
	return list
}

// complete reads what the events say and the projection did not need.
func (b *batch) complete(ctx context.Context) error {
	missing := map[id.ID]bool{}
	want := func(document id.ID) {
		if _, known := b.runs.origins[document]; !known && document != (id.ID{}) {
			missing[document] = true
		}
	}
	for _, d := range b.runs.current {
		want(d.Document)
		if d.Previous != nil {
			want(*d.Previous)
		}
	}
	for k := range b.tally {
		want(k.cause.document)
	}
	ofRun := map[id.ID]int64{}
	if len(missing) > 0 {
		err := b.origins(ctx, sortedIDs(missing), func(o origin) {
			b.runs.addOrigin(o.Document, o.Origin, o.Run, o.Hash, false)
			ofRun[o.Document] = o.Run
		})
		if err != nil {
			return err
		}
	}
	// Statements that waited belong to the scan run that brought their document.
	for _, k := range slices.Collect(maps.Keys(b.tally)) {
		if k.cause.kind != causeVEX || k.cause.run != 0 {
			continue
		}
		full := tallyKey{k.cause, k.event}
		if full.cause.run = ofRun[k.cause.document]; full.cause.run == 0 {
			full.cause.run = b.runs.vex[k.cause.document].run
		}
		t := b.tally[k]
		delete(b.tally, k)
		b.tally[full] = t
	}
	if len(b.runs.current) == 0 {
		return nil
	}
	rows, err := b.tx.Query(ctx, sqlStreamChanges)
	if err != nil {
		return err
	}
	var k streamKey
	var added, removed int64
	changes := map[streamKey][2]int64{}
	_, err = pgx.ForEachRow(rows, []any{&k.artifact, &k.stream, &added, &removed}, func() error {
		changes[k] = [2]int64{added, removed}
		return nil
	})
	if err != nil {
		return fmt.Errorf("components that came and went: %w", err)
	}
	for i := range b.runs.current {
		d := &b.runs.current[i]
		n := changes[streamKey{d.Artifact, d.Stream}]
		d.added, d.removed = n[0], n[1]
	}
	return nil
}

// milliseconds rounds to tenths: more digits would only fill the table.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*10) / 10
}
