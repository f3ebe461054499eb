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
