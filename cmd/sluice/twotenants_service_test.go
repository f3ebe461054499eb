package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/internal/secret"
	"sluice/internal/test/brief"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/twotenants"
)

// inSource are the matches of a pattern in the Go files of a folder, tests left out: routes and
// headers are found where they are made.
func inSource(t *testing.T, folder, pattern string) (found []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(b), -1) {
			found = append(found, m[1])
		}
	}
	return found
}

// service runs `sluice serve` on the database of both, and asks and feeds it as B.
func (m *matrix) service(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: a service, a broker and what goes through them")
	}
	cluster := brokertest.Fake(t)
	s := served{matrix: m, cluster: cluster, prefix: cluster.Prefix(t), addr: freeAddress(t), folder: t.TempDir()}
	env := []string{"SLUICE_DATABASE_URL=" + m.db.URL, "SLUICE_KAFKA_BROKERS=" + cluster.Addr(), "SLUICE_TOPIC_PREFIX=" + s.prefix, "SLUICE_LISTEN=" + s.addr}
	must(t, env, time.Minute, 0, "topics", "create", "--partitions", "1")
	p := launch(t, env, "serve", "--document-prefix", s.folder+"/{tenant}", "--document-wait", "1s", "--document-budget", "200ms")
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if code, _ := s.ask(t, "GET", "/readyz", ""); code == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("serve is not ready: %s", tail(p.err.String()))
		}
	}
	s.messages(t)
	s.routes(t)
}

// served is a service, and the ways in.
type served struct {
	*matrix
	cluster      *brokertest.Cluster
	prefix, addr string
	folder       string // that documents may come from
}

func (s *served) ask(t *testing.T, method, path, form string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.addr+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	token, err := secret.Read(s.token)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+string(token))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// forms are what a route wants in its body; %s stands for something of a tenant's.
var forms = map[string]struct{ form, column string }{
	"POST /v1/oauth/token": {"grant_type=client_credentials&client_secret=no-secret&client_id=%s", "authority.oauth_client.client_id"},
}

// wildcards of the patterns of routes, and the columns whose values they take.
var wildcards = map[string]string{"id": "ingest.original.document_id", "tenant": "authority.tenant.name"}

// routes asks every route as B, for something of A's and for the same of nobody's.
func (s *served) routes(t *testing.T) {
	trace := regexp.MustCompile(s.a.Trace())
	var patterns []string
	for _, folder := range []string{"serve", "cmd/sluice", "authority"} {
		patterns = append(patterns, inSource(t, folder, `\{"((?:GET|HEAD|POST|PUT|PATCH|DELETE) /[^"]*)"`)...)
	}
	if len(patterns) < 5 {
		t.Fatalf("the routes are only %v", patterns)
	}
	value := func(o twotenants.Owner, name string) string {
		i := strings.LastIndex(name, ".")
		return s.value(t, o, name[:i], name[i+1:])
	}
	for _, pattern := range patterns {
		method, path, _ := strings.Cut(pattern, " ")
		as := func(o twotenants.Owner) (int, string, string) {
			given := []string{o.Mark}
			full := regexp.MustCompile(`\{([a-z_]+)(\.\.\.)?\}`).ReplaceAllStringFunc(path, func(w string) string {
				column := wildcards[strings.Trim(w, "{}.")]
				if column == "" {
					t.Errorf("%s: nobody knows what %s stands for: say it in wildcards", pattern, w)
					return "x"
				}
				given = append(given, value(o, column))
				return value(o, column)
			})
			form := ""
			if f := forms[pattern]; f.form != "" {
				given = append(given, value(o, f.column))
				form = fmt.Sprintf(f.form, value(o, f.column))
			} else if method != "GET" && method != "HEAD" {
				t.Errorf("%s: nobody said what it wants: say it in forms", pattern)
			}
			if method == "GET" {
				full += "?tenant=" + value(o, "authority.tenant.name")
			}
			status, body := s.ask(t, method, full, form)
			for _, g := range given {
				body = strings.ReplaceAll(body, g, "GIVEN")
			}
			return status, body, figures.ReplaceAllString(body, "0")
		}
		status, body, plain := as(s.a)
		nobodys, other, same := as(s.nob)
		if status == 0 || trace.MatchString(body) {
			t.Errorf("%s tells B of A: %d: %.2000s", pattern, status, body)
		}
		if path != "/metrics" && (status != nobodys || plain != same) {
			t.Errorf("%s answers %d: %s\nof what nobody has: %d: %s", pattern, status, body, nobodys, other)
		}
	}
}

// sbom is a document; name and version make it another.
func sbom(name, version string) []byte {
	return fmt.Appendf(nil, `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"metadata":{"component":{"type":"application","name":%q,"version":%q,"purl":"pkg:generic/%s@%s"}},`+
		`"components":[{"type":"library","name":"left","version":"1.0.0","purl":"pkg:npm/left@1.0.0"}]}`, name, version, name, version)
}

// messages sends, in the name of B, messages that name what is A's by every header that there is,
// each beside one that names what is nobody's, and compares the receipts.
func (s *served) messages(t *testing.T) {
	ofA := sbom(s.a.Mark, "1") // which A has sent, and which lies in the folder
	folderOfA := filepath.Join(s.folder, s.a.Tenant.String())
	refOfA, hash := "file://"+filepath.Join(folderOfA, "of-a.json"), sha256.Sum256(ofA)
	sumOfA := hex.EncodeToString(hash[:])
	if err := os.MkdirAll(folderOfA, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(strings.TrimPrefix(refOfA, "file://"), ofA, 0o644); err != nil {
		t.Fatal(err)
	}
	wrong := strings.Repeat("00", 32)
	type try struct { // whose messages differ in one header
		what            string
		theirs, nobodys kafka.Message
	}
	own := func(o twotenants.Owner, headers ...string) kafka.Message {
		msg := kafka.Message{Headers: []kafka.Header{{Key: "tenant", Value: []byte(s.value(t, s.b, "authority.tenant", "name"))}}}
		for i := 0; i < len(headers); i += 2 {
			msg.Headers = append(msg.Headers, kafka.Header{Key: headers[i], Value: []byte(headers[i+1])})
		}
		if !slices.Contains(headers, "document-ref") {
			msg.Value = sbom("of-b", fmt.Sprintf("%c%d", o.Mark[len(o.Mark)-1], len(strings.Join(headers, ""))))
		}
		return msg
	}
	var tries []try
	for _, header := range inSource(t, "ingest/kafka", `header[A-Z][A-Za-z0-9]*\s*= "([a-z0-9-]+)"`) {
		columns := map[string]string{"artifact-purl": "artifact.artifact.purl", "stream": "ingest.sbom_document.stream", "scan-run-id": "ingest.scan_run.id"}
		switch header {
		case "tenant", "observed-at", "traceparent", "content-type": // who may name whom is said by `topics allow`; the others name nothing
		case "document-ref":
			for what, sum := range map[string]string{"its hash": sumOfA, "another hash": wrong} {
				tries = append(tries, try{
					"document-ref to A's file with " + what, own(s.a, "document-ref", refOfA, "document-sha256", sum),
					own(s.nob, "document-ref", "file:///somewhere/else.json", "document-sha256", sum),
				})
			}
		case "document-sha256":
			tries = append(tries, try{"document-sha256 of A's document beside another value", own(s.a, "document-sha256", sumOfA), own(s.nob, "document-sha256", wrong)})
		default:
			column := columns[header]
			if column == "" {
				t.Errorf("nobody knows what the header %s of a message names: say it here", header)
				continue
			}
			i := strings.LastIndex(column, ".")
			tries = append(tries, try{"header " + header, own(s.a, header, s.value(t, s.a, column[:i], column[i+1:])), own(s.nob, header, s.value(t, s.nob, column[:i], column[i+1:]))})
		}
	}
	same := own(s.a)
	same.Value = ofA
	tries = append(tries, try{"the bytes of A's document", same, own(s.nob)})
	if len(tries) < 6 {
		t.Fatalf("only %d ways in", len(tries))
	}
	first := kafka.Message{Key: []byte("of A"), Value: ofA, Headers: []kafka.Header{{Key: "tenant", Value: []byte(s.value(t, s.nob, "authority.tenant", "name"))}}}
	if _, err := s.admin.Exec(context.Background(), `insert into authority.tenant (name) values ($1)`, s.value(t, s.nob, "authority.tenant", "name")); err != nil {
		t.Fatal(err)
	}
	s.cluster.Produce(t, s.prefix+".sbom", first)
	for i, try := range tries {
		try.theirs.Key, try.nobodys.Key = fmt.Appendf(nil, "theirs %d", i), fmt.Appendf(nil, "nobodys %d", i)
		s.cluster.Produce(t, s.prefix+".sbom", try.theirs, try.nobodys)
	}
	receipts := map[string]string{}
	for _, r := range s.cluster.Consume(t, s.prefix+".receipts", 1+2*len(tries)) {
		receipts[string(r.Key)] += string(r.Value)
	}
	for i, try := range tries {
		theirs, nobodys := receipts[fmt.Sprintf("theirs %d", i)], receipts[fmt.Sprintf("nobodys %d", i)]
		for _, h := range append(slices.Clone(try.theirs.Headers), try.nobodys.Headers...) {
			given := strings.TrimPrefix(string(h.Value), "file://")
			theirs, nobodys = strings.ReplaceAll(theirs, given, "GIVEN"), strings.ReplaceAll(nobodys, given, "GIVEN")
		}
		own := regexp.MustCompile(`[0-9a-f]{64}`) // the hash of what B has sent
		if strings.Contains(theirs, sumOfA) && try.what != "the bytes of A's document" || theirs == "" {
			t.Errorf("%s: the receipt tells of A's document: %s", try.what, theirs)
		}
		outcome := regexp.MustCompile(`"(outcome|reason|message)": ?"[^"]*"`)
		if got, want := outcome.FindAllString(own.ReplaceAllString(theirs, "H"), -1), outcome.FindAllString(own.ReplaceAllString(nobodys, "H"), -1); !slices.Equal(got, want) {
			t.Errorf("%s: B is told %s; of what nobody has: %s", try.what, theirs, nobodys)
		}
	}
}
