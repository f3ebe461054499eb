package inventory

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize/purl"
	"sluice/projections"
)

// Match is one vulnerability that hits a purl, or the reason why the purl cannot be matched.
type Match struct {
	Purl          string   `json:"purl"` // as given
	Vulnerability string   `json:"vulnerability"`
	Aliases       []string `json:"aliases"`
	Advisories    []string `json:"advisories"` // ids of the facts that say so
	Source        string   `json:"source"`     // of the facts, joined by commas
	Severity      string   `json:"severity"`
	Score         *Score   `json:"score"`
	Fixed         []string `json:"fixed_versions"`
	Range         string   `json:"range"`

	// Unmatched is why it cannot be matched; nothing else but the purl is set then, and
	// the JSON form has these two members.
	Unmatched string `json:"-"`

	otherReleases bool // of one without records
}

// MarshalJSON writes one of two forms: a vulnerability, or the reason why there can be none.
func (m Match) MarshalJSON() ([]byte, error) {
	if m.Unmatched != "" {
		return unescaped(struct {
			Purl      string `json:"purl"`
			Unmatched string `json:"unmatched"`
		}{m.Purl, m.Unmatched})
	}
	type plain Match
	return unescaped(plain(m))
}

// unescaped is JSON in which the & of a purl and the < of a range are what they are.
func unescaped(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimRight(out.Bytes(), "\n"), err
}

// Match says which known vulnerabilities hit these purls, the tenant's facts and the shared
// ones, exactly as for the components of an SBOM. VEX is not applied: it is about products.
func (inv *Inventory) Match(ctx context.Context, tenant id.ID, purls []string) ([]Match, error) {
	var hits []projections.Hit
	err := inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		hits, err = projections.Match(ctx, tx, tenant, purls)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("match: %w", err)
	}
	list := make([]Match, len(hits))
	for i, h := range hits {
		list[i] = Match{h.Purl, h.Vulnerability, h.Aliases, h.Advisories, h.Source, h.Severity, (*Score)(h.Score), h.Fixed, h.Range, h.Unmatched, h.OtherReleases}
	}
	return list, nil
}

// UnjudgedMatches are the purls of an answer that nobody can judge, by ecosystem.
func UnjudgedMatches(list []Match) []Unjudged {
	out := []Unjudged{}
	for _, m := range list {
		p, err := purl.Parse(m.Purl)
		if m.Unmatched != projections.NoRecords || err != nil {
			continue
		}
		i := slices.IndexFunc(out, func(u Unjudged) bool { return u.Ecosystem == p.Ecosystem })
		if i < 0 {
			i = len(out)
			out = append(out, Unjudged{Ecosystem: p.Ecosystem, Reason: m.Unmatched, OtherReleases: m.otherReleases})
		}
		out[i].Components++
	}
	return out
}
