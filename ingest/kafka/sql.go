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
	sqlInsertEvents    = text("insert_events")
	sqlTakeOver        = text("take_over")
	sqlMove            = text("move")
	sqlNoteGap         = text("note_gap")
	sqlAhead           = text("ahead")
	sqlPutAhead        = text("put_ahead")
	sqlDropAhead       = text("drop_ahead")
	sqlPlace           = text("place")
	sqlParkedEvents    = text("parked_events")
	sqlDropEvent       = text("drop_event")
	sqlDefer           = text("defer")
	sqlDeferredKeys    = text("deferred_keys")
	sqlDeferredKey     = text("deferred_key")
	sqlClaimDeferred   = text("claim_deferred")
	sqlPostpone        = text("postpone_deferred")
	sqlStepDeferred    = text("step_deferred")
	sqlDeleteDeferred  = text("delete_deferred")
	sqlDeferredBacklog = text("deferred_backlog")
)
