package files

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlPutCheckpoints  = text("put_checkpoints")
	sqlLoadCheckpoints = text("load_checkpoints")
	sqlDropUnreadable  = text("drop_unreadable")
	sqlUnreadable      = text("unreadable")
)
