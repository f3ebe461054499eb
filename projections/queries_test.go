package projections

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// TestQueriesPrepare plans every statement of sql/ as the role that runs it.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	conn := dbtest.New(t).Conn(t, pg.Projector)
	if err := createStaging(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	dbtest.Plan(t, sqlFiles, conn, nil)
}

// TestEventsDocumented holds that docs/events.md explains every member of what is told.
func TestEventsDocumented(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []any{projectedEvent{}, findingData{}} {
		kind := reflect.TypeOf(told)
		for i := range kind.NumField() {
			member, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if !strings.Contains(string(docs), "`"+member+"`") && !strings.Contains(string(docs), `"`+member+`":`) {
				t.Errorf("docs/events.md does not have %s.%s", kind.Name(), member)
			}
		}
	}
}
