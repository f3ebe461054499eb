package ingest

import (
	"os"
	"strings"
	"testing"

	"sluice/internal/id"
	"sluice/internal/test/dbtest"
)

// TestParkedOfOlderPrograms: the id that the upgrade gives to what waits with the operator is the one that
// the same message has today; otherwise it would wait twice.
func TestParkedOfOlderPrograms(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../migrations/sql/ingest_v007_parked_by_document.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(script), "update ingest.parked")
	rest, _, ok := strings.Cut(rest, "\nalter table")
	if !ok {
		t.Fatal("the script does not update ingest.parked")
	}
	admin := dbtest.New(t).Admin(t)
	for i, named := range []string{"", "ghost", "gräßlich \"quoted\""} {
		env := Envelope{Tenant: id.Operator, Bytes: []byte{byte(i)}, Hints: map[string]string{"tenant": named}}
		want := newTask(env)
		old := id.Derive(id.Operator, "document", string(want.hash[:]))
		if _, err := admin.Exec(t.Context(), `insert into ingest.parked (id, tenant_id, content_hash, document_id, origin, reason, hints, scan_run_id)
			values ($1, $2, $3, $4, 'x', 'tenant', jsonb_build_object('tenant', $5::text), 1)`, i+1, id.Operator, want.hash[:], old, named); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.Exec(t.Context(), "update ingest.parked"+rest); err != nil {
			t.Fatal(err)
		}
		var got id.ID
		if err := admin.QueryRow(t.Context(), `select document_id from ingest.parked where id = $1`, i+1).Scan(&got); err != nil || got != want.documentID {
			t.Errorf("%q: %s, want %s (%v)", named, got, want.documentID, err)
		}
	}
}
