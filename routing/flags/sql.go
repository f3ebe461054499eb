package flags

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlVersions = text("versions")
	sqlRules    = text("rules")
	sqlFlag     = text("flag")
	sqlPut      = text("put")
	sqlDelete   = text("delete")
	sqlList     = text("list")
	sqlHistory  = text("history")
	sqlJob      = text("job")
)
