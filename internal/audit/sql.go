package audit

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

var text = sqltext.From(sqlFiles)

var (
	sqlNote      = text("note")
	sqlLines     = text("lines")
	sqlHead      = text("head")
	sqlUnchained = text("unchained")
	sqlWithHash  = text("with_hash")
	sqlList      = text("list")
	sqlOlder     = text("older")
	sqlHeld      = text("held")
	sqlCut       = text("cut")
)
