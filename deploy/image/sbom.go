package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
	"github.com/package-url/packageurl-go"
)

// sbomType is the media type of an SBOM of CycloneDX.
const sbomType = "application/vnd.cyclonedx+json"

// bill says what the program at path was linked from, as the program itself tells (runtime/debug):
// each module with its sum, and Go's own library. Its serial number follows from the program's
// bytes, and it has no timestamp: the same program has the same SBOM.
func bill(path string, program []byte, version, arch string) ([]byte, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(program)
	main := cdx.Component{
		BOMRef: own(version), Type: cdx.ComponentTypeApplication, Name: "sluice", Version: version, PackageURL: own(version),
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(digest[:])}},
		Properties: &[]cdx.Property{{Name: "sluice:platform", Value: "linux/" + arch}},
	}
	std := strings.TrimPrefix(info.GoVersion, "go")
	components := []cdx.Component{{
		BOMRef: golang("stdlib", std), Type: cdx.ComponentTypeLibrary, Name: "stdlib", Version: std, PackageURL: golang("stdlib", std),
	}}
	depends := []string{golang("stdlib", std)}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		c := cdx.Component{
			BOMRef: golang(module.Path, module.Version), Type: cdx.ComponentTypeLibrary, Name: module.Path, Version: module.Version,
			PackageURL: golang(module.Path, module.Version),
		}
		// h1 is a SHA-256, of the list of the module's files and not of an archive: no Hash of
		// CycloneDX, which a reader would compare with a file.
		if sum, ok := strings.CutPrefix(module.Sum, "h1:"); ok {
			if _, err := base64.StdEncoding.DecodeString(sum); err != nil {
				return nil, fmt.Errorf("the sum of %s: %w", module.Path, err)
			}
			c.Properties = &[]cdx.Property{{Name: "sluice:go.sum", Value: module.Sum}}
		}
		components = append(components, c)
		depends = append(depends, c.BOMRef)
	}

	bom := cdx.NewBOM()
	bom.SerialNumber = uuid.NewHash(sha256.New(), uuid.NameSpaceURL, digest[:], 8).URN()
	bom.Metadata = &cdx.Metadata{Component: &main}
	bom.Components = &components
	// The program tells what it is linked from, not what needs what.
	bom.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &depends}}
	var out bytes.Buffer
	err = cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
	return out.Bytes(), err
}

// own is the package URL of Sluice itself. No golang: its module path names no host, so no
// registry has a module by that name, and no record can speak of it.
func own(version string) string {
	return packageurl.NewPackageURL(packageurl.TypeGeneric, "", "sluice", version, nil, "").ToString()
}

// golang is the package URL of a module.
func golang(path, version string) string {
	namespace, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		namespace, name = path[:i], path[i+1:]
	}
	return packageurl.NewPackageURL(packageurl.TypeGolang, namespace, name, version, nil, "").ToString()
}
