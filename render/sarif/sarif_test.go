package sarif

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

// TestLimits: GitHub's limit of results is kept, and it is told how many were left out.
func TestLimits(t *testing.T) {
	t.Parallel()
	list := make([]Result, MaxResults+7)
	for i := range list {
		list[i] = Result{ID: fmt.Sprint(i), Vulnerability: "CVE-2026-1", Severity: "high", Artifact: "pkg:oci/app@1", Package: "pkg:npm/a@1"}
	}
	var b bytes.Buffer
	cut, err := Write(&b, Tool{"Sluice", "1"}, list)
	if err != nil || cut.Results != 7 || cut.Why == "" {
		t.Errorf("%+v, %v", cut, err)
	}
	var out struct {
		Runs []struct{ Results []struct{ RuleID string } }
	}
	if err := json.Unmarshal(b.Bytes(), &out); err != nil || len(out.Runs[0].Results) != MaxResults {
		t.Error(err)
	}
}

// TestResult: the members that GitHub reads.
func TestResult(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	_, err := Write(&b, Tool{"Sluice", "1"}, []Result{
		{ID: "a", Vulnerability: "CVE-2026-1", Severity: "high", Score: "9.8", Artifact: "pkg:oci/team a/app@1:2", Package: "pkg:npm/a@1", Suppressed: true, Justification: "unused"},
		{ID: "b", Vulnerability: "CVE-2026-1", Severity: "critical", Score: "10.0", Artifact: "pkg:oci/app@1", Package: "pkg:npm/a@1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID         string
						Properties map[string]any
					}
				}
			}
			Results []struct {
				Level     string
				RuleIndex int
				Locations []struct {
					PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
				}
				PartialFingerprints map[string]string
				Suppressions        []map[string]string
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	run := out.Runs[0]
	if out.Version != "2.1.0" || len(run.Tool.Driver.Rules) != 1 || run.Tool.Driver.Rules[0].Properties["security-severity"] != "10.0" {
		t.Errorf("%+v", run.Tool)
	}
	first := run.Results[0]
	if first.Level != "error" || first.Locations[0].PhysicalLocation.ArtifactLocation.URI != "oci/team%20a/app@1%3A2" || len(first.Suppressions) != 1 || first.Suppressions[0]["justification"] != "unused" {
		t.Errorf("%+v", first)
	}
	if a, b := first.PartialFingerprints["primaryLocationLineHash"], run.Results[1].PartialFingerprints["primaryLocationLineHash"]; a == "" || a == b || run.Results[1].Suppressions != nil {
		t.Errorf("%q, %q", a, b)
	}
}
