package ingest

// Channel is the NOTIFY channel on which projection workers listen for new jobs.
const Channel = "sluice_jobs"
