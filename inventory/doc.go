// Package inventory is what is asked about the stored documents and what is decided on them:
// findings, documents, artifacts, scan runs, parked documents, unknowns, statements and
// decisions. The command line prints its answers, and an API can serve them: nothing here
// knows of flags, tables or HTTP.
//
// Every call names a tenant and sees the rows of that one only, whatever it is asked: row
// security decides, not the statement. Filters are structs whose zero value asks for
// everything; results are structs whose JSON form is the contract of docs/cli.md. A question
// that is wrong is an *ask.WrongError, what is not there an *ask.NotFoundError; any other
// error is a failure of ours or of the database.
//
// Begin with New and Findings. The statements are in sql/, one to a file.
package inventory
