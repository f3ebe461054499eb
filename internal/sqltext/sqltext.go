// Package sqltext gives a package the SQL that it keeps in files beside its Go code.
//
//	//go:embed sql/*.sql
//	var sqlFiles embed.FS
//
//	var text = sqltext.From(sqlFiles)
//
//	var sqlClaim = text("claim") // sql/claim.sql
package sqltext

import "embed"

// From returns a function that reads sql/NAME.sql of files. They are compiled in, so one
// that is missing is a typo that no caller could handle: it panics when the program starts,
// and any test of the package finds it.
func From(files embed.FS) func(name string) string {
	return func(name string) string {
		b, err := files.ReadFile("sql/" + name + ".sql")
		if err != nil {
			panic(err)
		}
		return string(b)
	}
}
