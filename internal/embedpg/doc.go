// Package embedpg runs the PostgreSQL that sluice brings along, so that a
// newcomer needs nothing but the program: it fetches the server once, keeps one
// data folder per SLUICE_HOME, and starts and stops the server as it is needed.
//
//	func main() {
//		embedpg.Main() // first thing, in every program and TestMain
//		…
//		server, err := embedpg.Start(ctx, embedpg.Config{})
//		defer server.Close()
//		pool, err := pgxpool.New(ctx, server.URL())
//
// # Promises
//
// Any number of processes share the server of one home; the first starts it and
// the last one out stops it. A process that ends by SIGKILL counts as gone at
// once, because its hold is a file lock that the kernel releases: nothing stays
// behind for longer than Config.Linger. A server that dies under its clients is
// started again. Stored data is as safe as PostgreSQL's defaults make it.
//
// # Who is who
//
//	client      a process between Start and Close; holds clients.lock shared
//	supervisor  our own program again, see Main; holds supervisor.lock alone,
//	            is the parent of the postmaster, and stops it when it can take
//	            clients.lock alone for Linger
//	postmaster  PostgreSQL's first process; a direct child of the supervisor so
//	            that Linux can stop it when the supervisor is killed
//
// PostgreSQL refuses to run as root, and it should not have root's powers. When
// root starts it, the supervisor and everything below it belong to a plain user
// (see identity), who also owns the server's folder.
//
// # Files
//
// The server's folder is SLUICE_HOME/postgres, or the folder that the file
// SLUICE_HOME/postgres.location names (see locate). In it:
//
//	data/            PostgreSQL's own
//	postgres.log     what the server says; one older file, postgres.log.1
//	supervisor.log   what the supervisor says, mostly nothing
//	state.json       what the supervisor is doing, see state
//	port             the port used last, to use again
//	bootstrapped     there once role, database and extensions exist
//	*.lock           see above, and start.lock: held by the client that starts
//
// The passwords are in SLUICE_HOME/postgres-passwords.json, readable only by
// the owner of SLUICE_HOME (and root).
package embedpg
