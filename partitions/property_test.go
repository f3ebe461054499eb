package partitions_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"

	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/partitions"
)

// moments are drawn near what goes wrong: ends of days, months and years, leap days, the
// hours that clocks are set in; or anywhere between 1970 and 2100.
func moment() *rapid.Generator[time.Time] {
	odd := []time.Time{
		time.Date(2028, 2, 29, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(2100, 2, 28, 23, 0, 0, 0, time.UTC), // no leap year
		time.Date(2000, 2, 29, 12, 0, 0, 0, time.UTC), // one
		time.Date(2026, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), // Europe's clocks go forward
		time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC),
		time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC), // New York's back
		time.Date(2021, 1, 3, 23, 59, 59, 0, time.UTC),
		time.Date(2016, 12, 31, 23, 59, 59, 0, time.UTC), // a leap second follows
	}
	return rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "odd") {
			return rapid.SampledFrom(odd).Draw(t, "near").Add(time.Duration(rapid.Int64Range(-int64(2*time.Hour), int64(2*time.Hour)).Draw(t, "off")))
		}
		return time.UnixMicro(rapid.Int64Range(0, 4_102_444_800_000_000).Draw(t, "us"))
	})
}

func zone() *rapid.Generator[*time.Location] {
	names := []string{"UTC", "America/New_York", "Pacific/Apia", "Asia/Kolkata", "Europe/London", "Australia/Lord_Howe", "America/St_Johns"}
	return rapid.Custom(func(t *rapid.T) *time.Location {
		loc, err := time.LoadLocation(rapid.SampledFrom(names).Draw(t, "zone"))
		if err != nil {
			return time.FixedZone("far", 14*3600)
		}
		return loc
	})
}

func anyPolicy(t *rapid.T, now time.Time) partitions.Policy {
	steps := rapid.SampledFrom([]partitions.Step{partitions.Day, partitions.Week, partitions.Month})
	p := partitions.Policy{
		Parent: "a.b", Step: steps.Draw(t, "step"), Premake: rapid.IntRange(1, 10).Draw(t, "premake"), Behind: rapid.IntRange(0, 10).Draw(t, "behind"),
		PremakeFor: pgtype.Interval{Days: rapid.Int32Range(0, 60).Draw(t, "days ahead"), Valid: true}, OnExpiry: partitions.Keep,
	}
	if rapid.Bool().Draw(t, "changes") {
		p.NextStep = steps.Draw(t, "next step")
		at := now.Add(time.Duration(rapid.Int64Range(-int64(90*24*time.Hour), int64(90*24*time.Hour)).Draw(t, "change"))).Truncate(time.Microsecond)
		p.NextFrom = pgtype.Timestamptz{Time: at, Valid: true}
	}
	return p
}

// TestDueTiles: what is due is one stretch without gap or overlap, holds the present, goes as
// far ahead as asked, and is the same whatever zone the clock tells the time in.
func TestDueTiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := moment().Draw(t, "now").In(zone().Draw(t, "zone"))
		p := anyPolicy(t, now)
		due := p.Due(now)
		holds, ahead := 0, 0
		for i, s := range due {
			if !s.From.Before(s.To) || s.From.Location() != time.UTC {
				t.Fatalf("span %v", s)
			}
			if i > 0 && !s.From.Equal(due[i-1].To) {
				t.Fatalf("%v does not follow %v", s, due[i-1])
			}
			if s.Contains(now) {
				holds++
			}
			if s.From.After(now) {
				ahead++
			}
			change := p.NextStep != "" && (s.From.Equal(p.NextFrom.Time) || s.To.Equal(p.NextFrom.Time))
			if midnight := s.From.Truncate(24*time.Hour).Equal(s.From) && s.To.Truncate(24*time.Hour).Equal(s.To); !midnight && !change {
				t.Fatalf("span %v is not of whole UTC days", s)
			}
			if got := p.SpanAt(s.To.Add(-time.Microsecond)); got != s {
				t.Fatalf("the last moment of %v is in %v", s, got)
			}
		}
		if holds != 1 || ahead < p.Premake || due[len(due)-1].To.Before(now.AddDate(0, 0, int(p.PremakeFor.Days))) {
			t.Fatalf("%d hold %s, %d are ahead, the last ends at %s", holds, now, ahead, due[len(due)-1].To)
		}
	})
}

// TestIntervals: times and intervals add up as they do in PostgreSQL, in UTC.
func TestIntervals(t *testing.T) {
	t.Parallel()
	conn := dbtest.New(t).Conn(t, pg.Reader)
	rapid.Check(t, func(rt *rapid.T) {
		at := moment().Draw(rt, "at").Truncate(time.Microsecond)
		iv := pgtype.Interval{
			Months: rapid.Int32Range(0, 40).Draw(rt, "months"), Days: rapid.Int32Range(0, 400).Draw(rt, "days"),
			Microseconds: rapid.Int64Range(0, 90_000_000_000).Draw(rt, "us"), Valid: true,
		}
		for _, n := range []int{1, -1} {
			want := one[time.Time](t, conn, `select ($1::timestamptz at time zone 'UTC' + $3::int * $2::interval) at time zone 'UTC'`, at, iv, n)
			if got := partitions.Add(at, iv, n); !got.Equal(want) {
				rt.Fatalf("%s %+d × %+v is %s, PostgreSQL says %s", at.UTC(), n, iv, got, want.UTC())
			}
		}
	})
}

// pass is one pass of a manager, and what it finds.
type pass struct {
	now             time.Time
	step, next      string
	change          time.Time // with next
	premake, behind int
	zone            string
	date, interval  string // styles of the session
}

// passes follow each other, with a clock that jumps to and fro.
func passes() *rapid.Generator[[]pass] {
	step := rapid.SampledFrom([]string{"day", "week", "month"})
	return rapid.Custom(func(t *rapid.T) []pass {
		now := moment().Draw(t, "now")
		out := make([]pass, rapid.IntRange(2, 4).Draw(t, "passes"))
		for i := range out {
			out[i] = pass{
				now: now, step: step.Draw(t, "step"), premake: rapid.IntRange(1, 3).Draw(t, "premake"), behind: rapid.IntRange(0, 3).Draw(t, "behind"),
				zone:     zone().Draw(t, "session").String(),
				date:     rapid.SampledFrom([]string{"ISO, DMY", "SQL, DMY", "German", "Postgres, MDY"}).Draw(t, "dates"),
				interval: rapid.SampledFrom([]string{"postgres", "sql_standard", "iso_8601", "postgres_verbose"}).Draw(t, "intervals"),
			}
			if rapid.Bool().Draw(t, "changes") {
				out[i].next = step.Draw(t, "next step")
				out[i].change = now.UTC().Truncate(24*time.Hour).AddDate(0, 0, rapid.IntRange(-40, 40).Draw(t, "change"))
			}
			now = now.Add(time.Duration(rapid.Int64Range(-int64(60*24*time.Hour), int64(60*24*time.Hour)).Draw(t, "jump")))
		}
		return out
	})
}

// TestBoundaries: the clock jumps to and fro, steps change, sessions have any zone and style,
// and after each pass the table has no gap where something is due, no bound that
// is not UTC midnight, and a place for the present. (PostgreSQL itself refuses overlaps.)
func TestBoundaries(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := db.Conn(t, pg.Owner), db.Admin(t)
	policy(t, owner, `premake_for = '0'`)
	exec(t, admin, `set timezone = 'UTC'; set datestyle = 'ISO'`)
	stories := 40
	if brief.Run(t) {
		stories = 10
	}
	for seed := range stories {
		for _, name := range list(t, admin, `select inhrelid::regclass::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where inhparent = 'ingest.scan_run_event'::regclass`) {
			exec(t, admin, `drop table `+name)
		}
		for i, p := range passes().Example(seed) {
			fail := func(format string, args ...any) {
				t.Fatalf("story %d, pass %d, %+v: %s", seed, i, p, fmt.Sprintf(format, args...))
			}
			exec(t, owner, `update core.partition_policy set step = $1, premake = $2, behind = $3, next_step = nullif($4, ''), next_step_from = case when $4 <> '' then $5::timestamptz end`,
				p.step, p.premake, p.behind, p.next, p.change)
			exec(t, owner, `select set_config('timezone', $1, false), set_config('datestyle', $2, false), set_config('intervalstyle', $3, false)`, p.zone, p.date, p.interval)
			if _, err := partitions.Maintain(t.Context(), owner, p.now, partitions.Config{}); err != nil {
				fail("%v", err)
			}
			if made, err := partitions.Ensure(t.Context(), owner, p.now); err != nil || made != nil {
				fail("made %v after a pass, %v", made, err)
			}
			if err := event(t, admin, p.now); err != nil {
				fail("no place for the present: %v", err)
			}
			for _, bad := range list(t, admin, `
				select b from (select pg_get_expr(relpartbound, oid) b from pg_class where relispartition and relname ~ '^scan_run_event' and relkind = 'r') x
				where b !~ '^FOR VALUES FROM \(''\d{4}-\d\d-\d\d 00:00:00\+00''\) TO \(''\d{4}-\d\d-\d\d 00:00:00\+00''\)$'`) {
				fail("bound %s", bad)
			}
		}
	}
}
