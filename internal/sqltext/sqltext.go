// Package sqltext gives a package the SQL that it keeps in files beside its Go code.
//
//	//go:embed sql/*.sql
//	var sqlFiles embed.FS
//
//	var text = sqltext.From(sqlFiles)
//
//	var sqlClaim = text("claim") // sql/claim.sql
package sqltext

import (
	"embed"
	"io/fs"
	"regexp"
	"runtime"
	"strings"
	"sync"
)

// names are those of the files, by their text: what is seen of a statement later is its text.
var names sync.Map

// texts are the statements by their file in the repository: ingest/sql/look_up.sql.
var texts sync.Map

// Find returns a statement by its file in the repository, of those that the program uses.
func Find(file string) (sql string, ok bool) {
	if v, there := texts.Load(file); there {
		return v.(string), true
	}
	return "", false
}

// callerFolder is the folder, in the repository, of the package that calls From.
func callerFolder() string {
	pc, _, _, _ := runtime.Caller(2)
	name := runtime.FuncForPC(pc).Name() // sluice/ingest/files.init
	slash := strings.LastIndex(name, "/") + 1
	pkg, _, _ := strings.Cut(name[slash:], ".")
	_, folder, _ := strings.Cut(name[:slash]+pkg, "/")
	return folder
}

// From returns a function that reads sql/NAME.sql of files. They are compiled in, so one
// that is missing is a typo that no caller could handle: it panics when the program starts,
// and any test of the package finds it.
func From(files embed.FS) func(name string) string {
	folder := callerFolder()
	return func(name string) string {
		b, err := files.ReadFile("sql/" + name + ".sql")
		if err != nil {
			panic(err)
		}
		sql := Whole(files, string(b))
		names.Store(sql, name)
		texts.Store(folder+"/sql/"+name+".sql", sql)
		return sql
	}
}

var include = regexp.MustCompile(`(?m)^-- include ([a-z_]+)\n`)

// Whole puts the text of sql/part/NAME.sql in the place of each line "-- include NAME": what several
// statements of a package must say alike. A part may have parts.
func Whole(files fs.FS, sql string) string {
	return include.ReplaceAllStringFunc(sql, func(line string) string {
		name := include.FindStringSubmatch(line)[1]
		b, err := fs.ReadFile(files, "sql/part/"+name+".sql")
		if err != nil {
			panic(err)
		}
		return Whole(files, string(b))
	})
}

// Name is what a statement is called: its file's name, or its first word where it has none.
func Name(sql string) string {
	if name, ok := names.Load(sql); ok {
		return name.(string)
	}
	if strings.HasPrefix(sql, "copy ") {
		return sql
	}
	word, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	return strings.ToLower(word)
}
