package kafka

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlInsertEvents = text("insert_events")
	sqlTakeOver     = text("take_over")
	sqlMove         = text("move")
	sqlNoteGap      = text("note_gap")
	sqlPlace        = text("place")
	sqlParkedEvents = text("parked_events")
	sqlDropEvent    = text("drop_event")
)
