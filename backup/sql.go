package backup

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

var (
	text          = sqltext.From(sqlFiles)
	sqlTables     = text("tables")
	sqlIndexes    = text("indexes")
	sqlHeap       = text("check_heap")
	sqlIndex      = text("check_index")
	sqlOriginals  = text("originals")
	sqlReceived   = text("received")
	sqlOrphans    = text("orphans")
	sqlRemember   = text("remember_derived")
	sqlClear      = text("clear_derived")
	sqlAsk        = text("ask_again")
	sqlDifference = text("difference")
	sqlHasAmcheck = text("has_amcheck")
)
