package sbomdoc_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"sluice/internal/test/testdocs"
	"sluice/inventory/sbomdoc"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
	"sluice/normalize/spdx"
)

var formats = []normalize.Format{cyclonedx.JSON{}, cyclonedx.XML{}, cyclonedx.Protobuf{}, cyclonedx.TextProto{}, spdx.JSON{}, spdx.TagValue{}, spdx.YAML{}, spdx.XML{}, spdx.RDF{}, spdx.JSONLD{}}

// schemas are the official ones: that of SPDX beside the test, those of CycloneDX with its library.
func schemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	cdx := filepath.Join(strings.TrimSpace(string(dir)), "schema")
	c := jsonschema.NewCompiler()
	for url, file := range map[string]string{
		"http://cyclonedx.org/schema/bom-1.6.schema.json":  filepath.Join(cdx, "bom-1.6.schema.json"),
		"http://cyclonedx.org/schema/bom-1.7.schema.json":  filepath.Join(cdx, "bom-1.7.schema.json"),
		"http://cyclonedx.org/schema/spdx.schema.json":     filepath.Join(cdx, "spdx.schema.json"),
		"http://cyclonedx.org/schema/jsf-0.82.schema.json": filepath.Join(cdx, "jsf-0.82.schemax.json"),
		"http://spdx.org/rdf/terms/2.3":                    "testdata/spdx-2.3.schema.json",
	} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(file, err)
		}
		if err := c.AddResource(url, doc); err != nil {
			t.Fatal(file, err)
		}
	}
	// Algorithms of cryptography, which nothing that we write refers to.
	for _, url := range []string{"http://cyclonedx.org/schema/cryptography-defs.schema.json"} {
		doc, _ := jsonschema.UnmarshalJSON(strings.NewReader(`{"definitions":{"algorithmFamiliesEnum":{},"ellipticCurvesEnum":{}}}`))
		if err := c.AddResource(url, doc); err != nil {
			t.Fatal(err)
		}
	}
	compiled := map[string]*jsonschema.Schema{}
	for target, url := range map[string]string{
		"cyclonedx-1.6": "http://cyclonedx.org/schema/bom-1.6.schema.json", "cyclonedx-1.7": "http://cyclonedx.org/schema/bom-1.7.schema.json", "spdx-2.3": "http://spdx.org/rdf/terms/2.3",
	} {
		if compiled[target], err = c.Compile(url); err != nil {
			t.Fatal(target, err)
		}
	}
	return compiled
}

// packages are what is matched: everything of components that makes a package.
func packages(d *normalize.Document, module bool) []string {
	list := []string{}
	for _, c := range slices.Concat(d.Main, d.Components) {
		if c.Purl == "" {
			continue
		}
		s := fmt.Sprintf("%s %s %s %s", c.Purl, c.Version, c.Source, c.SourceVersion)
		if module {
			s += " " + c.Module
		}
		list = append(list, s)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// check writes a document in every format, validates it, and reads it again.
func check(t *testing.T, schemas map[string]*jsonschema.Schema, name string, src []byte) bool {
	t.Helper()
	d, err := detect.Details(normalize.Input{Bytes: src}, formats)
	if errors.Is(err, detect.ErrNoDetails) || normalize.Permanent(err) || err == nil && d.Document.Kind != normalize.SBOM {
		return false
	}
	if err != nil {
		t.Fatal(name, err)
	}
	for _, target := range sbomdoc.Targets {
		out, _, err := sbomdoc.Write(d, target)
		if err != nil {
			t.Errorf("%s as %s: %v", name, target, err)
			continue
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if err := schemas[target].Validate(value); err != nil {
			t.Errorf("%s as %s is not valid: %.2000v", name, target, err)
		}
		again, err := detect.Details(normalize.Input{Bytes: out}, formats)
		if err != nil {
			t.Errorf("%s as %s cannot be read: %v", name, target, err)
			continue
		}
		module := target != "spdx-2.3"
		if diff := cmp.Diff(packages(d.Document, module), packages(again.Document, module)); diff != "" {
			t.Errorf("%s as %s has other packages:\n%s", name, target, diff)
		}
		if d.Document.Subject.Name != "" && again.Document.Subject.Purl != d.Document.Subject.Purl {
			t.Errorf("%s as %s describes %+v, want %+v", name, target, again.Document.Subject, d.Document.Subject)
		}
		second, _, err := sbomdoc.Write(d, target)
		if err != nil || !bytes.Equal(out, second) {
			t.Errorf("%s as %s: not the same twice (%v)", name, target, err)
		}
	}
	return true
}

// TestWrite: what is written of our documents is valid by the official schemas, and reading it
// gives the same packages.
func TestWrite(t *testing.T) {
	compiled := schemas(t)
	count := 0
	for _, pattern := range []string{"../../normalize/cyclonedx/testdata/*/doc.*", "../../normalize/spdx/testdata/*/doc.*", "../../fixtures/documents/*.json", "../../fixtures/documents/*.xml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if check(t, compiled, file, b) {
				count++
			}
		}
	}
	if count < 20 {
		t.Errorf("only %d documents were written", count)
	}
}

// TestWriteRealDocuments does so with every SLUICE_EXPORT_EVERYth real document (default 100).
func TestWriteRealDocuments(t *testing.T) {
	every, err := strconv.Atoi(os.Getenv("SLUICE_EXPORT_EVERY"))
	if err != nil || every < 1 {
		every = 100
	}
	compiled := schemas(t)
	n, count := 0, 0
	for _, e := range testdocs.Manifest(t) {
		if !strings.HasPrefix(e.Format, "CycloneDX") && !strings.HasPrefix(e.Format, "SPDX") {
			continue
		}
		b := e.Read(t)
		if n++; n%every != 0 || len(b) > 1<<20 && every > 1 {
			continue
		}
		if check(t, compiled, e.Path, b) {
			count++
		}
	}
	t.Logf("%d of %d documents written", count, n)
}

// TestLosses: what is not carried is named.
func TestLosses(t *testing.T) {
	src := `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a","version":"1","scope":"optional","evidence":{"copyright":[]},"properties":[{"name":"x"}]},
		{"type":"platform","name":"b","version":"1","evidence":{"x":1}}],"annotations":[{"text":"x"}],"services":[{"name":"s"}]}`
	d, err := detect.Details(normalize.Input{Bytes: []byte(src)}, formats)
	if err != nil {
		t.Fatal(err)
	}
	_, losses, err := sbomdoc.Write(d, "spdx-2.3")
	want := []sbomdoc.Loss{
		{What: "annotations", Count: 1},
		{What: "evidence", Count: 2, Example: "/components/0"},
		{What: "properties", Count: 1, Example: "/components/0"},
		{What: "scope", Count: 1, Example: "/components/0"},
		{What: "services", Count: 1, Example: "/services/0"},
		{What: "type platform", Count: 1, Example: "/components/1"},
	}
	if diff := cmp.Diff(want, losses); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, _, err := sbomdoc.Write(d, "spdx-1.0"); err == nil || !strings.Contains(err.Error(), "cyclonedx-1.7, cyclonedx-1.6, spdx-2.3") {
		t.Error(err)
	}
}
