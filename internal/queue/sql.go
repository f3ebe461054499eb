package queue

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
	sqlTenants = text("tenants")
	sqlClaim   = text("claim")
	sqlFinish  = text("finish")
	sqlExtend  = text("extend")
	sqlRelease = text("release")
	sqlFail    = text("fail")
	sqlRescue  = text("rescue")
	sqlLeft    = text("left")
)
