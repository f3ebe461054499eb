package ingest

import "sluice/internal/queue"

// Channel is the NOTIFY channel on which projection workers listen for new jobs.
const Channel = queue.Channel
