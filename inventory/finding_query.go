package inventory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// The parameters of the statements: the first filterArgs are what is picked and how many, the others where a
// page begins.
//
//	1 tenant                  9 ids of packages            17 first seen then or later
//	2 status                 10 ecosystem, lower case      18 source of the verdict
//	3 vulnerability          11 least grade                19 kev or epss: only those without
//	4 its ids                12 least score                20 how many
//	5 purl of the artifact   13 ids of vulnerabilities     21 of how many rows
//	6 ids of artifacts       14 known to be exploited      22 order, or what to sum by
//	7 begin of package purl  15 least EPSS                 23 whether 24 to 30 are given: grade, score, KEV
//	8 patterns of it         16 whether there is a fix        or EPSS, first seen, vulnerability, artifact, package
const (
	filterArgs = 21
	groupArgs  = 22
	pageArgs   = 30
)

// findingQuery is a question whose names are looked up, and where its next page begins.
type findingQuery struct {
	*findingQuestion
	tenant    id.ID
	vulns     []string // 4
	artifacts []id.ID  // 6; nil is any
	packages  []id.ID  // 9; nil is any, or more than soughtIDs
	exploited []string // 13; nil is any, or more than soughtIDs
}

// named is where findings are looked for.
func (n *findingQuestion) named() named {
	return named{artifact: n.artifact, tag: n.Tag}
}

// query looks up what the filter names.
func (n *findingQuestion) query(ctx context.Context, tx pgx.Tx, tenant id.ID) (*findingQuery, error) {
	q := &findingQuery{findingQuestion: n, tenant: tenant}
	if n.Vuln != "" {
		var same, told []string
		if err := tx.QueryRow(ctx, sqlVulnIDs, tenant, n.Vuln).Scan(&same, &told); err != nil {
			return nil, err
		}
		q.vulns = append(same, told...)
	}
	if n.artifact.like != nil || n.Tag != "" {
		err := tx.QueryRow(ctx, sqlArtifactIDs, tenant, n.artifact.like, n.Tag).Scan(&q.artifacts)
		if err != nil {
			return nil, fmt.Errorf("artifacts: %w", err)
		}
	}
	if n.pkg.like != nil && n.Status != "closed" { // whose packages may be gone
		if err := tx.QueryRow(ctx, sqlPackageIDs, tenant, n.pkg.like, n.pkg.prefix, soughtIDs).Scan(&q.packages); err != nil {
			return nil, fmt.Errorf("packages: %w", err)
		}
	}
	if n.KEV || n.epss != nil {
		if err := tx.QueryRow(ctx, sqlExploitedIDs, tenant, n.KEV, n.epss, soughtIDs).Scan(&q.exploited); err != nil {
			return nil, fmt.Errorf("vulnerabilities: %w", err)
		}
	}
	return q, nil
}

// args are the parameters; of are how many the statement has, sort is its order.
func (q *findingQuery) args(limit int, of *int, count int) []any {
	return q.argsFor(q.Sort, "", q.place, limit, of)[:count]
}

func (q *findingQuery) argsFor(sort, without string, place *findingPlace, limit int, of *int) []any {
	args := []any{
		q.tenant, q.Status, q.Vuln, q.vulns, q.artifact.exact, q.artifacts, q.prefix, q.pkg.like, q.packages, q.ecosystem, q.grade, q.score, q.exploited, q.KEV, q.epss, q.fix, q.since, q.VEXSource,
		without, limit, of, sort, place != nil, nil, nil, nil, nil, nil, nil, nil,
	}
	if place != nil {
		copy(args[23:], []any{place.Grade, place.Points, place.Value, place.FirstSeen, place.Vuln, place.Artifact, place.Package})
	}
	return args
}

// counting is the statement that counts.
func (q *findingQuery) counting() string {
	if q.Status == "closed" {
		return sqlFindingsClosedCount
	}
	return sqlFindingsCount
}

// found is a finding with what its place in an order is made of.
type found struct {
	Finding
	findingPlace
}

// scanned is how many rows of an order are looked at before findings are looked for by what they are:
// enough for a page of a filter that every hundredth finding meets.
func scanned(limit int) int { return 3_000 + 2*limit }

// few is how many findings are sorted; more are read in their order, wherever they stand in it.
func few(limit int) int { return 10_000 + 2*limit }

// fewValued is how many are sorted by KEV or EPSS: what leads to many costs less.
func fewValued(limit int) int { return 3_000 + 2*limit }

// page returns up to limit findings from the place on.
//
// An index gives the first findings of an order at once, where every hundredth meets the filter; the
// findings of a filter that few meet are found by what they are, and sorted. Which of the two it is nobody
// knows before: so a bounded part of the order is looked at, then a bounded number is looked for, and where
// they are more than that, the order is read on: so many of them cannot be far.
func (q *findingQuery) page(ctx context.Context, tx pgx.Tx, limit int) ([]found, error) {
	switch {
	case q.Status == "closed":
		return q.ask(ctx, tx, sqlFindingsClosed, q.argsFor(q.Sort, "", q.place, limit, nil))
	case q.Sort == "kev" || q.Sort == "epss":
		return q.valued(ctx, tx, limit)
	}
	return q.ordered(ctx, tx, q.Sort, "", q.place, limit)
}

// fewPackages are so few that their findings are looked for first: no order leads to them sooner.
const fewPackages = 500

// ordered is a page in an order that an index has.
func (q *findingQuery) ordered(ctx context.Context, tx pgx.Tx, sort, without string, place *findingPlace, limit int) ([]found, error) {
	if q.packages == nil || len(q.packages) > fewPackages {
		of := scanned(limit)
		list, err := q.ask(ctx, tx, sqlFindings, q.argsFor(sort, without, place, limit, &of))
		if err != nil || len(list) == limit || !q.filtered() && without == "" {
			return list, err
		}
	}
	list, all, err := q.look(ctx, tx, sort, without, place, limit)
	if err != nil || all {
		return list, err
	}
	return q.ask(ctx, tx, sqlFindings, q.argsFor(sort, without, place, limit, nil))
}

// filtered reports whether a row of an order may not meet the filter.
func (q *findingQuery) filtered() bool {
	return q.artifacts != nil || q.prefix != "" || q.pkg.like != nil || q.ecosystem != "" || q.grade > 0 || q.score != nil || q.KEV || q.epss != nil || q.fix != nil || q.since != nil || q.VEXSource != ""
}

// look finds findings by what they are. It reports whether they were few enough for the page to be right.
func (q *findingQuery) look(ctx context.Context, tx pgx.Tx, sort, without string, place *findingPlace, limit int) (list []found, all bool, err error) {
	most := few(limit)
	if sort == "kev" || sort == "epss" {
		most = fewValued(limit)
	}
	list, err = q.ask(ctx, tx, sqlFindingsFound, q.argsFor(sort, without, place, limit, &most))
	if err != nil || len(list) > 0 {
		return list, true, err
	}
	var many bool // or none is left
	err = tx.QueryRow(ctx, sqlFindingsMany, q.argsFor(sort, without, place, most, &most)[:filterArgs]...).Scan(&many)
	return nil, !many, err
}

// valued is a page in the order kev or epss. No index of findings has it, so they are looked for first, and
// sorted while they are few; of many, the vulnerabilities with the highest value lead to enough of them, and
// behind those that have one come the others by severity.
func (q *findingQuery) valued(ctx context.Context, tx pgx.Tx, limit int) ([]found, error) {
	list, all, err := q.look(ctx, tx, q.Sort, "", q.place, limit)
	if err != nil || all {
		return list, err
	}
	if q.place == nil || q.place.Value != nil {
		sql := sqlFindingsListed
		if q.Sort == "epss" {
			sql = sqlFindingsLikely
		}
		args := q.argsFor(q.Sort, "", q.place, limit, nil)
		args[12] = nil // what leads to them picks them
		list, err = q.ask(ctx, tx, sql, args)
		if err != nil || len(list) == limit {
			return list, err
		}
	}
	rest := q.place
	if rest != nil && rest.Value != nil {
		rest = nil
	}
	others, err := q.ordered(ctx, tx, "severity", q.Sort, rest, limit-len(list))
	return append(list, others...), err
}

// soughtIDs is how many packages or vulnerabilities are looked up at most for a filter that picks some.
const soughtIDs = 20_000

// ask reads findings with their places.
func (q *findingQuery) ask(ctx context.Context, tx pgx.Tx, sql string, args []any) ([]found, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	var list []found
	var f found
	var artifact, pkg id.ID
	var kev, ransomware *bool
	var added, due, date *string
	var epss, percentile *float32
	into := []any{
		&artifact, &pkg, &f.Grade, &f.Points, &f.Value, &f.Status, &f.Finding.Artifact, &f.Finding.Package, &f.Vulnerability, &f.Aliases, &f.Advisories, &f.Finding.Score, &f.Severity, &f.Fixed, &f.VEX, &f.Evidence,
		&f.Finding.FirstSeen, &f.LastChanged, &f.Closed, &kev, &added, &due, &ransomware, &epss, &percentile, &date,
	}
	for rows.Next() {
		f = found{}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		f.ID = FindingID(f.Vulnerability, artifact, pkg)
		if kev != nil {
			f.KEV = &KEV{given(added), given(due), ransomware != nil && *ransomware}
		}
		if epss != nil {
			f.EPSS = &EPSS{*epss, *percentile, given(date)}
		}
		f.findingPlace.FirstSeen, f.Vuln, f.findingPlace.Artifact, f.findingPlace.Package = f.Finding.FirstSeen, f.Vulnerability, f.Finding.Artifact, f.Finding.Package
		f.Finding.FirstSeen, f.LastChanged = f.Finding.FirstSeen.UTC(), f.LastChanged.UTC()
		list = append(list, f)
	}
	return list, rows.Err()
}

// after makes the next page begin behind f.
func (q *findingQuery) after(f *found) { q.place = &f.findingPlace }

// of says what a question is about, without how many: a cursor is good for the same one. Nor since when: who
// asks for the last seven days says another moment for each page.
func (n *findingQuestion) of(tenant id.ID) string {
	f := n.FindingFilter
	f.Limit, f.After, f.Since = 0, "", time.Time{}
	return strings.Join([]string{tenant.String(), fmt.Sprintf("%+v", f)}, " ")
}

// given is a text that may be missing.
func given(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
