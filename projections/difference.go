package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/id"
	"sluice/projections/vex"
)

// change is what happens to one finding.
type change struct {
	old, new *finding // one may be nil
	events   []event
}

// event is a row of finding_history.
type event struct {
	name, reason string
	detail       map[string]string
}

// changes are the differences between the findings that are wanted and those that are stored.
type changes []change

// difference pairs wanted and stored findings; want is sorted, pairs are those that exist.
// A finding that goes while another of the same pair comes, one of whose aliases it is or
// that is one of its aliases, was renamed: it keeps its age.
//
// b.ended are the statements that are not in force any more: a finding that one of them decided
// says so; and so do those of artifacts that are retired, and of those that are in use again.
//
// Long: what a finding may have become is told apart in one order, over the same few maps.
func (b *batch) difference(pairs []*pair, want []*finding, have map[findingKey]*finding, retired map[id.ID]retirement) changes {
	type place [2]id.ID
	ended := b.ended
	live := map[place]bool{}
	for _, p := range pairs {
		live[place{p.Artifact, p.Package}] = true
	}
	wanted := map[findingKey]bool{}
	for _, f := range want {
		wanted[f.key()] = true
	}
	gone, stored := map[place][]*finding{}, map[place][]*finding{}
	for k, f := range have {
		stored[place{k.artifact, k.pkg}] = append(stored[place{k.artifact, k.pkg}], f)
		if !wanted[k] {
			gone[place{k.artifact, k.pkg}] = append(gone[place{k.artifact, k.pkg}], f)
		}
	}
	for _, list := range gone {
		slices.SortFunc(list, func(a, b *finding) int { return strings.Compare(a.VulnID, b.VulnID) })
	}
	// part is a stored finding of the pair that f was a part of until now: the advisory that it
	// was named by turned out to be about several vulnerabilities.
	part := func(f *finding) *finding {
		var of *finding
		for _, o := range stored[place{f.Artifact, f.Package}] {
			if (slices.Contains(o.Aliases, f.VulnID) || slices.Contains(f.Aliases, o.VulnID)) && (of == nil || o.VulnID < of.VulnID) {
				of = o
			}
		}
		return of
	}
	var out changes
	joined := map[findingKey]string{} // what gone findings became part of
	for _, f := range want {
		at := place{f.Artifact, f.Package}
		c := change{old: have[f.key()], new: f}
		if c.old == nil {
			i := slices.IndexFunc(gone[at], func(o *finding) bool {
				return slices.Contains(f.Aliases, o.VulnID) || slices.Contains(o.Aliases, f.VulnID)
			})
			if i >= 0 {
				c.old = gone[at][i]
				gone[at] = slices.Delete(gone[at], i, i+1)
				c.events = append(c.events, event{"renamed", "aliases changed", map[string]string{"from": c.old.VulnID}})
			}
		}
		for _, o := range gone[at] {
			if slices.Contains(f.Aliases, o.VulnID) {
				joined[o.key()] = f.VulnID
				f.FirstSeen = earlier(f.FirstSeen, o.FirstSeen) // the oldest of those that became one
			}
		}
		if c.old == nil {
			if of := part(f); of != nil {
				f.FirstSeen = earlier(f.FirstSeen, of.FirstSeen)
				if f.state != stateSuppressed {
					c.events = append(c.events, event{"opened", "it was part of another finding", map[string]string{"of": of.VulnID}})
					out = append(out, c)
					continue
				}
			}
		}
		switch {
		case c.old == nil && f.state == stateSuppressed:
			c.events = append(c.events, event{"suppressed", "a statement or decision says so", nil})
		case c.old == nil:
			e := event{"opened", "a fact covers a component", nil}
			if b.artifacts[f.Artifact] {
				e = event{"opened", "the artifact is not retired any more", map[string]string{"why": "revived"}}
			}
			c.events = append(c.events, e)
		default:
			f.FirstSeen = earlier(f.FirstSeen, c.old.FirstSeen)
			switch {
			case c.old.state != f.state && f.state == stateSuppressed:
				c.events = append(c.events, event{"suppressed", "a statement or decision says so", nil})
			case c.old.state != f.state:
				c.events = append(c.events, f.reopened(c.old, ended))
			case c.events == nil && f.same(c.old):
				continue
			case c.events == nil:
				c.events = append(c.events, f.altered(c.old, ended))
			}
		}
		out = append(out, c)
	}
	for at, list := range gone {
		for _, f := range list {
			e := event{"closed", "no current fact covers the component any more", nil}
			if into := joined[f.key()]; into != "" {
				e.reason, e.detail = "aliases changed: it is part of another finding now", map[string]string{"into": into}
			} else if r, is := retired[f.Artifact]; is && !live[at] {
				e = r.closed()
			} else if !live[at] {
				e.reason = "no current SBOM of the artifact lists the component any more"
			}
			out = append(out, change{old: f, events: []event{e}})
		}
	}
	slices.SortFunc(out, func(a, b change) int { return compareKeys(a.any().key(), b.any().key()) })
	return out
}

// reopened says why what suppressed old does not suppress it any more.
func (f *finding) reopened(old *finding, ended map[id.ID]ending) event {
	if old.DecisionID != nil && !f.decided() {
		if e, over := ended[*old.DecisionID]; over {
			return event{"reopened", "the decision that suppressed it was to hold until a date, which has passed", map[string]string{"why": string(e.why), "decision": old.DecisionID.String(), "until": e.by}}
		}
		return event{"reopened", "the decision that suppressed it was withdrawn", map[string]string{"why": "decision_withdrawn", "decision": old.DecisionID.String()}}
	}
	if reason, detail := old.whyEnded(ended); reason != "" {
		return event{"reopened", reason, detail}
	}
	return event{"reopened", "no statement or decision suppresses it any more", nil}
}

// altered says why a finding says something else.
func (f *finding) altered(old *finding, ended map[id.ID]ending) event {
	if reason, detail := old.whyEnded(ended); reason != "" {
		return event{"changed", reason, detail}
	}
	return event{"changed", "facts or statements changed", nil}
}

// whyEnded says why the statement that decided the finding is not in force any more; "" where it is.
func (f *finding) whyEnded(ended map[id.ID]ending) (reason string, detail map[string]string) {
	if len(ended) == 0 || f.VEX == nil {
		return "", nil
	}
	var v said
	if json.Unmarshal(f.VEX, &v) != nil || v.StatementID == nil {
		return "", nil
	}
	e, over := ended[*v.StatementID]
	if !over {
		return "", nil
	}
	detail = map[string]string{"why": string(e.why), "statement": v.StatementID.String(), "document": v.Document}
	if e.why == vex.LostTrust {
		return "the issuer who said so is not trusted any more", detail
	}
	if e.why == vex.EndedVersion {
		detail["version"] = e.by
		return "the document that said so has a newer version, which does not", detail
	}
	return "the SBOM that said so is not the current one of its stream any more", detail
}

// decided reports whether a decision of the tenant is in force.
func (f *finding) decided() bool {
	var v said
	return f.VEX != nil && json.Unmarshal(f.VEX, &v) == nil && v.DecisionID != nil
}

func earlier(a, b *time.Time) *time.Time {
	if a == nil || (b != nil && b.Before(*a)) {
		return b
	}
	return a
}

func (c change) any() *finding {
	if c.new != nil {
		return c.new
	}
	return c.old
}

var (
	findingColumns = []string{
		"artifact_purl", "package_id", "vuln_id", "artifact_id", "package_purl", "score", "severity", "aliases",
		"advisories", "fixed_versions", "vex", "evidence", "statement_id", "decision_id", "first_seen",
	}
	historyColumns = []string{"ordinal", "cause", "part", "artifact_purl", "artifact_id", "package_id", "vuln_id", "event", "reason", "detail", "message"}
)

// write brings the tables to the wanted state, records the history and tells those who
// want to hear of it.
func (c changes) write(ctx context.Context, b *batch) error {
	type keys struct {
		artifacts, packages []id.ID
		vulns               []string
	}
	remove := map[string]*keys{stateOpen: {}, stateSuppressed: {}}
	put := map[string][][]any{}
	var history [][]any
	var causes causeList
	tell, err := b.newTeller(ctx)
	if err != nil {
		return err
	}
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
		cause := causes.index(b.causeOf(ch))
		for _, e := range ch.events {
			detail := "{}"
			if e.detail != nil {
				detail = string(mustJSON(e.detail))
			}
			part, message := tell.message(f, ch, e)
			history = append(history, []any{len(history), cause, part, f.ArtifactPurl, f.Artifact, f.Package, f.VulnID, e.name, e.reason, detail, message})
		}
	}
	for _, t := range []struct{ state, remove, put string }{
		{stateOpen, sqlDeleteOpen, sqlPutOpen},
		{stateSuppressed, sqlDeleteSupp, sqlPutSuppressed},
	} {
		if k := remove[t.state]; len(k.vulns) > 0 {
			if err := b.exec(ctx, t.remove, b.tenant, k.artifacts, k.packages, k.vulns); err != nil {
				return fmt.Errorf("remove %d %s findings: %w", len(k.vulns), t.state, err)
			}
		}
		if rows := put[t.state]; len(rows) > 0 {
			if err := b.copy(ctx, "p_finding", findingColumns, rows); err != nil {
				return err
			}
			if err := b.exec(ctx, t.put, b.tenant); err != nil {
				return fmt.Errorf("put %d %s findings: %w", len(rows), t.state, err)
			}
		}
	}
	if err := b.copy(ctx, "p_history", historyColumns, history); err != nil {
		return err
	}
	if err := b.tallyFindings(ctx, causes); err != nil {
		return fmt.Errorf("write %d rows of history: %w", len(history), err)
	}
	return nil
}
