package outbox

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

var sqlInsert = sqltext.From(sqlFiles)("insert")
