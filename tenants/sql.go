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
	sqlDoom         = text("doom")
	sqlDoomed       = text("doomed")
	sqlFind         = text("find")
	sqlHold         = text("hold")
	sqlLeaving      = text("leaving")
	sqlList         = text("list")
	sqlNameOf       = text("name_of")
	sqlNames        = text("names")
	sqlRemove       = text("remove")
	sqlRename       = text("rename")
	sqlSetSettings  = text("set_settings")
	sqlSettings     = text("settings")
	sqlTables       = text("tables")
)
