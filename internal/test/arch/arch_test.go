package arch

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath string
	Doc        string
	GoFiles    []string
	Imports    []string // by the package itself, not by its tests
	Deps       []string // those and theirs
}

const module = "sluice"

func packages(t *testing.T) []pkg {
	t.Helper()
	// `go test` takes a result from its cache unless a file changed that the test itself has
	// looked at; it does not see what `go list` looks at.
	err := filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".go") {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,GoFiles,Imports,Deps", module+"/...")
	cmd.Dir = "../../.."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 20 {
		t.Fatalf("go list knows %d packages", len(all))
	}
	return all
}

// under reports whether path is the package dir of the module or one below it. The
// module itself is "".
func under(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, module)
	rest = strings.TrimPrefix(rest, "/")
	return ok && (rest == dir || strings.HasPrefix(rest, dir+"/"))
}

func underAny(path string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return under(path, d) })
}

// arrow says what the packages of from may import of ours, and why no more.
type arrow struct {
	from string
	may  []string
	why  string
}

// arrows: the first that fits a package counts.
var arrows = []arrow{
	{
		"cmd",
		[]string{"serve", "authority", "inventory", "tenants", "routing", "ingest", "projections", "outbox", "topics", "notify", "maintenance", "backup", "partitions", "migrations", "doctor", "render", "normalize", "internal", "fixtures"},
		"the command wires everything together; nothing is wired to it",
	},
	{
		"serve",
		[]string{"serve", "authority", "inventory", "tenants", "routing", "ingest", "projections", "outbox", "topics", "notify", "maintenance", "backup", "partitions", "migrations", "doctor", "normalize", "internal"},
		"the process that serves runs all the others, and only the command starts it",
	},
	{
		"inventory/report",
		nil,
		"a page is made of figures alone: it can be read and looked at without a database",
	},
	{
		"inventory",
		[]string{"inventory", "ingest", "projections", "normalize", "internal"},
		"what is read and decided is said in the words of imports and projections, for every entry alike",
	},
	{
		"render",
		[]string{"render"},
		"what writes answers in the forms that people and tools read takes values and knows nothing of where they come from",
	},
	{
		"authority",
		[]string{"authority", "tenants", "internal"},
		"who may act is decided before anything is done, whatever that is",
	},
	{
		"tenants",
		[]string{"tenants", "internal"},
		"tenants are there before anything of theirs is",
	},
	{
		"routing",
		[]string{"routing", "internal"},
		"flags and limits say what may happen; what happens asks them by interfaces of its own, and they know nothing of it",
	},
	{
		"ingest",
		[]string{"ingest", "outbox", "topics", "normalize", "internal"},
		"importing only appends; what follows from documents is found by the jobs that it leaves in the queue",
	},
	{
		"projections/vex",
		[]string{"normalize"},
		"who is right about a finding is decided by rules alone: they can be read and tried without a database",
	},
	{
		"projections",
		[]string{"projections", "outbox", "normalize", "internal"},
		"projections read what is stored, whoever stored it: they can be run again over what an older program imported",
	},
	{
		"outbox",
		[]string{"outbox", "topics", "internal"},
		"the outbox carries messages and knows nothing of what they are about",
	},
	{
		"notify",
		[]string{"outbox", "render", "normalize", "internal"},
		"it reads what projections wrote, and they know nothing of it: nobody who imports waits for somebody to be told",
	},
	{
		"topics",
		[]string{"topics", "internal"},
		"topics are made before anything is sent",
	},
	{
		"maintenance",
		[]string{"maintenance", "tenants", "outbox", "internal"},
		"it runs tasks of others that whoever wires it hands over; what a tenant lets it delete is the tenant's to say, and what it has to say goes out by the outbox",
	},
	{
		"backup/storage",
		nil,
		"what keeps objects knows nothing of what they are",
	},
	{
		"backup",
		[]string{"backup", "internal"},
		"a restore must work when nothing else does; what a drill asks of other rooms is handed over",
	},
	{
		"partitions",
		[]string{"partitions", "internal"},
		"the partition manager knows tables and times only, and runs from cron alone",
	},
	{
		"doctor",
		[]string{"doctor", "internal"},
		"it looks at what everything stands on, and must work when nothing else does; other rooms look at themselves",
	},
	{
		"migrations",
		[]string{"migrations", "internal"},
		"a script must mean the same for ever, so it depends on nothing that changes",
	},
	{
		"normalize",
		[]string{"normalize"},
		"normalizing is pure: bytes in, values out, with no database and no Kafka; it can be tested and fuzzed alone",
	},
	{
		"fixtures",
		[]string{"normalize"},
		"documents for demo and tests are what anybody could have sent",
	},
	{
		"internal/bench",
		[]string{"serve", "tenants", "ingest", "projections", "topics", "fixtures", "normalize", "internal"},
		"a measurement uses the program as the command does",
	},
	{
		"internal/test/dbtest",
		[]string{"internal", "migrations", "partitions"},
		"it makes databases for tests as the program finds them",
	},
	{
		"internal/test/testdocs",
		[]string{"internal", "normalize"},
		"it finds documents for the tests of normalize",
	},
	{
		"internal/test",
		[]string{"internal", "topics"},
		"tools of tests know no more than what is internal",
	},
	{
		"internal",
		[]string{"internal"},
		"several use what is internal; if it used one of them, that one could not use it",
	},
}

func TestArrows(t *testing.T) {
	for _, p := range packages(t) {
		i := slices.IndexFunc(arrows, func(a arrow) bool { return under(p.ImportPath, a.from) })
		if i < 0 {
			t.Errorf("%s has no place in the layout: give it one in DESIGN section 3 and here", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if under(imported, "") || strings.HasPrefix(imported, module+"/") {
				if !underAny(imported, arrows[i].may...) {
					t.Errorf("%s imports %s: %s may import of ours only %s, because %s",
						p.ImportPath, imported, arrows[i].from, strings.Join(arrows[i].may, ", "), arrows[i].why)
				}
			}
		}
	}
}

// formats are the packages that read one format each.
var formats = []string{"normalize/csaf", "normalize/cyclonedx", "normalize/openvex", "normalize/osv", "normalize/spdx"}

func TestFormatsStandAlone(t *testing.T) {
	for _, p := range packages(t) {
		if !underAny(p.ImportPath, formats...) {
			continue
		}
		for _, dep := range p.Deps {
			if underAny(dep, formats...) && dep != p.ImportPath {
				t.Errorf("%s depends on %s: formats come and go one by one; what two of them share belongs into a package of its own", p.ImportPath, dep)
			}
		}
	}
}

// foreign are packages of others that only some of ours may reach, by whatever way.
var foreign = []struct {
	path string
	only []string
	why  string
}{
	{"github.com/jackc/pgx", []string{"cmd", "serve", "authority", "inventory", "tenants", "routing", "ingest", "projections", "outbox", "topics", "notify", "maintenance", "backup", "partitions", "migrations", "doctor", "internal"}, "normalizing and the fixtures know no database"},
	{"github.com/segmentio/kafka-go", []string{"cmd", "serve", "ingest", "outbox", "topics", "internal"}, "only sources of documents, and the relay, talk to Kafka"},
	{"github.com/twmb/franz-go", []string{"internal/test/brokertest"}, "it serves an in-process broker for tests; the program talks to Kafka by kafka-go"},
	{"github.com/redis/go-redis", []string{"cmd", "serve", "routing", "internal"}, "Redis is a cache and a counter of the flags and limits; nothing else may come to need it"},
	{"github.com/spf13/cobra", []string{"cmd"}, "the command line is cmd's"},
}

// direct are packages of others that some of ours must not name themselves, whatever they
// reach through others.
var direct = []struct {
	path string
	not  []string
	why  string
}{
	{"github.com/jackc/pgx", []string{"cmd"}, "the command line parses flags, wires and prints; what it asks of the database is asked by a room that an API can call too"},
}

func TestDirectImports(t *testing.T) {
	for _, p := range packages(t) {
		for _, d := range direct {
			if !underAny(p.ImportPath, d.not...) {
				continue
			}
			for _, imported := range p.Imports {
				if imported == d.path || strings.HasPrefix(imported, d.path+"/") {
					t.Errorf("%s imports %s: %s", p.ImportPath, imported, d.why)
				}
			}
		}
	}
}

func TestForeignPackages(t *testing.T) {
	for _, p := range packages(t) {
		for _, f := range foreign {
			if underAny(p.ImportPath, f.only...) {
				continue
			}
			for _, dep := range p.Deps {
				if dep == f.path || strings.HasPrefix(dep, f.path+"/") {
					t.Errorf("%s depends on %s: %s", p.ImportPath, dep, f.why)
				}
			}
		}
	}
}

// TestTestSupport: what helps tests is in no program.
func TestTestSupport(t *testing.T) {
	all := packages(t)
	var support []string
	for _, p := range all {
		if slices.Contains(p.Imports, "testing") {
			support = append(support, p.ImportPath)
		}
	}
	if !slices.Contains(support, module+"/internal/test/dbtest") {
		t.Fatalf("what helps tests is %v", support)
	}
	for _, p := range all {
		if !under(p.ImportPath, "cmd") {
			continue
		}
		for _, dep := range p.Deps {
			if slices.Contains(support, dep) {
				t.Errorf("%s contains %s, which is for tests", p.ImportPath, dep)
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment: say what it is for, what it promises and where to start", p.ImportPath)
		}
	}
}
