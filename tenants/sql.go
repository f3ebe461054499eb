package tenants

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlAllow        = text("allow")
	sqlDeny         = text("deny")
	sqlProducers    = text("producers")
	sqlAsMaintainer = text("as_maintainer")
	sqlCreate       = text("create")
	sqlCutoff       = text("cutoff")
	sqlFind         = text("find")
	sqlHold         = text("hold")
	sqlList         = text("list")
	sqlSetSettings  = text("set_settings")
	sqlSettings     = text("settings")
)
