package bench

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlComponents    = text("components")
	sqlConsumed      = text("consumed")
	sqlDropFloor     = text("drop_floor")
	sqlFloor         = text("floor")
	sqlGaps          = text("gaps")
	sqlKafkaFloor    = text("kafka_floor")
	sqlServerProcess = text("server_process")
	sqlWAL           = text("wal")
)
