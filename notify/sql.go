package notify

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

// What is asked of rules.
var (
	sqlAddRule     = text("add_rule")
	sqlAddEndpoint = text("add_endpoint")
	sqlRules       = text("rules")
	sqlRemoveRule  = text("remove_rule")
	sqlFailed      = text("failed")
	sqlRetry       = text("retry")
	sqlOutcome     = text("outcome")
	sqlTenantName  = text("tenant_name")
)

// What the notifier does.
var (
	sqlDue           = text("due")
	sqlBeginLook     = text("begin_look")
	sqlLook          = text("look")
	sqlSweep         = text("sweep")
	sqlGone          = text("gone")
	sqlEndLook       = text("end_look")
	sqlPutOff        = text("put_off")
	sqlInsertMessage = text("insert_message")
	sqlClaim         = text("claim")
	sqlSent          = text("sent")
	sqlLeft          = text("left")
	sqlClean         = text("clean")
	sqlCounts        = text("counts")
)
