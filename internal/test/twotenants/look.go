package twotenants

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

//go:embed relations.sql
var relations string

//go:embed functions.sql
var functions string

// Sighting is what came of looking into one relation, or of one call of a function.
type Sighting struct {
	What  string // schema.name, a function with the types of its arguments
	Kind  string // as pg_class.relkind, f for a function
	Hits  int    // rows that tell of the owner
	State string // SQLSTATE of the error; empty: none
	Error string
	Given string // the arguments of a function
	Said  string // what it returned
}

// Relations looks for an owner's values in every table, partition, view, materialized view and
// sequence that conn's role may read; catalogues: in PostgreSQL's own, statistics among them, too.
func Relations(t testing.TB, conn *pgx.Conn, of Owner, catalogues bool) []Sighting {
	t.Helper()
	return look(t, conn, relations, map[string]any{"look.trace": of.Trace(), "look.catalogues": map[bool]string{true: "on", false: "off"}[catalogues]})
}

// Functions calls every function that conn's role may execute with values of an owner. More are
// values to try besides the made-up ones, such as names of theirs.
func Functions(t testing.TB, conn *pgx.Conn, of Owner, more ...string) []Sighting {
	t.Helper()
	quoted := func(s string) string { return "'" + s + "'" }
	texts := []string{quoted(of.Mark), quoted(of.Tenant.String())}
	for _, s := range more {
		texts = append(texts, quoted(s))
	}
	ids := []string{quoted(of.Tenant.String()) + "::uuid", quoted(of.UUID(101).String()) + "::uuid"}
	values := map[string][]string{
		"uuid": ids, "text": texts, "name": texts, "uuid[]": {"array[" + ids[0] + ", " + ids[1] + "]"}, "text[]": {"array[" + texts[0] + "]"},
		"jsonb": {fmt.Sprintf(`'{"mark": %q}'`, of.Mark), `'{}'`}, "bytea": {"convert_to('" + of.Mark + "', 'UTF8')"},
		"bigint": {fmt.Sprint(of.Number + 1)}, "integer": {fmt.Sprint(of.Number + 1)}, "smallint": {"1::smallint"}, "boolean": {"true"},
		"timestamp with time zone": {"now()"}, "interval": {"interval '1 hour'"}, "double precision": {"1"},
		"regclass": {"'authority.tenant'::regclass"},
	}
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return look(t, conn, functions, map[string]any{"look.trace": of.Trace(), "look.values": string(text)})
}

// look runs a statement of ours. Errors that are not about rights are for the caller to judge,
// those that tell of the owner are not.
func look(t testing.TB, conn *pgx.Conn, sql string, settings map[string]any) []Sighting {
	t.Helper()
	for name, value := range settings {
		if _, err := conn.Exec(t.Context(), `select set_config($1, $2, false)`, name, value); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("look: %v", err)
	}
	var found string
	if err := conn.QueryRow(t.Context(), `select current_setting('look.found')`).Scan(&found); err != nil {
		t.Fatal(err)
	}
	var all []Sighting
	if err := json.Unmarshal([]byte(found), &all); err != nil {
		t.Fatal(err)
	}
	trace := regexp.MustCompile(settings["look.trace"].(string))
	for i, s := range all {
		said := s.Error + s.Said
		for _, given := range strings.Split(s.Given, ", ") {
			if given = strings.Trim(strings.TrimSuffix(given, "::uuid"), "'"); len(given) > 3 {
				said = strings.ReplaceAll(said, given, "")
			}
		}
		if trace.MatchString(said) {
			all[i].Hits++
		}
	}
	return all
}
