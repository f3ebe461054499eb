package maintenance

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlBegin           = text("begin")
	sqlEnd             = text("end")
	sqlStatus          = text("status")
	sqlExpired         = text("expired")
	sqlDeletable       = text("deletable")
	sqlDeleteDocuments = text("delete_documents")
	sqlExpiredParked   = text("expired_parked")
	sqlDeleteParked    = text("delete_parked")
	sqlCheckpoints     = text("checkpoints")
	sqlDropCheckpoints = text("drop_checkpoints")
	sqlSilentRuns      = text("silent_runs")
	sqlStopRuns        = text("stop_runs")
	sqlDeadJobs        = text("dead_jobs")
	sqlDropJobs        = text("drop_jobs")
	sqlCountOutbox     = text("count_outbox")
	sqlClearOutbox     = text("clear_outbox")
	sqlStaleViews      = text("stale_views")
	sqlSinceSuccess    = text("since_success")
	sqlLoadState       = text("load_state")
	sqlSaveState       = text("save_state")
	sqlSources         = text("sources")
	sqlAddSource       = text("add_source")
	sqlSourceURL       = text("source_url")
	sqlRemoveSource    = text("remove_source")
)
