package relay

import "embed"

//go:embed sql/*.sql
var sqlFiles embed.FS

// text returns sql/<name>.sql. The files are compiled in, so a missing one is a typo
// that no caller could handle; any test of this package finds it.
func text(name string) string {
	b, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err)
	}
	return string(b)
}

var (
	sqlTopics  = text("topics")
	sqlClaim   = text("claim")
	sqlSent    = text("sent")
	sqlLeft    = text("left")
	sqlClean   = text("clean")
	sqlPending = text("pending")
	sqlRoutes  = text("routes")
)

// sqlLead asks for the lock of the one relay that sends. It belongs to the connection: when
// that ends, whatever way, another relay gets it.
const sqlLead = `select pg_try_advisory_lock(hashtextextended('sluice.outbox', 0))`
