package inventory

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// TriageFilter says which day is asked about.
type TriageFilter struct {
	// Since is when the list was looked at last: what came and went since is told. Default a day ago.
	Since time.Time
	// New picks only what came since.
	New bool
	// Limit is how many of each list at most; 0 is all.
	Limit int
}

// Check returns an *ask.WrongError where the filter makes no sense. Triage checks too.
func (f TriageFilter) Check() error { return ask.Limit(f.Limit) }

// Urgent is one vulnerability of one package, in all artifacts that list it.
type Urgent struct {
	Vulnerability string   `db:"vuln_id" json:"vulnerability"`
	Package       string   `db:"package_purl" json:"package"`
	Severity      string   `db:"severity" json:"severity"`
	Score         *Score   `db:"score" json:"score"`
	KEV           bool     `db:"kev" json:"kev"`
	EPSS          *float32 `db:"epss" json:"epss"` // null where there is no score
	FixAvailable  bool     `db:"fix_available" json:"fix_available"`
	// Exposed is how many of the artifacts hold a tag that says that they are exposed.
	Exposed            int64     `db:"exposed" json:"exposed"`
	Artifacts          int64     `db:"artifacts" json:"artifacts"`
	UnderInvestigation int64     `db:"under_investigation" json:"under_investigation"`
	FirstSeen          time.Time `db:"first_seen" json:"first_seen"`
	// Priority orders the list; see docs/analyst.md.
	Priority int  `db:"priority" json:"priority"`
	New      bool `db:"is_new" json:"new"`
}

// Gone is what is open no more.
type Gone struct {
	Vulnerability string    `db:"vuln_id" json:"vulnerability"`
	Package       string    `db:"package_purl" json:"package"`
	Artifacts     int64     `db:"artifacts" json:"artifacts"`
	At            time.Time `db:"at" json:"at"`
	Reason        string    `db:"reason" json:"reason"`
	Total         int64     `db:"total" json:"-"`
}

// BecameKnown is a vulnerability that is open and came to be known as exploited.
type BecameKnown struct {
	Vulnerability string `db:"vuln_id" json:"vulnerability"`
	Name          string `db:"name" json:"name"`
	Added         string `db:"added" json:"added"` // a day
	Due           string `db:"due" json:"due"`     // a day; "" where there is none
	Ransomware    bool   `db:"ransomware" json:"ransomware"`
	Packages      int64  `db:"packages" json:"packages"`
}

// Day is the list of a day, and what changed since the last one.
type Day struct {
	Since time.Time `json:"since"`
	List  []Urgent  `json:"list"`
	// New is what came since, wherever in the list it is.
	New  []Urgent      `json:"new"`
	Gone []Gone        `json:"gone"`
	KEV  []BecameKnown `json:"became_kev"`
	// GoneTotal is how many went; Gone is cut to the limit.
	GoneTotal int64 `json:"gone_total"`
	// Components are those of the current SBOMs of artifacts in use; so many of them are Unmatched, and of the Unjudged
	// there are no records: nothing on the list is about any of these.
	Components int64      `json:"components"`
	Unmatched  int64      `json:"unmatched"`
	Unjudged   []Unjudged `json:"unjudged"`
}

// Triage says what to look at first, and what changed. The list is the triage queue, which is
// refreshed some seconds after findings change.
func (inv *Inventory) Triage(ctx context.Context, tenant id.ID, f TriageFilter) (Day, error) {
	if err := f.Check(); err != nil {
		return Day{}, err
	}
	if f.Since.IsZero() {
		f.Since = time.Now().AddDate(0, 0, -1)
	}
	d := Day{Since: f.Since.UTC()}
	err := inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		if d.List, err = collect[Urgent](ctx, tx, sqlTriage, tenant, f.Limit, f.Since, f.New); err != nil {
			return fmt.Errorf("list: %w", err)
		}
		if d.New, err = collect[Urgent](ctx, tx, sqlTriage, tenant, f.Limit, f.Since, true); err != nil {
			return fmt.Errorf("what is new: %w", err)
		}
		if d.Gone, err = collect[Gone](ctx, tx, sqlTriageGone, tenant, f.Since, f.Limit); err != nil {
			return fmt.Errorf("what is gone: %w", err)
		}
		if d.KEV, err = collect[BecameKnown](ctx, tx, sqlTriageKnown, tenant, f.Since); err != nil {
			return fmt.Errorf("what became known: %w", err)
		}
		if err := tx.QueryRow(ctx, sqlMatchedShare, tenant).Scan(&d.Components, &d.Unmatched); err != nil {
			return fmt.Errorf("what cannot be matched: %w", err)
		}
		n, err := FindingFilter{}.normal(tenant)
		if err != nil {
			return err
		}
		without, err := findUnjudged(ctx, tx, tenant, n)
		if err != nil {
			return err
		}
		d.Unjudged, err = without.count(ctx, tx, countedUnjudged)
		return err
	})
	if err != nil {
		return d, fmt.Errorf("triage: %w", err)
	}
	for _, list := range [][]Urgent{d.List, d.New} {
		for i := range list {
			list[i].FirstSeen = list[i].FirstSeen.UTC()
		}
	}
	for i := range d.Gone {
		d.Gone[i].At = d.Gone[i].At.UTC()
		d.GoneTotal = d.Gone[i].Total
	}
	return d, nil
}
