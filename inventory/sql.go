package inventory

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlDecision       = text("decision")
	sqlDocumentHash   = text("document_hash")
	sqlDocumentRepeat = text("document_repeats")
	sqlDocuments      = text("documents")
	sqlFindings       = text("findings")
	sqlKnownPackages  = text("known_packages")
	sqlNoteDecision   = text("note_decision")
	sqlOriginal       = text("original")
	sqlPutDecision    = text("put_decision")
	sqlQueueDecision  = text("queue_decision")
	sqlUnknowns       = text("unknowns")
	sqlVerdicts       = text("verdicts")
	sqlVulnIDs        = text("vuln_ids")
)
