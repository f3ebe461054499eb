package queue

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlTenants = text("tenants")
	sqlClaim   = text("claim")
	sqlFinish  = text("finish")
	sqlExtend  = text("extend")
	sqlRelease = text("release")
	sqlFail    = text("fail")
	sqlRescue  = text("rescue")
	sqlLeft    = text("left")
	sqlList    = text("list")
	sqlRetry   = text("retry")
	sqlDrop    = text("drop")
)
