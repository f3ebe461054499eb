package sarif

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	reader "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is that of SARIF 2.1.0 by OASIS, errata 01. It is read from where it is: in the source of
// github.com/owenrumney/go-sarif, which go.mod names with version and checksum.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3").Output()
	if err != nil {
		t.Fatal("where the module with the schema is: ", err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "pkg", "report", "v210", "sarif", "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	ast.Inspect(file, func(n ast.Node) bool {
		if c, ok := n.(*ast.BasicLit); ok && c.Kind == token.STRING {
			text, _ = strconv.Unquote(c.Value)
		}
		return true
	})
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const url = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	if err := c.AddResource(url, doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(url)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// odd are results with all that can be in them, and with what should not be.
func odd() []Result {
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("GHSA-%04d", i)
	}
	long := strings.Repeat("ä", 5000)
	return []Result{
		{
			ID: "CVE-2026-1.a.b", Vulnerability: "CVE-2026-1", Aliases: many, Severity: "critical", Score: "9.8", Artifact: "pkg:oci/team%20a/app@1.2?arch=amd64&tag=v1", Package: "pkg:npm/%40a/b@1",
			Fixed: []string{"1.2", "2.0"}, Exploited: true, Likely: "0.91",
		},
		{ID: "CVE-2026-1.a.c", Vulnerability: "CVE-2026-1", Severity: "low", Artifact: "pkg:oci/app@2", Package: "pkg:npm/c@1", Suppressed: true, Justification: long},
		{ID: "b", Vulnerability: long, Aliases: []string{long, long + "b", "\xff\xfe"}, Artifact: "pkg:generic/" + long, Package: "a\xffb\u2028\x00", Fixed: []string{long}, Suppressed: true},
		{ID: "c", Vulnerability: "", Severity: "none", Score: "0.0", Artifact: "../../etc/passwd", Package: ""},
		{ID: "d", Vulnerability: "GO-2026-1", Severity: "medium", Artifact: "", Package: "pkg:golang/stdlib@1"},
	}
}

func written(t *testing.T, results []Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := Write(&b, Tool{"Sluice", "0.9.0"}, results); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSchema: what is written is valid by the official schema, and another reader of SARIF has as many results of it.
func TestSchema(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for n := range len(odd()) + 1 {
		text := written(t, odd()[:n])
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("%d results: %v\n%s", n, err, text)
		}
		report, err := reader.FromBytes(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Runs) != 1 || len(report.Runs[0].Results) != n {
			t.Errorf("%d results: go-sarif reads %+v", n, report.Runs)
		}
	}
}

// TestSchemaRefuses: the schema is one that refuses: what is written with one thing wrong is not valid.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	s := schema(t)
	for what, wrong := range map[string][2]string{
		"another version":              {`"version":"2.1.0"`, `"version":"2.0.0"`},
		"no runs":                      {`"runs":`, `"Runs":`},
		"a tool without a name":        {`"name":"Sluice",`, ``},
		"a message without a text":     {`"message":{"text":`, `"message":{"txt":`},
		"a level that is none":         {`"level":"error","locations"`, `"level":"fatal","locations"`},
		"a place that is no URI":       {`"uri":"oci/app@2"`, `"uri":"%zz"`},
		"a line that is none":          {`"startLine":1`, `"startLine":0`},
		"a member that nobody knows":   {`"columnKind":`, `"colour":`},
		"an index before the first":    {`"ruleIndex":0`, `"ruleIndex":-2`},
		"a suppression without a kind": {`"kind":"external",`, ``},
		"a tag twice":                  {`"tags":["security","vulnerability"`, `"tags":["security","security"`},
		"help that is no URI":          {`"helpUri":"https://nvd`, `"helpUri":"nvd nist`},
	} {
		right := string(written(t, odd()))
		text := strings.Replace(right, wrong[0], wrong[1], 1)
		if text == right {
			t.Errorf("%s: there is no %s in %s", what, wrong[0], right)
			continue
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(doc) == nil {
			t.Errorf("%s is valid", what)
		}
	}
}

// TestGitHubTakesIt: the limits of GitHub for a file, its rules, tags and texts.
func TestGitHubTakesIt(t *testing.T) {
	t.Parallel()
	var out struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID, Name                                string
						ShortDescription, FullDescription, Help struct{ Text string }
						Properties                              struct {
							Tags             []string
							SecuritySeverity string `json:"security-severity"`
						}
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(written(t, odd()), &out); err != nil {
		t.Fatal(err)
	}
	within := func(what, text string, least, most int) {
		t.Helper()
		if n := utf8.RuneCountInString(text); n < least || n > most {
			t.Errorf("%s has %d characters, %d to %d are allowed", what, n, least, most)
		}
	}
	run := out.Runs[0]
	for _, r := range run.Tool.Driver.Rules {
		within("the id of a rule", r.ID, 0, 255)
		within("the name of a rule", r.Name, 0, 255)
		within("a short description", r.ShortDescription.Text, 1, 1024)
		within("a full description", r.FullDescription.Text, 1, 1024)
		within("help", r.Help.Text, 1, 1024)
		if len(r.Properties.Tags) > 20 {
			t.Errorf("%s has %d tags, 20 are allowed", r.ID, len(r.Properties.Tags))
		}
		if n, err := strconv.ParseFloat(r.Properties.SecuritySeverity, 64); err != nil || n < 0 || n > 10 {
			t.Errorf("%s has the severity %q", r.ID, r.Properties.SecuritySeverity)
		}
	}
	for _, r := range run.Results {
		within("a message", r.Message.Text, 1, 1000)
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || len(r.Locations) != 1 {
			t.Errorf("%+v", r)
		}
		if uri := r.Locations[0].PhysicalLocation.ArtifactLocation.URI; uri == "" || strings.HasPrefix(uri, "/") || strings.Contains(uri, "..") || strings.Contains(uri, ":") {
			t.Errorf("the file %q is outside of the repository, or no file", uri)
		}
	}
}

// TestSize: where the file is too large the worst are written, as many as fit, and it is said how many are not.
func TestSize(t *testing.T) {
	t.Parallel()
	const most = 100_000
	r := rand.New(rand.NewPCG(1, 2))
	list := make([]Result, 3000)
	for i := range list {
		list[i] = Result{ID: fmt.Sprint(i), Vulnerability: fmt.Sprintf("CVE-2026-%d", i), Severity: "high", Artifact: fmt.Sprintf("pkg:oci/%x@1", r.Uint64()), Package: fmt.Sprintf("pkg:npm/%x@1", r.Uint64())}
	}
	var b bytes.Buffer
	cut, err := write(&b, Tool{"Sluice", "1"}, list, most)
	if err != nil {
		t.Fatal(err)
	}
	report, err := reader.FromBytes(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	got := len(report.Runs[0].Results)
	if cut.Results == 0 || cut.Why == "" || got+cut.Results != len(list) {
		t.Errorf("%d of %d are written, and it says %+v", got, len(list), cut)
	}
	_, packed, err := encode(Tool{"Sluice", "1"}, list[:got], nil)
	if err != nil {
		t.Fatal(err)
	}
	if packed > most || packed < most*7/10 {
		t.Errorf("%d bytes, compressed, of %d", packed, most)
	}
	for i, res := range report.Runs[0].Results {
		if *res.RuleID != list[i].Vulnerability {
			t.Fatalf("result %d is %s: it is not the worst that are kept", i, *res.RuleID)
		}
	}
}
