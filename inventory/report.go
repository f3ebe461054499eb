package inventory

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory/report"
)

// ReportFilter says what a report covers.
type ReportFilter struct {
	// Days is how far back the trend goes, 1 to 366. Default 90.
	Days int
	// Top is how long its lists are, 1 to 1000. Default 20.
	Top int
}

// Check returns an *ask.WrongError where the filter makes no sense. Report checks too.
func (f ReportFilter) Check() error {
	if f.Days < 0 || f.Days > 366 {
		return ask.Wrong("days", "%d: it is 1 to 366", f.Days)
	}
	if f.Top < 0 || f.Top > 1000 {
		return ask.Wrong("top", "%d: it is 1 to 1000", f.Top)
	}
	return nil
}

// reportMemory lets the server sort a million events without a file on its disk.
const reportMemory = `set local work_mem = '128MB'`

// Report gathers what a report says; package report writes the page. The server counts: whatever the number of
// findings, some hundred rows come back.
func (inv *Inventory) Report(ctx context.Context, tenant id.ID, f ReportFilter) (report.Data, error) {
	var d report.Data
	if err := f.Check(); err != nil {
		return d, err
	}
	if f.Days == 0 {
		f.Days = 90
	}
	if f.Top == 0 {
		f.Top = 20
	}
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, reportMemory); err != nil {
			return err
		}
		return gather(ctx, tx, tenant, f, &d)
	})
	if err != nil {
		return d, fmt.Errorf("report: %w", err)
	}
	return d, nil
}

func gather(ctx context.Context, tx pgx.Tx, tenant id.ID, f ReportFilter, d *report.Data) error {
	if err := tx.QueryRow(ctx, `select now()`).Scan(&d.At); err != nil {
		return err
	}
	d.At = d.At.UTC()
	err := tx.QueryRow(ctx, sqlReportTotals, tenant).Scan(&d.Artifacts, &d.Retired, &d.Components, &d.Unmatched, &d.Suppressed, &d.Known)
	if err != nil {
		return fmt.Errorf("totals: %w", err)
	}
	n, err := FindingFilter{}.normal(tenant)
	if err != nil {
		return err
	}
	without, err := findUnjudged(ctx, tx, tenant, n)
	if err != nil {
		return err
	}
	list, err := without.count(ctx, tx, 0)
	if err != nil {
		return fmt.Errorf("components without records: %w", err)
	}
	d.Unjudged = make([]report.Unjudged, len(list))
	for i, u := range list {
		d.Unjudged[i] = report.Unjudged{Ecosystem: u.Ecosystem, Components: u.Components, Reason: u.Reason, OtherReleases: u.OtherReleases}
	}
	type count struct {
		Name     string `db:"name"`
		Severity string `db:"severity"`
		Age      int    `db:"age"`
		Findings int64  `db:"findings"`
		Critical int64  `db:"critical"`
		High     int64  `db:"high"`
		Tags     string `db:"tags"`
	}
	counts, err := collect[count](ctx, tx, sqlReportOpen, tenant, f.Top)
	if err != nil {
		return fmt.Errorf("open findings: %w", err)
	}
	for _, c := range counts {
		if c.Name == "" {
			d.Count(c.Severity, c.Age, c.Findings)
			continue
		}
		d.Worst = append(d.Worst, report.Artifact{Name: c.Name, Findings: c.Findings, Critical: c.Critical, High: c.High, Tags: c.Tags})
	}
	if d.Packages, err = collect[report.Package](ctx, tx, sqlReportPackages, tenant, f.Top); err != nil {
		return fmt.Errorf("packages: %w", err)
	}
	urgent, err := collect[Urgent](ctx, tx, sqlTriage, tenant, f.Top, d.At.AddDate(0, 0, -1), false)
	if err != nil {
		return fmt.Errorf("triage: %w", err)
	}
	for _, u := range urgent {
		score := ""
		if u.Score != nil {
			score = u.Score.String()
		}
		d.First = append(d.First, report.Urgent{
			Vulnerability: u.Vulnerability, Package: u.Package, Severity: u.Severity, Score: score, KEV: u.KEV, EPSS: u.EPSS,
			Fix: u.FixAvailable, Exposed: u.Exposed, Artifacts: u.Artifacts, FirstSeen: u.FirstSeen.UTC(),
		})
	}
	return trend(ctx, tx, tenant, f.Days, d)
}

// trend works back from what is open now.
func trend(ctx context.Context, tx pgx.Tx, tenant id.ID, days int, d *report.Data) error {
	type change struct {
		Day    string `db:"day"`
		Opened int64  `db:"opened"`
		Ended  int64  `db:"ended"`
	}
	today := d.At.Truncate(24 * time.Hour)
	from := today.AddDate(0, 0, 1-days)
	list, err := collect[change](ctx, tx, sqlReportTrend, tenant, from)
	if err != nil {
		return fmt.Errorf("trend: %w", err)
	}
	by := map[string]change{}
	for _, c := range list {
		by[c.Day] = c
	}
	open := d.Open()
	d.Trend = make([]report.Point, days)
	for i := days - 1; i >= 0; i-- {
		day := from.AddDate(0, 0, i)
		c := by[day.Format(time.DateOnly)]
		d.Trend[i] = report.Point{Day: day, Open: max(0, open), Opened: c.Opened, Ended: c.Ended}
		open -= c.Opened - c.Ended
	}
	return nil
}
