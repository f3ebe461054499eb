// Command judge says what osv-scalibr, the library under osv-scanner, finds in an SBOM with
// the records of a folder, as its offline mode does: the same reader of CycloneDX, the same
// matching, no network. It has a module of its own so that none of this is ever part of the
// product.
//
//	judge SBOM FOLDER > ANSWERS
//
// An answer is a purl and the id of a record that affects it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"
	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/enricher/vulnmatch/osvlocal"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/sbom/cdx"
	osvpb "github.com/ossf/osv-schema/bindings/go/osvschema"
	"google.golang.org/protobuf/encoding/protojson"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: judge SBOM FOLDER > ANSWERS")
		os.Exit(2)
	}
	if err := judge(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func judge(ctx context.Context, sbom, folder string) error {
	var records []*osvpb.Vulnerability
	paths, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(paths) == 0 {
		return errors.Join(err, fmt.Errorf("no records in %s", folder))
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if filepath.Ext(path) != ".json" { // PyPA's are YAML
			if text, err = yaml.YAMLToJSON(text); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		v := new(osvpb.Vulnerability)
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, v); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		records = append(records, v)
	}
	text, err := os.ReadFile(sbom)
	if err != nil {
		return err
	}
	var bom struct {
		Components []struct{ Purl string }
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		return fmt.Errorf("%s: %w", sbom, err)
	}
	reader, err := cdx.New(&cpb.PluginConfig{})
	if err != nil {
		return err
	}
	found, err := reader.Extract(ctx, &filesystem.ScanInput{Path: sbom, Reader: bytes.NewReader(text)})
	if err != nil {
		return err
	}
	if len(found.Packages) != len(bom.Components) {
		return fmt.Errorf("%s has %d components and %d were read", sbom, len(bom.Components), len(found.Packages))
	}
	var answers []string
	for i, p := range found.Packages {
		for _, v := range records { // one at a time: together, only one of several aliases would be named
			if len(osvlocal.VulnerabilitiesAffectingPackage([]*osvpb.Vulnerability{v}, p)) > 0 {
				answers = append(answers, bom.Components[i].Purl+"\t"+v.GetId())
			}
		}
	}
	slices.Sort(answers)
	for _, a := range slices.Compact(answers) {
		fmt.Println(a)
	}
	return nil
}
