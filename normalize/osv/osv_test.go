package osv

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
)

var read = testdocs.Reader(detect.Scan, JSON{}, YAML{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{JSON{}, YAML{}}, map[string]string{
		`{"id":"GHSA-1","modified":"2024-01-01T00:00:00Z","affected":[]}`:                   "osv-json",
		`{"schema_version":"1.0.0","id":"X-1","modified":"2024-01-01T00:00:00Z"}`:           "osv-json",
		`{"id":"GHSA-1","affected":[]}`:                                                     "osv-json",
		`[{"id":"GO-1","modified":"2024-01-01T00:00:00Z","summary":"s"}]`:                   "osv-json",
		"id: PYSEC-1\nmodified: 2024-01-01T00:00:00Z\naffected:\n- package:\n    name: x\n": "osv-yaml",
		"id: GO-2024-1\nmodules:\n    - module: example.org/m\nsummary: s\n":                "",
		`{"id":"something","modified":"yesterday"}`:                                         "",
		`{"id":"something","affected":[]}`:                                                  "",
		`{"id":7,"affected":"x-y"}`:                                                         "",
		`{"dataType":"CVE_RECORD","id":"CVE-1","modified":"2024","summary":"s"}`:            "",
		`{"bomFormat":"CycloneDX","id":"a-1","modified":"2024","summary":"s"}`:              "",
		`{"document":{"csaf_version":"2.0"},"id":"a-1","modified":"2024","summary":"s"}`:    "",
		`{"@context":"https://openvex.dev/ns","id":"a-1","modified":"2024","summary":"s"}`:  "",
		`{"id":{"a":"b"},"modified":"2024","summary":"s"}`:                                  "",
		`[]`: "", `{}`: "", `[{"a":"b"}]`: "",
	})
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"A-1","modified":"2024-01-01T00:00:00Z","summary":`: "syntax /summary",
		`{"modified":"2024-01-01T00:00:00Z"}`:                      "invalid /id",
		`{"id":""}`:                                                "invalid /id",
		`{"id":"` + strings.Repeat("x", normalize.MaxID+1) + `"}`:  "invalid /id",
		`[{"id":""},{"x":1}]`:                                      "invalid /0/id",
		`[]`:                                                       "invalid ",
		`7`:                                                        "invalid ",
		`[7]`:                                                      "invalid /0",
		`{"id":"A-1"} {}`:                                          "syntax ",
		`[{"id":"A-1"}] 7`:                                         "syntax ",
		`{"id":"A-1"`:                                              "syntax ",
		``:                                                         "empty ",
	} {
		_, err := JSON{}.Normalize(normalize.Input{Bytes: []byte(text)})
		var park *normalize.ParkError
		if !errors.As(err, &park) || park.Reason+" "+park.Pointer != want {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"id: [":          "syntax 1:5",
		"- a\n- b\n":     "invalid ",
		"modified: 2024": "invalid /id",
		"a: &x [*x]":     "invalid 1:8",
	} {
		_, err := YAML{}.Normalize(normalize.Input{Bytes: []byte(text)})
		var park *normalize.ParkError
		if !errors.As(err, &park) || park.Reason+" "+park.Pointer != want {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

func one(t *testing.T, text string) (normalize.Vulnerability, []normalize.Warning) {
	t.Helper()
	doc, err := JSON{}.Normalize(normalize.Input{Bytes: []byte(text)})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return doc.Vulnerabilities[0], doc.Warnings
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ record, names, aliases, source string }{
		{`{"id":"GHSA-1","aliases":["CVE-2024-1","GHSA-1"],"related":["CVE-2024-2"]}`, "GHSA-1", "CVE-2024-1", "ghsa"},
		{`{"id":"CVE-2024-1","aliases":["GHSA-1"]}`, "CVE-2024-1", "GHSA-1", "cve"},
		{`{"id":"cve-2024-1"}`, "CVE-2024-1", "", "cve"},
		// Whose record of a CVE it is: what it says, else what it is about.
		{`{"id":"CVE-2024-1","affected":[{"package":{"ecosystem":"Alpine:v3.18","name":"x"}},{"package":{"ecosystem":"Alpine:v3.19","name":"x"}}]}`, "CVE-2024-1", "", "cve of Alpine"},
		{`{"id":"CVE-2024-1","affected":[{"package":{"ecosystem":"npm","name":"x"}},{"package":{"ecosystem":"Maven:https://x.example","name":"g:x"}}]}`, "CVE-2024-1", "", "cve of Maven, npm"},
		{`{"id":"CVE-2024-1","database_specific":{"source":"https://advisories.example/2024/1.json"},"affected":[{"package":{"ecosystem":"npm","name":"x"}}]}`, "CVE-2024-1", "", "cve of advisories.example"},
		{`{"id":"CVE-2024-1","affected":[{"package":{"ecosystem":"npm","name":"x"},"database_specific":{"source":"https://github.com/Acme/Advisories/blob/main/1.json"}}]}`, "CVE-2024-1", "", "cve of github.com/acme/advisories"},
		{`{"id":"CVE-2024-1","database_specific":{"source":"https://raw.githubusercontent.com/acme/advisories/main/1.json"}}`, "CVE-2024-1", "", "cve of github.com/acme/advisories"},
		{`{"id":"CVE-2024-1","database_specific":{"source":["NVD"]}}`, "CVE-2024-1", "", "cve"},
		// An id that one database issues has one source, whoever hands the record on.
		{`{"id":"ghsa-1","database_specific":{"source":"https://mirror.example/1.json"}}`, "GHSA-1", "", "ghsa"},
		{`{"id":"GO-2024-1","aliases":["CVE-2024-1","CVE-2024-1"]}`, "GO-2024-1", "CVE-2024-1", "go"},
		// Several CVEs stay aliases, see the package comment.
		{`{"id":"RUSTSEC-2020-0070","aliases":["CVE-2020-2","CVE-2020-1","GHSA-1"]}`, "RUSTSEC-2020-0070", "CVE-2020-1 CVE-2020-2 GHSA-1", "rustsec"},
		{`{"id":"PYSEC-2024-1"}`, "PYSEC-2024-1", "", "pysec"},
		{`{"id":"RUSTSEC-2024-0001"}`, "RUSTSEC-2024-0001", "", "rustsec"},
		{`{"id":"MAL-2024-1"}`, "MAL-2024-1", "", "malicious-packages"},
		{`{"id":"BIT-x-2024-1","aliases":["CVE-2024-1"]}`, "BIT-x-2024-1", "CVE-2024-1", "bitnami"},
		{`{"id":"ALSA-2024:1","related":["CVE-2024-2","CVE-2024-1","OTHER-1"]}`, "CVE-2024-1 CVE-2024-2", "", "almalinux"},
		{`{"id":"ALBA-2024:1"}`, "ALBA-2024:1", "", "almalinux"},
		{`{"id":"RHSA-2024:1","upstream":["CVE-2024-1"],"related":["CVE-2024-9"]}`, "CVE-2024-1", "", "redhat"},
		{`{"id":"RLSA-2024:1","aliases":["CVE-2024-1","CVE-2024-2"]}`, "CVE-2024-1 CVE-2024-2", "", "rocky"},
		{`{"id":"DSA-5000-1","upstream":["CVE-2024-1","DEBIAN-CVE-2024-1"]}`, "CVE-2024-1", "", "debian"},
		{`{"id":"USN-1-1","upstream":["UBUNTU-CVE-2024-1","CVE-2024-1"]}`, "CVE-2024-1", "", "ubuntu"},
		{`{"id":"SUSE-SU-2024:1-1","related":["CVE-2024-1"]}`, "CVE-2024-1", "", "suse"},
		{`{"id":"openSUSE-SU-2024:1-1","upstream":["CVE-2024-1"]}`, "CVE-2024-1", "", "suse"},
		{`{"id":"DEBIAN-CVE-2024-1","upstream":["CVE-2024-1"]}`, "CVE-2024-1", "", "debian"},
		{`{"id":"UBUNTU-CVE-2024-1"}`, "CVE-2024-1", "", "ubuntu"},
		{`{"id":"ALPINE-CVE-2024-1","related":["CVE-2024-7"]}`, "CVE-2024-1", "", "alpine"},
		{`{"id":"ROOT-OS-ALPINE-318-CVE-2000-0548"}`, "CVE-2000-0548", "", "root"},
		{`{"id":"CGA-1","upstream":["CVE-2024-1","GHSA-1"],"affected":[{"package":{"ecosystem":"Chainguard","name":"x"}}]}`, "CVE-2024-1", "", "chainguard"},
		{`{"id":"CGA-1","upstream":["GHSA-1"],"affected":[{"package":{"ecosystem":"Wolfi","name":"x"}}]}`, "GHSA-1", "", "chainguard"},
		{`{"id":"NEW-1","related":["CVE-2024-1"],"affected":[{"package":{"ecosystem":"Debian:12","name":"x"}},{"package":{"ecosystem":"npm","name":"x"}}]}`, "NEW-1", "", "new"},
		{`{"id":"plain"}`, "plain", "", "osv"},
	} {
		v, _ := one(t, c.record)
		if got := strings.Join(v.Names, " "); got != c.names {
			t.Errorf("%s: names %q, want %q", c.record, got, c.names)
		}
		if got := strings.Join(v.Aliases, " "); got != c.aliases {
			t.Errorf("%s: aliases %q, want %q", c.record, got, c.aliases)
		}
		if v.Source != c.source {
			t.Errorf("%s: source %q, want %q", c.record, v.Source, c.source)
		}
	}
	v, _ := one(t, `{"id":"RLSA-2024:1","aliases":["CVE-2024-1"],"upstream":["X-1"]}`)
	if !slices.Equal(v.Upstream, []string{"CVE-2024-1", "X-1"}) {
		t.Errorf("the aliases of an advisory are upstream vulnerabilities: %q", v.Upstream)
	}
}

func TestSeverity(t *testing.T) {
	const (
		v2  = "AV:N/AC:L/Au:N/C:P/I:P/A:P"                                      // 7.5
		v30 = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"                    // 9.8
		v31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"                    // 6.1
		v40 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N" // 9.3
	)
	for _, c := range []struct {
		members string
		score   int16
		level   string
		warns   bool
	}{
		{`"severity":[{"type":"CVSS_V3","score":"` + v31 + `"}]`, 61, "medium", false},
		{`"severity":[{"type":"CVSS_V3","score":"` + v30 + `"},{"type":"CVSS_V3","score":"` + v31 + `"},{"type":"CVSS_V2","score":"` + v2 + `"}]`, 61, "medium", false},
		{`"severity":[{"type":"CVSS_V3","score":"` + v31 + `"},{"type":"CVSS_V4","score":"` + v40 + `"}]`, 93, "critical", false},
		{`"severity":[{"type":"CVSS_V2","score":"(` + v2 + `)"}]`, 75, "high", false},
		{`"severity":[{"type":"CVSS_V3","score":"` + v31 + `/"}],"database_specific":{"severity":"HIGH"}`, -1, "high", true},
		{`"severity":[{"type":"CVSS_V3","score":"7.5"}]`, 75, "high", false},
		{`"severity":[{"type":"CVSS_V3","score":"75"}]`, -1, "", true},
		{`"severity":[{"type":"Ubuntu","score":"medium"}]`, -1, "medium", false},
		{`"severity":"HIGH"`, -1, "high", false},
		{`"severity":[]`, -1, "", false},
		{`"database_specific":{"severity":"MODERATE","cwe_ids":["CWE-1"]}`, -1, "medium", false},
		{`"database_specific":{"severity":{"a":"b"}}`, -1, "", false},
		{`"database_specific":"x"`, -1, "", false},
		{`"affected":[{"package":{"ecosystem":"npm","name":"x"},"severity":[{"type":"CVSS_V3","score":"` + v31 + `"}]}]`, 61, "medium", false},
		{`"affected":[{"package":{"ecosystem":"npm","name":"x"},"ecosystem_specific":{"severity":"Low"}}]`, -1, "low", false},
		{`"affected":[{"package":{"ecosystem":"npm","name":"x"},"database_specific":{"cvss":"` + v30 + `"}}]`, 98, "critical", false},
	} {
		v, warnings := one(t, `{"id":"X-1",`+c.members+`}`)
		if v.Score != c.score || v.Severity != c.level {
			t.Errorf("%s: %d %q, want %d %q", c.members, v.Score, v.Severity, c.score, c.level)
		}
		if bad := slices.ContainsFunc(warnings, func(w normalize.Warning) bool { return w.Code == "bad-cvss" }); bad != c.warns {
			t.Errorf("%s: warnings %v", c.members, warnings)
		}
	}
	if v, _ := one(t, `{"id":"ALSA-2024:1","summary":"Important: xz security update"}`); v.Severity != "high" {
		t.Errorf("severity in the summary: %q", v.Severity)
	}
	if v, _ := one(t, `{"id":"GHSA-1","summary":"Critical: not a rating"}`); v.Severity != "" {
		t.Errorf("GitHub does not rate in the summary: %q", v.Severity)
	}
}

func TestAffected(t *testing.T) {
	affected := func(members string) ([]normalize.AffectedPackage, []normalize.Warning) {
		v, w := one(t, `{"id":"X-1","affected":[`+members+`]}`)
		return v.Affected, w
	}
	a, _ := affected(`{"package":{"purl":"pkg:npm/%40acme/kit"},"ranges":[{"type":"semver","events":[{"introduced":"0"},{"fixed":"1.2.0"}]}]}`)
	if len(a) != 1 || a[0].Key != "npm|@acme/kit" || a[0].Ecosystem != "npm" || a[0].Name != "@acme/kit" || a[0].Ranges[0].Type != "SEMVER" || !slices.Equal(a[0].FixedVersions, []string{"1.2.0"}) {
		t.Errorf("from the purl: %+v", a)
	}
	a, w := affected(`{"ranges":[{"type":"GIT","repo":"https://example.org/r","events":[{"introduced":"0"}]}],"versions":["v1"]}`)
	if len(a) != 0 || len(w) != 1 || w[0].Code != "git-only" || w[0].Pointer != "/affected/0" {
		t.Errorf("commits only: %+v %+v", a, w)
	}
	a, w = affected(`{"package":{"ecosystem":"npm"}},{"package":{"ecosystem":"npm","name":"x"}}`)
	if len(a) != 1 || len(w) != 1 || w[0].Code != "no-package" {
		t.Errorf("no name: %+v %+v", a, w)
	}
	a, w = affected(`{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"events":[{"introduced":"1","fixed":"2"}]},{"type":"WEEKDAY","events":[{"introduced":"0"}]}]}`)
	want := []normalize.Range{
		{Type: "ECOSYSTEM", Events: []normalize.Event{{Introduced: "1"}, {Fixed: "2"}}},
		{Type: "ECOSYSTEM", Events: []normalize.Event{{Introduced: "0"}}},
	}
	if len(a) != 1 || !reflect.DeepEqual(a[0].Ranges, want) || len(w) != 1 || w[0].Code != "unknown-range-type" {
		t.Errorf("odd ranges: %+v %+v", a, w)
	}
	for known, end := range map[string]normalize.Event{
		"<= 1.2.3": {LastAffected: "1.2.3"}, "<1.2.3": {Limit: "1.2.3"}, "= 1.2.3": {LastAffected: "1.2.3"}, "whatever": {},
	} {
		a, _ = affected(`{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],"database_specific":{"last_known_affected_version_range":"` + known + `"}}`)
		events := []normalize.Event{{Introduced: "0"}}
		if end != (normalize.Event{}) {
			events = append(events, end)
		}
		if !reflect.DeepEqual(a[0].Ranges[0].Events, events) || a[0].FixedVersions != nil {
			t.Errorf("%s: %+v", known, a[0])
		}
	}
	a, _ = affected(`{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"2"}]}],"database_specific":{"last_known_affected_version_range":"<= 1"}}`)
	if len(a[0].Ranges[0].Events) != 2 {
		t.Errorf("a range with a fix needs no other end: %+v", a[0].Ranges)
	}
	a, _ = affected(`{"package":{"ecosystem":"Rocky Linux:8","name":"bind","purl":"pkg:rpm/rocky-linux/bind?distro=rocky-linux-8&epoch=32"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"9.11-1.el8"}]}]}`)
	if a[0].Ranges[0].Events[1].Fixed != "32:9.11-1.el8" || a[0].FixedVersions[0] != "32:9.11-1.el8" || a[0].Ranges[0].Events[0].Introduced != "0" {
		t.Errorf("the epoch in the purl: %+v", a[0])
	}
	if _, w = affected(`7`); len(w) != 1 || w[0].Code != "wrong-type" {
		t.Errorf("a number: %+v", w)
	}
}

func TestTimes(t *testing.T) {
	doc, err := JSON{}.Normalize(normalize.Input{Bytes: []byte(`{"schema_version":"2.0.0","id":"GO-1","modified":"0001-01-01T00:00:00Z","published":"2024-01-02T03:04:05Z","withdrawn":"2025-01-01"}`)})
	if err != nil {
		t.Fatal(err)
	}
	v := doc.Vulnerabilities[0]
	if !v.Modified.IsZero() || v.Published.Year() != 2024 || v.Withdrawn.Year() != 2025 || !doc.Time.Equal(v.Published) {
		t.Errorf("times: %+v, document %v", v, doc.Time)
	}
	if len(doc.Warnings) != 1 || doc.Warnings[0].Code != "unknown-schema-version" {
		t.Errorf("warnings: %v", doc.Warnings)
	}
}

func TestArrayKeepsUsableRecords(t *testing.T) {
	doc, err := JSON{}.Normalize(normalize.Input{Bytes: []byte(`[{"id":"A-1","summary":7}, {"modified":"2024-01-01T00:00:00Z"}, {"id":"A-2","modified":"2024-01-01T00:00:00Z"}]`)})
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Vulnerabilities) != 2 || doc.Vulnerabilities[1].Pointer != "/2" || string(doc.Vulnerabilities[0].JSON) != `{"id":"A-1","summary":7}` {
		t.Errorf("%+v", doc.Vulnerabilities)
	}
	var codes []string
	for _, w := range doc.Warnings {
		codes = append(codes, w.Code+" "+w.Pointer)
	}
	if !slices.Equal(codes, []string{"wrong-type /0/summary", "unusable-record /1/id"}) {
		t.Errorf("warnings %q", codes)
	}
}

func TestYAMLNumbersKeepTheirDigits(t *testing.T) {
	doc, err := YAML{}.Normalize(normalize.Input{Bytes: []byte("id: X-1\nmodified: 2024-01-02T03:04:05Z\naffected:\n- package: {ecosystem: PyPI, name: x}\n  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: 0\n    - fixed: 1.10\n  versions: [1.0, 1.10]\n  database_specific: {n: 1.5}\n")})
	if err != nil {
		t.Fatal(err)
	}
	a := doc.Vulnerabilities[0].Affected[0]
	if a.FixedVersions[0] != "1.10" || !slices.Equal(a.Versions, []string{"1.0", "1.10"}) || doc.Vulnerabilities[0].Modified.IsZero() {
		t.Errorf("%+v", a)
	}
	if !bytes.Contains(doc.JSON, []byte(`{"n":1.5}`)) {
		t.Errorf("%s", doc.JSON)
	}
}

func ExampleJSON_Normalize() {
	doc, _ := JSON{}.Normalize(normalize.Input{Bytes: []byte(`{
		"id": "ALSA-2024:1", "modified": "2024-05-01T00:00:00Z", "related": ["CVE-2024-1"],
		"affected": [{"package": {"ecosystem": "AlmaLinux:9", "name": "xz"},
			"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.2.5-8.el9_0"}]}]}]}`)})
	v := doc.Vulnerabilities[0]
	fmt.Println(v.Names, v.Affected[0].Key, v.Affected[0].FixedVersions)
	// Output: [CVE-2024-1] AlmaLinux:9|xz [5.2.5-8.el9_0]
}

func checkFuzzed(t *testing.T, doc *normalize.Document) {
	for _, v := range doc.Vulnerabilities {
		if v.ID == "" || len(v.Names) == 0 {
			t.Fatalf("%+v", v)
		}
		for _, a := range v.Affected {
			if a.Key == "" {
				t.Fatalf("%+v", a)
			}
		}
	}
}

func FuzzJSON(f *testing.F) {
	testdocs.Fuzz(f, JSON{}, normalize.Limits{}, "testdata/*/doc.json", checkFuzzed)
}

func FuzzYAML(f *testing.F) {
	f.Add([]byte("id: X-1\naliases: &a [CVE-2024-1]\nrelated: *a\n---\nid: X-2\n"))
	testdocs.Fuzz(f, YAML{}, normalize.Limits{}, "testdata/*/doc.yaml", checkFuzzed)
}

// TestUnreadableBoundaries holds the warnings; package version holds what follows from
// such boundaries.
func TestUnreadableBoundaries(t *testing.T) {
	for _, c := range []struct{ affected, pointer, message string }{
		{
			`{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"soon"}]}]}`,
			"/affected/0/ranges/0/events/1/fixed", `X-1: fixed "soon" is no version of npm; the range counts as open there`,
		},
		{
			`{"package":{"ecosystem":"PyPI","name":"x"},"ranges":[{"type":"GIT","events":[{"introduced":"0"}]},{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"last_affected":"2019-09-12"}]}]}`,
			"/affected/0/ranges/1/events/1/last_affected", `X-1: last_affected "2019-09-12" is no version of PyPI; the range counts as open there`,
		},
		{
			`{"ranges":[{"events":[{"introduced":"first","fixed":"2.0"}]}],"package":{"ecosystem":"Debian:12","name":"x"}}`,
			"/affected/0/ranges/0/events/0/introduced", `X-1: introduced "first" is no version of Debian:12; the range counts from the beginning`,
		},
		{
			`{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"events":[{"introduced":""},{"fixed":"2.0.0"}]}]}`,
			"/affected/0/ranges/0/events/0/introduced", `X-1: introduced is empty; the range counts from the beginning`,
		},
		{
			`{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"events":[{"introduced":"0"},{"fixed":null}]}]}`,
			"/affected/0/ranges/0/events/1/fixed", `X-1: fixed is empty; the range counts as open there`,
		},
		{
			`{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"events":[{"fixed":"2.0.0"}]}]}`,
			"/affected/0/ranges/0/events", `X-1: introduced is missing; the range counts from the beginning`,
		},
		{`{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"events":[{"introduced":"0"},{"limit":"*"}]}]}`, "", ""},
		{`{"package":{"ecosystem":"Go","name":"x"},"ranges":[{"events":[{"introduced":"0"},{"fixed":"v1.2.3"}]}]}`, "", ""},
		{`{"package":{"ecosystem":"Debian:12","name":"x"},"ranges":[{"events":[{"introduced":"0"},{"fixed":"0"}]}]}`, "", ""},
	} {
		// The id comes last: the warning names it all the same.
		v, warnings := one(t, `{"affected":[`+c.affected+`],"id":"X-1"}`)
		warnings = slices.DeleteFunc(warnings, func(w normalize.Warning) bool { return w.Code != "unreadable-boundary" })
		var got string
		if len(warnings) > 0 {
			got = warnings[0].Pointer + " " + warnings[0].Message
		}
		if want := strings.TrimSpace(c.pointer + " " + c.message); got != want || len(warnings) > 1 {
			t.Errorf("%s: warnings %+v, want %q", c.affected, warnings, want)
		}
		if len(v.Affected) != 1 || len(v.Affected[0].Ranges) != 1 || v.Affected[0].Ranges[0].Events[0].Introduced == "" && c.pointer != "/affected/0/ranges/0/events" {
			t.Errorf("%s: read as %+v", c.affected, v.Affected)
		}
	}
}
