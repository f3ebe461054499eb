// Package govuln reads the reports that the Go project keeps its vulnerabilities in, as YAML
// (data/reports and data/excluded of golang/vulndb). What it publishes of them is OSV; the reports
// have more, and those that it decided against: those withdraw what they said before.
package govuln

import (
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/internal/yamljson"
	"sluice/normalize/lenient"
	"sluice/normalize/purl"
)

// Source is the database, in facts. The OSV records of the same ids are another's: a report never
// takes the place of one.
const Source = "go reports"

// maxName bounds what goes into the index of keys.
const maxName = 512

// maxDepth is deeper than any report.
const maxDepth = 100

// YAML reads one report.
type YAML struct{}

// Name implements normalize.Format.
func (YAML) Name() string { return "govuln-yaml" }

// Detect implements normalize.Format.
func (YAML) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.YAML && h.Has("/modules") && strings.HasPrefix(h.Members["/id"], "GO-")
}

// Normalize implements normalize.Format.
func (f YAML) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := &normalize.Document{Kind: normalize.Vuln, Format: f.Name()}
	b, err := yamljson.Convert(in.Bytes, yamljson.Options{
		Kind:     func([]byte) yamljson.Kind { return yamljson.Text },
		MaxDepth: min(maxDepth, in.Limits.OrDefault().MaxDepth),
	})
	if err != nil {
		return nil, err
	}
	r := &report{Reader: lenient.New(b, "", doc.Warn), warn: doc.Warn}
	if err := r.read(); err != nil {
		return nil, err
	}
	doc.JSON, doc.Vulnerabilities, doc.ID, doc.Time = b, []normalize.Vulnerability{r.v}, r.v.ID, r.v.Published
	return doc, nil
}

// report reads one.
type report struct {
	*lenient.Reader
	warn     lenient.WarnFunc
	v        normalize.Vulnerability
	excluded string
	created  time.Time // of the advisory that the report was made of
}

func (r *report) read() error {
	v := &r.v
	v.Source, v.Score = Source, -1
	if !r.IsObject() {
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, "", "a report is a mapping; this is not"))
	}
	description := ""
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "id":
			v.ID = normalize.VulnID(r.Text())
		case "excluded":
			r.excluded = r.Text()
		case "withdrawn":
			v.Withdrawn = r.Time()
		case "published":
			v.Published = r.Time()
		case "summary":
			v.Summary = normalize.OneLine(r.Text())
		case "description":
			description = r.Text()
		case "cves", "ghsas":
			for _, id := range r.Texts() {
				if id = normalize.VulnID(id); len(id) <= normalize.MaxID && id != v.ID {
					v.Aliases = append(v.Aliases, id)
				}
			}
		case "related":
			v.Related = append(v.Related, r.Texts()...)
		case "cve_metadata":
			r.metadata()
		case "source":
			r.source()
		case "modules":
			for ok := r.List(); ok && r.Element(); {
				r.module()
			}
		default:
			r.Skip()
		}
	}
	r.End()
	switch {
	case r.Failed():
	case v.ID == "":
		r.Fail(normalize.Park(normalize.ReasonInvalid, "/id", "the report has no id; nothing can refer to it"))
	case len(v.ID) > normalize.MaxID:
		r.Fail(normalize.Park(normalize.ReasonInvalid, "/id", "the id is %d bytes long; %d are allowed", len(v.ID), normalize.MaxID))
	}
	if err := r.Err(); err != nil {
		return err
	}
	if v.Summary == "" {
		v.Summary = normalize.OneLine(description)
	}
	v.Names = []string{v.ID}
	v.Aliases, v.Related = normalize.Distinct(v.Aliases), normalize.Distinct(v.Related)
	if v.Published.IsZero() {
		v.Published = r.created
	}
	if r.excluded != "" && v.Withdrawn.IsZero() {
		if v.Withdrawn = v.Published; v.Withdrawn.IsZero() {
			v.Withdrawn = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) // the year of the first report
		}
	}
	if !v.Withdrawn.IsZero() {
		v.Affected = nil
	}
	return nil
}

// metadata reads the CVE that the Go project issued itself for the report.
func (r *report) metadata() {
	for ok := r.Object(); ok && r.Member(); {
		if string(r.Name()) == "id" {
			if id := normalize.VulnID(r.Text()); id != "" && len(id) <= normalize.MaxID {
				r.v.Aliases = append(r.v.Aliases, id)
			}
		} else {
			r.Skip()
		}
	}
}

func (r *report) source() {
	if !r.IsObject() {
		r.Skip()
		return
	}
	for ok := r.Object(); ok && r.Member(); {
		if string(r.Name()) == "created" {
			r.created = r.Time()
		} else {
			r.Skip()
		}
	}
}

// module reads an affected module. What else the report has about its versions (those that are no
// Go versions, those that the tools do not support) is no range.
func (r *report) module() {
	a := normalize.AffectedPackage{Ecosystem: "Go", Score: -1}
	events := []normalize.Event{}
	entered := r.IsObject()
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "module":
			a.Name = r.Text()
		case "versions":
			for ok := r.List(); ok && r.Element(); {
				events = r.versions(events)
			}
		default:
			r.Skip()
		}
	}
	at := r.Pointer()
	switch {
	case !entered || r.Failed():
		return
	case a.Name == "" || len(a.Name) > maxName:
		r.warn("no-package", at, "an entry without the path of a module; it is not used")
		return
	case a.Name == "std":
		a.Name = "stdlib"
	case a.Name == "cmd":
		a.Name = "toolchain"
	}
	if len(events) == 0 || events[0].Introduced == "" {
		events = append([]normalize.Event{{Introduced: "0"}}, events...)
	}
	for _, e := range events {
		if e.Fixed != "" {
			a.FixedVersions = append(a.FixedVersions, e.Fixed)
		}
	}
	a.Key, a.Ranges = purl.Key(a.Ecosystem, a.Name), []normalize.Range{{Type: "SEMVER", Events: events}}
	r.v.Affected = append(r.v.Affected, a)
}

// versions reads an element of "versions": where a range begins, where it ends, or both.
func (r *report) versions(list []normalize.Event) []normalize.Event {
	var introduced, fixed string
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "introduced":
			introduced = r.Text()
		case "fixed":
			fixed = r.Text()
		default:
			r.Skip()
		}
	}
	if introduced != "" {
		list = append(list, normalize.Event{Introduced: introduced})
	}
	if fixed != "" {
		list = append(list, normalize.Event{Fixed: fixed})
	}
	return list
}
