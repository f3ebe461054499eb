package migrations

import "io/fs"

// What the tests of package migrations_test need besides the exported names.
var (
	Apply      = apply
	StatusOf   = status
	AllModules = modules
)

func ScriptsOf(files fs.FS) []Script { return scriptsOf(files) }
