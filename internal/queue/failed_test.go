package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/queue"
	"sluice/internal/test/dbtest"
)

// TestFailed: jobs that failed are listed, tried again and dropped, by tenant and by filter; what
// waits or is in a worker's hands is left alone.
func TestFailed(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme, rival := db.Tenant(t, "acme"), db.Tenant(t, "rival")
	projector, maintainer, admin := db.Pool(t, pg.Projector), db.Pool(t, pg.Maintainer), db.Admin(t)
	for i, tenant := range []id.ID{acme, acme, acme, acme, rival, id.Shared} {
		// 1 waits, 2 is given up, 3 fails, 4 is leased after a failure, 5 and 6 are given up.
		state := []string{
			`null, 0, now(), null`, `'boom one', 20, 'infinity', null`, `'too slow: boom two', 3, now() + interval '1 hour', null`,
			`'boom three', 4, now(), now()`, `'boom four', 20, 'infinity', null`, `'boom five', 20, 'infinity', null`,
		}[i]
		if _, err := admin.Exec(t.Context(), `insert into core.job_queue (tenant_id, kind, payload, dedup_key, last_error, attempts, run_after, locked_at)
			values ($1, $2, '{}', $3, `+state+`)`, tenant, []string{"sbom", "fact"}[i%2], fmt.Sprint("key-", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := admin.Exec(t.Context(), `insert into core.job_queue (kind, payload) values ('views', '{}')`); err != nil {
		t.Fatal(err)
	}
	list := func(f queue.Filter) string {
		t.Helper()
		entries, err := queue.List(t.Context(), projector, f, 0)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range entries {
			out = append(out, fmt.Sprintf("%s %s %s %d %s", strings.TrimPrefix(e.Key, "key-"), e.Tenant, e.State, e.Attempts, e.Error))
		}
		return strings.Join(out, ", ")
	}
	failed := []queue.State{queue.GivenUp, queue.Failing}
	for _, tc := range []struct {
		filter queue.Filter
		want   string
	}{
		{queue.Filter{Tenants: []id.ID{acme}}, "1 acme waiting 0 , 2 acme given-up 20 boom one, 3 acme failing 3 too slow: boom two, 4 acme leased 4 boom three"},
		{queue.Filter{Tenants: []id.ID{acme}, States: failed}, "2 acme given-up 20 boom one, 3 acme failing 3 too slow: boom two"},
		{queue.Filter{States: failed, Kind: "fact"}, "2 acme given-up 20 boom one, 6 (shared feed) given-up 20 boom five"},
		{queue.Filter{Error: "too slow"}, "3 acme failing 3 too slow: boom two"},
		{queue.Filter{Tenants: []id.ID{rival}, States: failed}, "5 rival given-up 20 boom four"},
	} {
		if got := list(tc.filter); got != tc.want {
			t.Errorf("%+v:\n  %s, want\n  %s", tc.filter, got, tc.want)
		}
	}

	// Another tenant's job is not dropped by its id.
	entries, err := queue.List(t.Context(), projector, queue.Filter{Tenants: []id.ID{rival}}, 0)
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	if n, err := queue.Drop(t.Context(), maintainer, acme, queue.Filter{IDs: []int64{entries[0].ID}}); err != nil || n != 0 {
		t.Errorf("%d dropped, %v", n, err)
	}
	if n, err := queue.Drop(t.Context(), maintainer, acme, queue.Filter{States: []queue.State{queue.GivenUp}}); err != nil || n != 1 {
		t.Errorf("%d dropped, %v", n, err)
	}
	var audit string
	if err := admin.QueryRow(t.Context(), `select string_agg(tenant_id || ' ' || action || ' ' || ((diff -> 'before') - 'ids'), ', ') from authority.audit_log where action = 'jobs.drop'`).Scan(&audit); err != nil {
		t.Fatal(err)
	}
	if want := acme.String() + ` jobs.drop {"jobs": 1, "kinds": {"fact": 1}, "errors": {"boom one": 1}}`; audit != want {
		t.Errorf("audit log: %s, want %s", audit, want)
	}

	// A listener hears of it, and the job can be claimed at once, with all its attempts.
	listener := db.Conn(t, pg.Projector)
	if _, err := listener.Exec(t.Context(), `listen `+queue.Channel); err != nil {
		t.Fatal(err)
	}
	if n, err := queue.Retry(t.Context(), projector, queue.Filter{Tenants: []id.ID{acme}, States: failed}); err != nil || n != 1 {
		t.Errorf("%d retried, %v", n, err)
	}
	if _, err := listener.WaitForNotification(t.Context()); err != nil {
		t.Error(err)
	}
	lease, err := queue.Queue{Pool: projector, Worker: "test", For: time.Minute}.Claim(t.Context(), acme, 10)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, j := range lease.Jobs {
		keys = append(keys, fmt.Sprint(j.Key, " ", j.Attempts))
	}
	if slices.Sort(keys); !slices.Equal(keys, []string{"key-1 1", "key-3 1"}) {
		t.Errorf("claimed %v", keys)
	}
	if err := (queue.Queue{Pool: projector}).Fail(t.Context(), lease, errors.New("again")); err != nil {
		t.Fatal(err)
	}
	if got := list(queue.Filter{Tenants: []id.ID{acme}, States: failed}); got != "1 acme failing 1 again, 3 acme failing 1 again" {
		t.Errorf("after another failure: %s", got)
	}
	// All tenants at once, the shared feed included.
	if n, err := queue.Retry(t.Context(), projector, queue.Filter{States: []queue.State{queue.GivenUp}}); err != nil || n != 2 {
		t.Errorf("%d retried, %v", n, err)
	}
}
