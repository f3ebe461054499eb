package backup

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

var (
	sqlOf         = sqltext.From(sqlFiles)
	sqlTables     = sqlOf("tables")
	sqlIndexes    = sqlOf("indexes")
	sqlHeap       = sqlOf("check_heap")
	sqlIndex      = sqlOf("check_index")
	sqlOriginals  = sqlOf("originals")
	sqlReceived   = sqlOf("received")
	sqlOrphans    = sqlOf("orphans")
	sqlRemember   = sqlOf("remember_derived")
	sqlClear      = sqlOf("clear_derived")
	sqlDifference = sqlOf("difference")
	sqlHasAmcheck = sqlOf("has_amcheck")
)
