package lead

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

var text = sqltext.From(sqlFiles)

var (
	sqlFree  = text("free")
	sqlTake  = text("take")
	sqlKeep  = text("keep")
	sqlLeave = text("leave")
	sqlHold  = text("hold")
)
