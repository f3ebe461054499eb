package maintain

import "embed"

//go:embed sql/*.sql
var sqlFiles embed.FS

// text returns sql/<name>.sql. The files are compiled in, so a missing one is a
// typo that no caller could handle; any test of this package finds it.
func text(name string) string {
	b, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err)
	}
	return string(b)
}

var (
	sqlBegin           = text("begin")
	sqlEnd             = text("end")
	sqlStatus          = text("status")
	sqlTenants         = text("tenants")
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
)
