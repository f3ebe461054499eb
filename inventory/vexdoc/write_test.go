package vexdoc_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/inventory/vexdoc"
)

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// document has one verdict of each kind.
func document() vexdoc.Document {
	const app = "pkg:oci/app@1?arch=amd64"
	v := func(n int, status string) vexdoc.Verdict {
		return vexdoc.Verdict{Artifact: app, Package: fmt.Sprintf("pkg:npm/p%d@1.0.0", n), Vulnerability: fmt.Sprintf("CVE-2026-%04d", n), Status: status, Source: "openvex", By: "Acme", Time: day}
	}
	list := []vexdoc.Verdict{v(1, "not_affected"), v(2, "not_affected"), v(3, "not_affected"), v(4, "affected"), v(5, "affected"), v(6, "fixed"), v(7, "under_investigation"), v(8, "")}
	list[0].Justification = "vulnerable_code_not_present"
	list[1].Justification, list[1].Until = "requires_environment", day.AddDate(1, 0, 0)
	list[1].Source, list[1].By, list[1].Rationale, list[1].Ticket, list[1].Proof = "decision", "os:ana", "no keyboard", "T-1", "https://example.com/proof"
	list[3].Action = "update to 2.0"
	list[6].Vulnerability, list[6].Action, list[6].Impact = "GHSA-aaaa-bbbb-cccc", "wait", "nobody knows"
	return vexdoc.Document{
		ID: "0b4c9b8e-3a34-4d0c-9a3d-0123456789ab", Version: 2, First: day, Time: day.AddDate(0, 0, 1), Releases: []time.Time{day, day.AddDate(0, 0, 1)},
		Author: "Example Works", Namespace: "https://example.com", Artifact: app, Verdicts: list,
	}
}

// TestWrite: each format is valid by its schema, is the same in whatever order the verdicts come, and says what it lost.
func TestWrite(t *testing.T) {
	t.Parallel()
	for _, format := range vexdoc.Formats {
		d := document()
		text, losses, err := vexdoc.Write(format, d)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, format, text)
		for range 5 {
			rand.Shuffle(len(d.Verdicts), func(i, j int) { d.Verdicts[i], d.Verdicts[j] = d.Verdicts[j], d.Verdicts[i] })
			if again, _, _ := vexdoc.Write(format, d); !bytes.Equal(again, text) {
				t.Errorf("%s: the order of the verdicts shows", format)
			}
		}
		var got []string
		for _, l := range losses {
			got = append(got, l.What)
		}
		slices.Sort(got)
		want := map[string][]string{
			"openvex":       {"action", "action", "impact", "impact", "justification", "until"},
			"csaf-2.0":      {"action", "impact", "justification", "time", "time", "time", "time", "time", "time", "time", "until"},
			"cyclonedx-1.6": {"justification", "until"},
		}
		want["csaf-2.1"], want["cyclonedx-1.7"] = want["csaf-2.0"], want["cyclonedx-1.6"]
		if !slices.Equal(got, want[format]) {
			t.Errorf("%s: losses %q, want %q", format, got, want[format])
		}
		if !strings.Contains(string(text), "T-1") {
			t.Errorf("%s: the ticket is gone", format)
		}
		d = document()
		d.Verdicts = nil
		if text, _, err = vexdoc.Write(format, d); err != nil {
			t.Error(err)
		}
		if format != "csaf-2.0" || len(text) > 0 {
			validate(t, format, text)
		}
	}
	d := document()
	d.Artifact = ""
	if _, _, err := vexdoc.Write("cyclonedx-1.6", d); err == nil {
		t.Error("CycloneDX about several artifacts")
	}
	if _, _, err := vexdoc.Write("spdx", d); err == nil {
		t.Error("a format that there is not")
	}
}

// TestAmbiguous: where a reader takes a purl for others too that have another verdict, it is told.
func TestAmbiguous(t *testing.T) {
	t.Parallel()
	d := document()
	one := vexdoc.Verdict{Artifact: "pkg:oci/app@1", Package: "pkg:npm/a@1", Vulnerability: "CVE-2026-0001", Status: "fixed", Time: day}
	other := one
	other.Artifact, other.Status = "pkg:oci/app@1?arch=arm64", ""
	apart := one
	apart.Artifact, apart.Status = "pkg:oci/app@2", ""
	d.Verdicts = []vexdoc.Verdict{one, other, apart}
	_, losses, err := vexdoc.Write("openvex", d)
	if err != nil || len(losses) != 1 || losses[0].What != "product" || !strings.Contains(losses[0].Why, "arm64") {
		t.Errorf("%+v, %v", losses, err)
	}
}
