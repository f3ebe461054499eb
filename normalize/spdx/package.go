package spdx

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
	"sluice/normalize/purl"
)

// purposes are the values of primaryPackagePurpose, as they are stored.
var purposes = map[string]string{
	"APPLICATION":      "application",
	"FRAMEWORK":        "framework",
	"LIBRARY":          "library",
	"CONTAINER":        "container",
	"OPERATING-SYSTEM": "operating-system",
	"OPERATING_SYSTEM": "operating-system",
	"DEVICE":           "device",
	"FIRMWARE":         "firmware",
	"SOURCE":           "source",
	"ARCHIVE":          "archive",
	"FILE":             "file",
	"INSTALL":          "install",
	"OTHER":            "other",
}

func (d *document) packages(pointer string) {
	r := d.r
	for i, ok := 0, r.Array(); ok && r.Element(); i++ {
		if !r.IsObject() {
			r.Object() // warns
			continue
		}
		d.pkg(pointer + "/" + strconv.Itoa(i))
		if len(d.out.Components) > d.max {
			r.Fail(normalize.Park(normalize.ReasonTooMany, pointer+"/"+strconv.Itoa(i),
				"more than %d packages: split the document or raise the limit", d.max))
			return
		}
	}
}

// pkg reads one package. It becomes one component for each purl that it has,
// since each is a way to find it, and one without a purl if it has none.
func (d *document) pkg(pointer string) {
	r := d.r
	c := normalize.Component{Pointer: pointer}
	var more []string // purls after the first
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "SPDXID":
			c.Ref = string(r.Bytes())
		case "name", "packageName": // the latter as in tag-value, by mistake
			c.Name = text(r.Text())
		case "versionInfo", "packageVersion":
			c.Version = text(r.Text())
		case "primaryPackagePurpose":
			c.Type = d.purpose(r.Bytes(), pointer)
		case "sourceInfo":
			c.Source, c.SourceVersion = builtFrom(r.Text())
		case "externalRefs":
			more = d.externalRefs(&c, more)
		case "supplier":
			if s := text(r.Text()); s != "" {
				d.out.Stated.Suppliers++
			}
		case "checksums":
			d.checksums(pointer)
		default:
			r.Pass(shapeOf(r.Name()))
		}
	}
	if r.Failed() {
		return
	}
	if c.Type == "" && strings.HasPrefix(c.Ref, "SPDXRef-OperatingSystem") {
		c.Type = "operating-system" // Trivy, in SPDX 2.2, which has no purposes
	}
	if c.Name == "" {
		d.out.Warn("missing-name", pointer, "a package without a name")
	}
	if !c.Versioned() && c.Type != "file" && c.Type != "data" && !d.out.Enough(missingVersion) {
		d.out.Warn(missingVersion, pointer, "a package without a version")
	}
	if c.Ref != "" {
		if _, taken := d.ids[c.Ref]; taken {
			d.out.Warn("duplicate-ref", pointer+"/SPDXID", "%.200q is the SPDXID of another package too", c.Ref)
		} else {
			d.ids[c.Ref] = int32(len(d.ids))
		}
	}
	d.out.Components = append(d.out.Components, c)
	for _, another := range more {
		c.Purl = another
		d.out.Components = append(d.out.Components, c)
	}
}

// missingVersion is the code for a package whose version nobody knows: it can be matched by
// records that cover every version only.
const missingVersion = "missing-component-version"

// shapeOf says what a member of a package should be that is not read.
func shapeOf(name []byte) lenient.Shape {
	switch string(name) {
	case "downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText", "originator", "homepage", "packageFileName",
		"licenseComments", "summary", "description", "comment", "releaseDate", "builtDate", "validUntilDate":
		return lenient.ShapeText
	case "filesAnalyzed":
		return lenient.ShapeBool
	case "packageVerificationCode":
		return lenient.ShapeObject
	case "annotations":
		return lenient.ShapeObjects
	case "licenseInfoFromFiles", "attributionTexts", "hasFiles":
		return lenient.ShapeTexts
	}
	return lenient.Any
}

var checksumAlgorithms = words("SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "MD2", "MD4", "MD5", "MD6", "SHA3-256", "SHA3-384", "SHA3-512",
	"BLAKE2b-256", "BLAKE2b-384", "BLAKE2b-512", "BLAKE3", "ADLER32")

// checksums looks for unknown algorithms in a list that is not read: the member's name in
// quotes can stand for nothing else there.
func (d *document) checksums(pointer string) {
	const key = `"algorithm"`
	for raw := d.r.Pass(lenient.ShapeObjects); ; {
		i := bytes.Index(raw, []byte(key))
		if i < 0 {
			return
		}
		raw = raw[i+len(key):]
		value := bytes.TrimLeft(raw, " \t\r\n:")
		if len(value) == 0 || value[0] != '"' {
			continue // of another type
		}
		end := bytes.IndexByte(value[1:], '"')
		if end < 0 {
			return
		}
		if _, ok := checksumAlgorithms[string(value[1:1+end])]; !ok && !d.out.Enough("unknown-algorithm") {
			d.out.Warn("unknown-algorithm", pointer+"/checksums", "%.60q is no algorithm of a checksum", value[1:1+end])
		}
	}
}

// builtFrom reads what Trivy writes about the source package of a distribution's package:
// "built package from: openssl 1:1.1.1k-9.el8". Other sentences say nothing that is matched.
func builtFrom(s string) (name, version string) {
	rest, found := strings.CutPrefix(strings.TrimSpace(s), "built package from:")
	if !found {
		return "", ""
	}
	words := strings.Fields(rest)
	switch len(words) {
	case 1:
		return words[0], ""
	case 2:
		return words[0], words[1]
	}
	return "", ""
}

func (d *document) purpose(raw []byte, pointer string) string {
	if len(raw) == 0 {
		return ""
	}
	if known, ok := purposes[string(raw)]; ok {
		return known
	}
	upper := text(strings.ToUpper(string(raw)))
	if known, ok := purposes[upper]; ok || upper == "" {
		return known
	}
	d.out.Warn("unknown-type", pointer+"/primaryPackagePurpose", "%.60q is no purpose of a package", raw)
	return strings.ToLower(upper)
}

// externalRefs takes the purls and the first CPE of a package.
func (d *document) externalRefs(c *normalize.Component, more []string) []string {
	r := d.r
	for i, ok := 0, r.Array(); ok && r.Element(); i++ {
		var kind, locator, category []byte
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "referenceCategory":
				category = r.Bytes()
			case "referenceType":
				kind = r.Bytes()
			case "referenceLocator":
				locator = r.Bytes()
			default:
				r.Skip()
			}
		}
		// What a reference is does not depend on the category: PACKAGE-MANAGER, PACKAGE_MANAGER
		// and OTHER are all found in front of a purl.
		switch string(category) {
		case "PACKAGE-MANAGER", "PACKAGE_MANAGER", "SECURITY", "OTHER", "PERSISTENT-ID", "PERSISTENT_ID", "":
		default:
			d.out.Warn("unknown-category", c.Pointer+"/externalRefs/"+strconv.Itoa(i)+"/referenceCategory", "%.60q is no category of a reference", category)
		}
		switch referenceKind(kind, locator) {
		case "purl":
			found := text(string(locator))
			if found == "" || found == c.Purl || slices.Contains(more, found) {
				continue
			}
			if problem := purl.Problem(found); problem != "" {
				d.out.Warn("invalid-purl", c.Pointer+"/externalRefs/"+strconv.Itoa(i)+"/referenceLocator", "%.200q %s", found, problem)
			}
			if c.Purl == "" {
				c.Purl = found
			} else {
				more = append(more, found)
			}
		case "cpe":
			if c.CPE == "" {
				c.CPE = text(string(locator))
			}
		}
	}
	return more
}

// referenceKind is "purl", "cpe" or "" for an external reference. The type is a
// word, or an IRI that ends with it.
func referenceKind(kind, locator []byte) string {
	word := string(kind)
	word = word[strings.LastIndexAny(word, "/#")+1:]
	switch {
	case strings.EqualFold(word, "purl"):
		return "purl"
	case strings.EqualFold(word, "cpe23Type"), strings.EqualFold(word, "cpe22Type"):
		return "cpe"
	case word == "" && purl.Is(string(locator)):
		return "purl"
	}
	return ""
}

// text drops the words for "not said".
func text(s string) string {
	s = strings.TrimSpace(s)
	if s == "NOASSERTION" || s == "NONE" {
		return ""
	}
	return s
}
