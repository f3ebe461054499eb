// Package backup makes full backups of the database's server, keeps its WAL, proves both, and
// restores to any moment in between.
//
// A repository is a folder or a bucket (storage.Store). In it, per cluster of PostgreSQL:
//
//	clusters/SYSTEM/base/ID/base.tar.zst.age     one archive per tablespace, as the server sends it
//	clusters/SYSTEM/base/ID/backup_manifest.zst.age   PostgreSQL's own list of files with SHA-256
//	clusters/SYSTEM/base/ID/backup.json          the marker: written last, and only then it is a backup
//	clusters/SYSTEM/wal/TIMELINE/SEGMENT         one line of JSON (walHead), then the segment, zstd in age
//	clusters/SYSTEM/wal/TIMELINE.history         the same form
//
// The promises: nothing half-made is counted, because an object appears whole or not at all and
// the marker comes last; a segment of WAL is never overwritten, the same name with other bytes
// is an error; a backup restores without the archive up to its own end, because the archive
// of base has the WAL that it needs; who writes needs recipients only, who reads an identity; and
// everything can be read without this program, by age, zstd and tar.
//
// Start with Run, Verify and Restore. Drill does all of it into a server of its own.
package backup
