package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
)

// Decision is the tenant's own verdict on a vulnerability of a package.
//
// With Package and Vuln it is about that pair, found or not. Without one of them it is taken on
// every finding that fits what is given, each by a decision of its own. With Artifact or Tag it holds
// in those artifacts alone, and goes before one that holds everywhere.
type Decision struct {
	// Finding is the id of a finding: it holds for the package in that artifact alone. Nothing else says what it is about then.
	Finding string
	// Package is its purl with a version.
	Package string
	// Vuln is an id of the vulnerability, whichever of its ids.
	Vuln string
	// Artifact is the purl of an artifact; Tag names those that have it now.
	Artifact, Tag string
	// Ahead lets the decision be about what is not imported yet; it waits. Needs Package and Vuln.
	Ahead bool

	// Status is not_affected, affected, fixed or under_investigation. Required.
	Status string
	// Justification is a word of OpenVEX and CSAF or of CycloneDX, for not_affected: see Justifications.
	Justification string
	// Impact says for others why they are not affected, Action what they should do if they are.
	Impact, Action string
	// Rationale says why, Proof where that is shown: a document's id or hash, a URL. Ticket is where it
	// is dealt with.
	Rationale, Proof, Ticket string
	// Until is when it ends: from then on it decides nothing. nil: never.
	Until *time.Time
	// IfRevision is the revision of the decision that it replaces, 0: none; it is refused where
	// somebody else was faster. nil: whatever is there.
	IfRevision *int
	// Actor is who decides, for the audit log; nil: who acts in the context.
	Actor *id.ID
}

// maxText bounds what a decision says: it goes into every finding that it is about.
const maxText = 10_000

func (d Decision) about() about {
	return about{Finding: d.Finding, Package: d.Package, Vuln: d.Vuln, Artifact: d.Artifact, Tag: d.Tag, Ahead: d.Ahead}
}

// Check returns an *ask.WrongError where the decision makes no sense. Decide checks too.
func (d Decision) Check() error {
	if _, err := d.about().check(); err != nil {
		return err
	}
	if err := ask.OneOf("status", d.Status, "not_affected", "affected", "fixed", "under_investigation"); err != nil {
		return err
	}
	for field, text := range map[string]string{"impact": d.Impact, "action": d.Action, "rationale": d.Rationale, "proof": d.Proof, "ticket": d.Ticket} {
		if len(text) > maxText {
			return ask.Wrong(field, "%.40q... has %d bytes; %d are allowed", text, len(text), maxText)
		}
	}
	switch {
	case d.Justification != "" && d.Status != normalize.NotAffected:
		return ask.Wrong("justification", "%q is for not_affected; %s has an impact, an action and a rationale", d.Justification, d.Status)
	case d.Justification != "" && !isJustification(d.Justification):
		return ask.Wrong("justification", "%q: it is a word of a standard; near: %s", d.Justification, nearest(d.Justification, Justifications()))
	case d.Status == normalize.NotAffected && d.Justification == "" && d.Impact == "" && d.Rationale == "":
		return ask.Wrong("", "not_affected needs a reason: a justification (a word, such as %s), an impact or a rationale", Justifications()[0])
	case d.Until != nil && !d.Until.After(time.Now()):
		return ask.Wrong("until", "%s has passed", d.Until.UTC().Format(time.RFC3339))
	}
	return nil
}

// Decided is what decisions or withdrawals changed, or would change.
type Decided struct {
	DryRun    bool       `json:"dry_run"`
	Decisions []Change   `json:"decisions"`
	Findings  []Effect   `json:"findings"`
	Conflicts []Conflict `json:"conflicts"`
}

// Change is one decision that was made, replaced or withdrawn.
type Change struct {
	ID            id.ID      `json:"id"` // zero in a dry run of what is new
	Package       string     `json:"package"`
	Vulnerability string     `json:"vulnerability"`
	Artifact      string     `json:"artifact"` // "": wherever the package is
	From          string     `json:"from"`     // status; "": nothing was decided, or it ended
	FromBy        string     `json:"from_by"`  // who decided that
	FromAt        *time.Time `json:"from_at"`
	To            string     `json:"to"` // status; "": withdrawn
	Until         *time.Time `json:"until"`
	Revision      int        `json:"revision"`
}

// Decide records one decision; see DecideAll.
func (inv *Inventory) Decide(ctx context.Context, tenant id.ID, d Decision) error {
	_, err := inv.DecideAll(ctx, tenant, []Decision{d}, false)
	return err
}

// DecideAll records decisions, all of them or none, and in the audit log what each replaces. They take
// effect with the next projection, for which it leaves jobs, and once more when they end. What it
// returns says which findings that will change. In a dry run nothing is recorded.
//
// Whoever decides at the same time waits: each notes what the one before left, and the last word
// counts. A decision that is wrong fails with its *DecisionError.
func (inv *Inventory) DecideAll(ctx context.Context, tenant id.ID, list []Decision, dryRun bool) (Decided, error) {
	for i, d := range list {
		if err := d.Check(); err != nil {
			return Decided{}, oneOf(list, i, err)
		}
	}
	v := newVerdicts(tenant, dryRun)
	err := inv.as(ctx, pg.Ingest, tenant, func(tx pgx.Tx) error {
		v.tx = tx
		if err := v.lock(ctx); err != nil {
			return err
		}
		for i, d := range list {
			if d.Actor == nil {
				d.Actor = pg.UserOf(ctx)
			}
			if err := v.decide(ctx, d); err != nil {
				return oneOf(list, i, err)
			}
		}
		return v.finish(ctx)
	})
	if err != nil {
		return Decided{}, fmt.Errorf("decide: %w", err)
	}
	return v.done, nil
}

// DecisionError says which of several decisions failed.
type DecisionError struct {
	Index int // in the list that was given
	Err   error
}

func (e *DecisionError) Error() string { return fmt.Sprintf("decision %d: %v", e.Index+1, e.Err) }

func (e *DecisionError) Unwrap() error { return e.Err }

// oneOf names the decision that failed where there are several.
func oneOf(list []Decision, i int, err error) error {
	if len(list) == 1 {
		return err
	}
	return &DecisionError{i, err}
}

// standing is a decision as it stands.
type standing struct {
	Before   json.RawMessage `db:"before"`
	ID       id.ID           `db:"id"`
	Status   string          `db:"status"`
	At       time.Time       `db:"decided_at"`
	Revision int             `db:"revision"`
	By       string          `db:"by"`
	Expired  bool            `db:"expired"`
}

func (v *verdicts) standing(ctx context.Context, t target) (*standing, error) {
	sql, args := sqlDecision, []any{v.tenant, t.pkg, t.vuln}
	if t.artifact != nil {
		sql, args = sqlArtifactDecision, append(args, *t.artifact)
	}
	list, err := collect[standing](ctx, v.tx, sql, args...)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// decide takes a decision on everything that it is about.
func (v *verdicts) decide(ctx context.Context, d Decision) error {
	targets, err := v.targets(ctx, d.about())
	if err != nil {
		return err
	}
	for _, t := range targets {
		if err := v.decideOn(ctx, d, t); err != nil {
			return err
		}
	}
	return nil
}

func (v *verdicts) decideOn(ctx context.Context, d Decision, t target) error {
	was, err := v.standing(ctx, t)
	if err != nil {
		return err
	}
	c := Change{Package: t.purl, Vulnerability: t.vuln, Artifact: t.artifactPurl, To: d.Status, Until: d.Until, Revision: 1}
	before := json.RawMessage(nil)
	if was != nil {
		at := was.At.UTC()
		c.ID, c.FromBy, c.FromAt, c.Revision, before = was.ID, was.By, &at, was.Revision+1, was.Before
		if !was.Expired {
			c.From = was.Status
		}
	}
	if d.IfRevision != nil && *d.IfRevision != c.Revision-1 {
		return fmt.Errorf("%s of %s was decided meanwhile: revision %d by %s (%s), and not %d; look at `sluice vex history` and decide again",
			t.vuln, t.purl, c.Revision-1, orNobody(c.FromBy), orNothing(c.From), *d.IfRevision)
	}
	if err := v.affects(ctx, t, d.Status, c.FromAt); err != nil {
		return err
	}
	if v.done.DryRun {
		v.done.Decisions = append(v.done.Decisions, c)
		return nil
	}
	sql := sqlPutDecision
	args := []any{v.tenant, t.pkg, t.vuln, t.purl, d.Status, d.Justification, d.Impact, d.Action, d.Rationale, d.Proof, d.Ticket, d.Until, d.Actor}
	if t.artifact != nil {
		sql, args = sqlPutArtifactDecision, append(args, *t.artifact, t.artifactPurl)
	}
	var after json.RawMessage
	if err := v.tx.QueryRow(ctx, sql, args...).Scan(&c.ID, &after, &c.Revision); err != nil {
		return err
	}
	v.done.Decisions = append(v.done.Decisions, c)
	return v.note(ctx, "vex.decide", d.Actor, t, c.ID, before, after, d.Until)
}

// note puts a change on record, and leaves the jobs that bring findings up to it.
func (v *verdicts) note(ctx context.Context, action string, actor *id.ID, t target, decision id.ID, before, after json.RawMessage, until *time.Time) error {
	entity := "vex_decision"
	if t.artifact != nil {
		entity = "artifact_decision"
	}
	row := map[string]any{}
	if err := json.Unmarshal(after, &row); err != nil {
		return err
	}
	row["package"] = t.purl
	// before is null where there was none
	err := audit.Note(ctx, v.tx, v.tenant, audit.Entry{Actor: actor, Action: action, Entity: entity, Of: &decision, Diff: audit.Change(before, row)})
	if err != nil {
		return err
	}
	key := queued{t.vuln, 0}
	if until != nil {
		key.until = until.UnixMicro()
	}
	if v.queued[key] {
		return nil
	}
	v.queued[key] = true
	_, err = v.tx.Exec(ctx, sqlQueueDecision, v.tenant, t.vuln, ingest.Channel, until)
	return err
}

// queued is a job that was left in this transaction.
type queued struct {
	vuln  string
	until int64
}

// verdicts is one transaction of decisions or withdrawals.
type verdicts struct {
	tx     pgx.Tx
	tenant id.ID
	done   Decided
	queued map[queued]bool
	ids    map[string]vulnIDs           // of vulnerabilities that were asked for
	seen   map[findingAt]bool           // effects that are listed
	says   map[contradiction]*time.Time // statements that say something else, and the time of the decision replaced
}

func newVerdicts(tenant id.ID, dryRun bool) *verdicts {
	return &verdicts{
		tenant: tenant, queued: map[queued]bool{}, ids: map[string]vulnIDs{}, seen: map[findingAt]bool{}, says: map[contradiction]*time.Time{},
		done: Decided{DryRun: dryRun, Decisions: []Change{}, Findings: []Effect{}, Conflicts: []Conflict{}},
	}
}

// lock makes this the only transaction that decides for the tenant.
func (v *verdicts) lock(ctx context.Context) error {
	if v.done.DryRun {
		return nil
	}
	_, err := v.tx.Exec(ctx, sqlLockDecisions, v.tenant)
	return err
}

func orNobody(by string) string {
	if by == "" {
		return "somebody unnamed"
	}
	return by
}

func orNothing(status string) string {
	if status == "" {
		return "nothing in force"
	}
	return status
}

// isMissing reports whether something that was named is not there.
func isMissing(err error) bool {
	var e *ask.NotFoundError
	return errors.As(err, &e)
}
