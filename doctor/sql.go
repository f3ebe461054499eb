package doctor

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlServer     = text("server")
	sqlRoles      = text("roles")
	sqlExtensions = text("extensions")
)
