package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/projections/vex"
)

// Flags says what is switched on, as far as projections ask.
type Flags interface {
	// Projects reports whether a tenant's jobs are to be done now; otherwise they wait. Before
	// every batch; the answer may be a second or two old.
	Projects(ctx context.Context, tenant id.ID) (bool, error)
	// InForce reads what decides about findings in the transaction that writes them. A batch
	// that read it before a change and is committed after it is followed by the job of the change.
	InForce(ctx context.Context, tx pgx.Tx, tenant id.ID) (InForce, error)
}

// InForce is what decides about the findings of a tenant.
type InForce interface {
	// Trusts reports whether statements of this issuer, from documents of this format, may
	// decide.
	Trusts(issuer, source string) bool
	// ByCPE reports whether packages are looked up by their CPEs too.
	ByCPE() bool
}

// allTrusted is InForce where nobody has flags.
type allTrusted struct{}

func (allTrusted) Trusts(string, string) bool { return true }
func (allTrusted) ByCPE() bool                { return false }

// PausedError says that jobs wait because the projection of their tenants is switched off.
type PausedError struct{ Tenants []id.ID }

func (e *PausedError) Error() string {
	names := make([]string, len(e.Tenants))
	for i, t := range e.Tenants {
		names[i] = t.String()
	}
	return fmt.Sprintf("projection is switched off by the flag `projection`, and jobs wait, of tenant %s; what is stored stays, and `sluice flag set projection on` has it projected", strings.Join(names, ", "))
}

// leavePaused takes out the tenants whose jobs are to wait.
func (w *Worker) leavePaused(ctx context.Context, tenants []id.ID) ([]id.ID, error) {
	if w.cfg.Flags == nil {
		return tenants, nil
	}
	var may, wait []id.ID
	for _, t := range tenants {
		on, err := w.cfg.Flags.Projects(ctx, t)
		switch {
		case err != nil:
			return nil, err
		case on:
			may = append(may, t)
		default:
			wait = append(wait, t)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = wait
	return may, nil
}

// pausedOf are those of the tenants, of all where none is given, whose jobs were to wait at the last step.
func (w *Worker) pausedOf(tenants []id.ID) []id.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(tenants) == 0 {
		return slices.Clone(w.paused)
	}
	var out []id.ID
	for _, t := range w.paused {
		if slices.Contains(tenants, t) {
			out = append(out, t)
		}
	}
	return out
}

// inForce is what decides about findings, read once and when it is needed.
func (b *batch) inForce(ctx context.Context) (InForce, error) {
	if b.force != nil {
		return b.force, nil
	}
	if b.w.cfg.Flags == nil {
		b.force = allTrusted{}
		return b.force, nil
	}
	force, err := b.w.cfg.Flags.InForce(ctx, b.tx, b.tenant)
	if err == nil {
		b.force = force
	}
	return force, err
}

// The flags that jobs of kind flag name.
const (
	flagIssuer = "vex.issuer"
	flagCPE    = "matching.cpe"
)

// projectFlags looks at what a flag that changed decides about: not at what it was, but at what
// is stored and would be another now.
func (b *batch) projectFlags(ctx context.Context) error {
	if len(b.withCPE) > 0 {
		force, err := b.inForce(ctx)
		if err != nil {
			return err
		}
		if force.ByCPE() { // whoever switches it on later has all of them looked at
			for _, p := range b.withCPE {
				b.packages[p], b.derived[p] = true, true
			}
		}
	}
	if b.flagged[flagCPE] {
		packages := map[id.ID]bool{}
		if err := b.ids(ctx, packages, sqlPackagesWithCPE, b.tenant); err != nil {
			return fmt.Errorf("packages with a CPE: %w", err)
		}
		for p := range packages {
			b.packages[p], b.derived[p] = true, true
		}
	}
	if !b.flagged[flagIssuer] {
		return nil
	}
	force, err := b.inForce(ctx)
	if err != nil {
		return err
	}
	rows, err := b.tx.Query(ctx, sqlStatementIssuers, b.tenant)
	if err != nil {
		return err
	}
	type issuer struct{ name, source string }
	trusted := map[issuer]bool{}
	var i issuer
	var statement id.ID
	var vuln string
	var out bool // it is not in force for its issuer, as projected
	_, err = pgx.ForEachRow(rows, []any{&statement, &vuln, &i.name, &i.source, &out}, func() error {
		trust, known := trusted[i]
		if !known {
			trust = force.Trusts(i.name, i.source)
			trusted[i] = trust
		}
		if trust == !out {
			return nil
		}
		b.statements[statement], b.vulns[vuln] = true, true
		if !trust {
			b.ended[statement] = ending{why: vex.LostTrust}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("issuers of statements: %w", err)
	}
	return nil
}
