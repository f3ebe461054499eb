package spdx

import (
	"slices"
	"strconv"
	"strings"

	"sluice/normalize"
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
		default:
			r.Skip()
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
	if c.Ref != "" {
		if _, taken := d.ids[c.Ref]; taken {
			d.out.Warn("duplicate-ref", pointer+"/SPDXID", "%.200q is the SPDXID of another package too", c.Ref)
		}
		d.ids[c.Ref] = struct{}{}
	}
	d.out.Components = append(d.out.Components, c)
	for _, another := range more {
		c.Purl = another
		d.out.Components = append(d.out.Components, c)
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
		var kind, locator []byte
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "referenceType":
				kind = r.Bytes()
			case "referenceLocator":
				locator = r.Bytes()
			default:
				// The category is not looked at: PACKAGE-MANAGER, PACKAGE_MANAGER
				// and OTHER are all found in front of a purl.
				r.Skip()
			}
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
