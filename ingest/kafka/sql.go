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
	sqlDefer           = text("defer")
	sqlDeferredKeys    = text("deferred_keys")
	sqlDeferredKey     = text("deferred_key")
	sqlClaimDeferred   = text("claim_deferred")
	sqlPostpone        = text("postpone_deferred")
	sqlStepDeferred    = text("step_deferred")
	sqlDeleteDeferred  = text("delete_deferred")
	sqlDeferredBacklog = text("deferred_backlog")
)
