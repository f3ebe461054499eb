package testdocs

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"sluice/normalize"
)

// ScanFunc is the type of detect.Scan.
type ScanFunc func(b []byte, limits normalize.Limits) (*normalize.Head, error)

// Reader returns a function that reads a document as the pipeline does: Scan, the
// first format that detects it, Normalize.
func Reader(scan ScanFunc, formats ...normalize.Format) func([]byte) (*normalize.Document, error) {
	return func(b []byte) (*normalize.Document, error) {
		head, err := scan(b, normalize.DefaultLimits)
		if err != nil {
			return nil, err
		}
		for _, f := range formats {
			if f.Detect(head) {
				return normalized(f, normalize.Input{Bytes: b, Head: head, Limits: normalize.DefaultLimits})
			}
		}
		return nil, normalize.Park(normalize.ReasonUnknownFormat, "", "not detected")
	}
}

// normalized reads a document, and holds that its details, where the format has any, are those
// of the same components.
func normalized(f normalize.Format, in normalize.Input) (*normalize.Document, error) {
	doc, err := f.Normalize(in)
	d, ok := f.(normalize.Detailer)
	if err != nil || !ok {
		return doc, err
	}
	details, err := d.Details(in)
	if err != nil {
		return doc, fmt.Errorf("accepted, yet it has no details: %w", err)
	}
	refs := make(map[string]string, len(details.Components))
	for _, c := range details.Components {
		refs[c.Pointer] = c.Ref
	}
	for _, c := range slices.Concat(doc.Main, doc.Components) {
		if ref, ok := refs[c.Pointer]; !ok || ref != c.Ref {
			return doc, fmt.Errorf("component %s is %q, its details (%v) are those of %q", c.Pointer, c.Ref, ok, ref)
		}
	}
	return doc, nil
}

// Detects checks which of the formats recognise documents: all their names one after
// the other, "" for none.
func Detects(t *testing.T, scan ScanFunc, formats []normalize.Format, want map[string]string) {
	t.Helper()
	for doc, want := range want {
		head, err := scan([]byte(doc), normalize.DefaultLimits)
		if err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		got := ""
		for _, f := range formats {
			if f.Detect(head) {
				got += f.Name()
			}
		}
		if got != want {
			t.Errorf("%s: detected %q, want %q", doc, got, want)
		}
	}
}

// InOrder are documents that their source calls invalid for reasons that are none of the standard's.
var InOrder = map[string]string{
	"guac/internal/testing/testdata/exampledata/distroless-cyclonedx-invalid-version.json": "the version of the image is a tag, where GUAC wants a digest",
}

// Real reads every real document that the manifest gives one of the formats. What
// its source calls valid has to be accepted, in its version, and without the
// warnings with the codes that only invalid documents deserve.
func Real(t *testing.T, read func([]byte) (*normalize.Document, error), undeserved []string, formats ...string) {
	t.Helper()
	accepted, parked := map[string]int{}, map[string]int{}
	for _, e := range Manifest(t, formats...) {
		valid := e.Validity == "valid"
		doc, err := read(e.Read(t))
		if park, ok := errors.AsType[*normalize.ParkError](err); ok {
			parked[e.Format+" "+e.Validity+" "+park.Reason]++
			t.Logf("parked: %s (%s): %v", e.Path, e.Validity, err)
			if valid {
				t.Errorf("%s is valid, yet parked: %v", e.Path, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v is no ParkError", e.Path, err)
			continue
		}
		accepted[e.Format+" "+e.Validity]++
		if e.Validity == "invalid" && len(doc.Warnings) == 0 && InOrder[e.Path] == "" {
			t.Errorf("%s is invalid, yet there is nothing odd about it", e.Path)
		}
		if !valid {
			continue
		}
		if doc.FormatVersion != e.Version {
			t.Errorf("%s: version %q, want %q", e.Path, doc.FormatVersion, e.Version)
		}
		for _, w := range doc.Warnings {
			if slices.Contains(undeserved, w.Code) {
				t.Errorf("%s is valid, yet: %v", e.Path, w)
			}
		}
	}
	t.Logf("accepted: %v", accepted)
	t.Logf("parked: %v", parked)
}
