package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// change is what happens to one finding.
type change struct {
	old, new      *finding // one may be nil
	event, reason string
	detail        map[string]string
}

// changes are the differences between the findings that are wanted and those that are stored.
type changes []change

func (c changes) empty() bool { return len(c) == 0 }

// difference pairs wanted and stored findings. A finding that goes while another of the
// same pair comes, one of whose aliases it is, was renamed: it keeps its age.
func difference(want []*finding, have map[findingKey]*finding) changes {
	var out changes
	wanted := map[findingKey]bool{}
	for _, f := range want {
		wanted[f.key()] = true
	}
	gone := map[[2]id.ID][]*finding{}
	for k, f := range have {
		if !wanted[k] {
			at := [2]id.ID{k.artifact, k.pkg}
			gone[at] = append(gone[at], f)
		}
	}
	for _, list := range gone {
		slices.SortFunc(list, func(a, b *finding) int { return strings.Compare(a.VulnID, b.VulnID) })
	}
	for _, f := range want {
		if old := have[f.key()]; old != nil {
			f.FirstSeen = old.FirstSeen
			if f.same(old) {
				continue
			}
			c := change{old: old, new: f, event: "changed", reason: "facts or statements changed"}
			switch {
			case old.state == "open" && f.state == "suppressed":
				c.event, c.reason = "suppressed", "a statement or decision says so"
			case old.state == "suppressed" && f.state == "open":
				c.event, c.reason = "reopened", "no statement or decision suppresses it any more"
			}
			out = append(out, c)
			continue
		}
		at := [2]id.ID{f.Artifact, f.Package}
		i := slices.IndexFunc(gone[at], func(o *finding) bool { return slices.Contains(f.Aliases, o.VulnID) })
		if i >= 0 {
			old := gone[at][i]
			gone[at] = slices.Delete(gone[at], i, i+1)
			f.FirstSeen = old.FirstSeen
			out = append(out, change{old: old, new: f, event: "renamed", reason: "aliases changed", detail: map[string]string{"from": old.VulnID}})
			continue
		}
		c := change{new: f, event: "opened", reason: "a fact covers a component"}
		if f.state == "suppressed" {
			c.event, c.reason = "suppressed", "a statement or decision says so"
		}
		out = append(out, c)
	}
	for _, list := range gone {
		for _, f := range list {
			out = append(out, change{old: f, event: "closed", reason: "no current component and fact give this finding any more"})
		}
	}
	slices.SortFunc(out, func(a, b change) int { return compareKeys(a.any().key(), b.any().key()) })
	return out
}

func (c change) any() *finding {
	if c.new != nil {
		return c.new
	}
	return c.old
}

func compareKeys(a, b findingKey) int {
	if d := a.artifact.Compare(b.artifact); d != 0 {
		return d
	}
	if d := a.pkg.Compare(b.pkg); d != 0 {
		return d
	}
	return strings.Compare(a.vuln, b.vuln)
}

var findingColumns = []string{
	"artifact_purl", "package_id", "vuln_id", "artifact_id", "package_purl", "score", "severity", "aliases",
	"advisories", "fixed_versions", "vex", "evidence", "statement_id", "decision_id", "first_seen",
}

// write brings the tables to the wanted state and records the history.
func (c changes) write(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	type keys struct {
		artifacts, packages []id.ID
		vulns               []string
	}
	remove := map[string]*keys{"open": {}, "suppressed": {}}
	put := map[string][][]any{}
	var history [][]any
	for _, ch := range c {
		if ch.old != nil && (ch.new == nil || ch.new.state != ch.old.state || ch.new.VulnID != ch.old.VulnID) {
			k := remove[ch.old.state]
			k.artifacts, k.packages, k.vulns = append(k.artifacts, ch.old.Artifact), append(k.packages, ch.old.Package), append(k.vulns, ch.old.VulnID)
		}
		if f := ch.new; f != nil {
			var vex any
			if f.VEX != nil {
				vex = string(f.VEX)
			}
			put[f.state] = append(put[f.state], []any{
				f.ArtifactPurl, f.Package, f.VulnID, f.Artifact, f.PackagePurl, f.Score, f.Severity, f.Aliases,
				f.Advisories, f.Fixed, vex, string(f.Evidence), f.StatementID, f.DecisionID, f.FirstSeen,
			})
		}
		f := ch.any()
		detail := "{}"
		if ch.detail != nil {
			detail = string(mustJSON(ch.detail))
		}
		history = append(history, []any{f.ArtifactPurl, f.Artifact, f.Package, f.VulnID, ch.event, ch.reason, detail})
	}
	for state, sql := range map[string]string{"open": sqlDeleteOpen, "suppressed": sqlDeleteSupp} {
		if k := remove[state]; len(k.vulns) > 0 {
			if _, err := tx.Exec(ctx, sql, tenant, k.artifacts, k.packages, k.vulns); err != nil {
				return fmt.Errorf("remove %d %s findings: %w", len(k.vulns), state, err)
			}
		}
	}
	for state, sql := range map[string]string{"open": sqlPutOpen, "suppressed": sqlPutSuppressed} {
		rows := put[state]
		if len(rows) == 0 {
			continue
		}
		if _, err := tx.Exec(ctx, `truncate p_finding`); err != nil {
			return err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"p_finding"}, findingColumns, pgx.CopyFromRows(rows)); err != nil {
			return fmt.Errorf("copy %d findings: %w", len(rows), err)
		}
		if _, err := tx.Exec(ctx, sql, tenant); err != nil {
			return fmt.Errorf("put %d %s findings: %w", len(rows), state, err)
		}
	}
	if _, err := tx.Exec(ctx, `truncate p_history`); err != nil {
		return err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"p_history"}, []string{"artifact_purl", "artifact_id", "package_id", "vuln_id", "event", "reason", "detail"}, pgx.CopyFromRows(history)); err != nil {
		return fmt.Errorf("copy %d rows of history: %w", len(history), err)
	}
	if _, err := tx.Exec(ctx, sqlHistory, tenant); err != nil {
		return fmt.Errorf("write %d rows of history: %w", len(history), err)
	}
	return nil
}
