package instances

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

var text = sqltext.From(sqlFiles)

var (
	sqlRegister   = text("register")
	sqlFreeDomain = text("free_domain")
	sqlBeat       = text("beat")
	sqlSilent     = text("silent")
	sqlForget     = text("forget")
	sqlList       = text("list")
)
