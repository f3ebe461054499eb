package limits

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlLimits = text("limits")
	sqlLimit  = text("limit")
	sqlPut    = text("put")
	sqlDelete = text("delete")
	sqlUsed   = text("used")
	sqlUse    = text("use")
	sqlForget = text("forget")
	sqlStored = text("stored")
	sqlCount  = text("count")
)
