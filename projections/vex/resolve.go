package vex

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// Verdict is what is said about one finding.
type Verdict struct {
	Decision  *Decision  // in force, or nil
	Statement *Statement // in force, or nil
	Scope     Scope      // of Statement
	Lost      []Loss     // statements that are about the finding too, and why they do not decide
}

// Loss is a statement that is about a finding and does not decide it.
type Loss struct {
	Statement *Statement
	Scope     Scope
	Why       Reason
}

// Status is the status in force, "" where nobody says anything.
func (v Verdict) Status() string {
	switch {
	case v.Decision != nil:
		return v.Decision.Status
	case v.Statement != nil:
		return v.Statement.Status
	}
	return ""
}

// Resolve applies the precedence of docs/vex.md to the decisions on one vulnerability, and to
// the statements about it whose documents speak.
func Resolve(p *Place, statements []*Statement, decisions []*Decision) Verdict {
	var v Verdict
	var list []candidate
	for _, s := range statements {
		switch scope := s.ScopeAt(p); {
		case scope == None:
		case s.Untrusted:
			v.lose([]candidate{{s, scope}}, LostTrust)
		default:
			list = append(list, candidate{s, scope})
		}
	}
	v.Decision = inForce(p, decisions)
	if v.Decision != nil {
		v.lose(list, LostDecision)
		return v
	}
	if len(list) == 0 {
		return v
	}
	list = v.keep(list, LostScope, func(a, b candidate) int { return cmp.Compare(a.scope, b.scope) })
	list = v.keep(list, LostTime, func(a, b candidate) int { return a.Time.Compare(b.Time) })
	list = v.last(list)
	list = v.keep(list, LostCaution, func(a, b candidate) int { return caution[a.Status] - caution[b.Status] })
	list = v.keep(list, LostHash, func(a, b candidate) int {
		return cmp.Or(bytes.Compare(a.Tie, b.Tie), bytes.Compare(a.ID[:], b.ID[:]))
	})
	v.Statement, v.Scope = list[0].Statement, list[0].scope
	return v
}

// candidate is a statement that is about the finding and may decide it.
type candidate struct {
	*Statement
	scope Scope
}

func (v *Verdict) lose(list []candidate, why Reason) {
	for _, c := range list {
		v.Lost = append(v.Lost, Loss{c.Statement, c.scope, why})
	}
}

// keep leaves those that nobody beats in what compare compares. Step by step and not by one
// comparison of two statements: the order within a document is none between documents.
func (v *Verdict) keep(list []candidate, why Reason, compare func(a, b candidate) int) []candidate {
	best := slices.MaxFunc(list, compare)
	var kept []candidate
	for _, c := range list {
		if compare(c, best) == 0 {
			kept = append(kept, c)
		} else {
			v.lose([]candidate{c}, why)
		}
	}
	return kept
}

// last leaves of each document what its last entry says.
func (v *Verdict) last(list []candidate) []candidate {
	entries := map[ID]int{}
	for _, c := range list {
		if n, ok := entries[c.Document]; !ok || c.Entry > n {
			entries[c.Document] = c.Entry
		}
	}
	var kept []candidate
	for _, c := range list {
		if c.Entry == entries[c.Document] {
			kept = append(kept, c)
		} else {
			v.lose([]candidate{c}, LostOrder)
		}
	}
	return kept
}

// inForce is the decision that counts: one about the artifact before one about the package
// wherever it is, and of each kind the last one, by whatever id of the vulnerability. Where that
// has expired none of its kind counts: what came before it was replaced.
func inForce(p *Place, list []*Decision) *Decision {
	var here, everywhere []*Decision
	for _, d := range list {
		switch {
		case d.Artifact == nil:
			everywhere = append(everywhere, d)
		case *d.Artifact == p.Artifact:
			here = append(here, d)
		}
	}
	for _, list := range [][]*Decision{here, everywhere} {
		if d := newest(list); d != nil && !d.Expired {
			return d
		}
	}
	return nil
}

// newest is the last decision. The id breaks a tie, of which there can be only one per package.
func newest(list []*Decision) *Decision {
	if len(list) == 0 {
		return nil
	}
	return slices.MaxFunc(list, func(a, b *Decision) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(b.VulnID, a.VulnID))
	})
}
