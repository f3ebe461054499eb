package plans

import "sluice/internal/pg"

// Query is a hot statement: one that runs often, or over what grows.
type Query struct {
	Name string // of its page in docs/plans
	File string // in the repository
	Role pg.Role
	// Args are literals; <name> stands for a value of the tenant: sql/sample.sql. Parameters
	// beyond them get a value by their type.
	Args []string
	// Whole asks for all that the tenant has: reading the table may be right then.
	Whole bool
	// Optional has parameters that may be empty, for all: only a plan for the values at hand can
	// use an index, and pg.Open asks for those.
	Optional bool
	// Writes is only planned and not run.
	Writes bool
	// AllTenants is the queue's: its workers take the jobs of every tenant.
	AllTenants bool
	// Misestimate is the reason why a wrong estimate decides nothing in this statement; it is shown, and no problem.
	Misestimate string
}

const noID = "00000000-0000-0000-0000-000000000001"

// null is the argument that is not given, where "" is a text.
const null = "\x00"

// findings are the arguments of a first page of findings: inventory/finding_query.go has what they mean.
func findings(artifact, sort string) []string {
	return []string{
		"<tenant>", "all", "", "{}", artifact, null, "", null, null, "", "0", null, null, "false", null, null, null, "",
		"", "51", "5102", sort, "false", null, null, null, null, null, null, null,
	}
}

// picked is why estimates of the lists of findings decide nothing above the first Limit.
const picked = "the page is picked first, by an index; what its rows are joined with is probed by key, written as a range that the planner takes for many rows"

// Queries are all of them.
var Queries = []Query{
	{Name: "look_up", File: "ingest/sql/look_up.sql", Role: pg.Ingest, Args: []string{"<tenant>", "<hashes>"}},
	{Name: "look_up_meaning", File: "ingest/sql/look_up_meaning.sql", Role: pg.Ingest, Args: []string{"<tenant>", "<meanings>"}},
	{Name: "load_checkpoints", File: "ingest/files/sql/load_checkpoints.sql", Role: pg.Ingest, Args: []string{"<tenant>", "<run>"}},
	{Name: "findings_by_severity", File: "inventory/sql/findings.sql", Role: pg.Reader, Args: findings("", "severity"), Optional: true, Misestimate: picked},
	{Name: "findings_by_first_seen", File: "inventory/sql/findings.sql", Role: pg.Reader, Args: findings("", "first_seen"), Optional: true, Misestimate: picked},
	{Name: "findings_by_package", File: "inventory/sql/findings.sql", Role: pg.Reader, Args: findings("", "package"), Optional: true, Misestimate: picked},
	{Name: "findings_of_an_artifact", File: "inventory/sql/findings.sql", Role: pg.Reader, Args: findings("<artifact>", "severity"), Optional: true, Misestimate: picked},
	{Name: "unknowns_of_an_artifact", File: "inventory/sql/unknowns.sql", Role: pg.Reader, Args: []string{"<tenant>", "<artifact>", "", noID}, Optional: true},
	{Name: "parked", File: "inventory/sql/parked.sql", Role: pg.Reader, Args: []string{"<tenant>", ""}, Whole: true},
	{Name: "load_packages", File: "projections/sql/load_packages.sql", Role: pg.Projector, Args: []string{"<tenant>", "<packages>"}},
	{Name: "packages_by_key", File: "projections/sql/packages_by_key.sql", Role: pg.Projector, Args: []string{"<tenant>", "<match_keys>"}},
	{Name: "package_vulns", File: "projections/sql/package_vulns.sql", Role: pg.Projector, Args: []string{"<tenant>", "<packages>"}},
	{Name: "pairs_of_packages", File: "projections/sql/pairs_of_packages.sql", Role: pg.Projector, Args: []string{"<tenant>", "<packages>"}},
	{Name: "pairs_of_vulns", File: "projections/sql/pairs_of_vulns.sql", Role: pg.Projector, Args: []string{"<tenant>", "<vulns>"}, Misestimate: "every join is written as a probe by index per value, in the order that is written"},
	{Name: "load_affected", File: "projections/sql/load_affected.sql", Role: pg.Projector, Args: []string{"<tenant>", "<match_keys>"}},
	{Name: "statements", File: "projections/sql/statements.sql", Role: pg.Projector, Args: []string{"<tenant>", "<vulns>", "<names>", "<artifacts>"}},
	{Name: "decisions", File: "projections/sql/decisions.sql", Role: pg.Projector, Args: []string{"<tenant>", "<packages>", "<vulns>"}},
	{Name: "scores", File: "projections/sql/scores.sql", Role: pg.Projector, Args: []string{"<tenant>", "<vulns>"}},
	{Name: "claim", File: "internal/queue/sql/claim.sql", Role: pg.Projector, Writes: true, AllTenants: true},
}

// Others are the statements that have no page, with the reason: a file or all of a folder. The file counts before
// its folder.
var Others = map[string]string{
	"authority/sql/*":                   "a tenant has tens of users, roles and tokens; each is found by its key",
	"backup/sql/*":                      "once per backup",
	"doctor/sql/*":                      "asked by a person",
	"doctor/vitals/sql/*":               "asked by a person, of the server's own statistics",
	"doctor/plans/sql/*":                "asked by a person",
	"ingest/files/sql/*":                "one row by its key per file",
	"ingest/kafka/sql/*":                "one row by its key per batch and topic partition",
	"ingest/sql/*":                      "writes of a batch: rows go in by their keys, from arrays and temporary tables that hold no more than a batch",
	"internal/audit/sql/*":              "one row per change; what reads the log reads it by its key",
	"internal/bench/sql/*":              "only for measuring",
	"internal/lead/sql/*":               "a table of a few rows",
	"internal/queue/sql/*":              "by the indexes of the queue, as claim is; migrations.TestPlans plans each",
	"inventory/sql/findings_found.sql":  "what it reads depends on the filter; inventory.TestFindingsList measures it over a million findings",
	"inventory/sql/findings_likely.sql": "the same",
	"inventory/sql/findings_listed.sql": "the same",
	"inventory/sql/*":                   "asked by a person, of rows by their keys; migrations.TestPlans and TestRunPlans plan those over what grows",
	"maintenance/sql/*":                 "in batches of 500 or 5,000 rows, every few hours; migrations.TestPlans plans those over documents and runs",
	"notify/sql/*":                      "a table of tens of rows, or new findings by the time at which they were seen first; all of them once an hour",
	"outbox/relay/sql/*":                "what waits, by the index of what waits",
	"outbox/sql/*":                      "one row goes in",
	"partitions/sql/*":                  "of the catalogue",
	"projections/sql/*":                 "from temporary tables that hold no more than a batch; migrations.TestPlans plans each of them",
	"routing/change/sql/*":              "one row goes in",
	"routing/flags/sql/*":               "a table of tens of rows",
	"routing/instances/sql/*":           "a table of tens of rows",
	"routing/limits/sql/*":              "a table of tens of rows",
	"serve/figures/sql/*":               "counted every half minute, by the indexes of what waits",
	"tenants/sql/*":                     "a table of tenants",
}
