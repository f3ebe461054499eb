package relay

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlTopics  = text("topics")
	sqlClaim   = text("claim")
	sqlSent    = text("sent")
	sqlLeft    = text("left")
	sqlClean   = text("clean")
	sqlPending = text("pending")
	sqlRoutes  = text("routes")
	sqlEpoch   = text("epoch")
)

// sqlLead asks for the lock of the one relay that sends. It belongs to the connection: when
// that ends, whatever way, another relay gets it.
const sqlLead = `select pg_try_advisory_lock(hashtextextended('sluice.outbox', 0))`
