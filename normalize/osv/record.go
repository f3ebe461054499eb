package osv

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/detect/lenient"
)

// maxID is longer than any id; longer ones cannot be looked up by.
const maxID = 255

// reader reads one record.
type reader struct {
	*lenient.Reader
	doc *normalize.Document
	v   normalize.Vulnerability

	severities []severity
	word       string // the severity in words, where the record has one
}

// readRecord reads the record in b, a JSON object. Warnings go to doc.
func readRecord(b []byte, doc *normalize.Document) (normalize.Vulnerability, error) {
	r := &reader{Reader: lenient.NewReader(b, doc), doc: doc}
	if !r.IsObject() {
		if err := r.Skip(); err != nil {
			return r.v, err
		}
		return r.v, normalize.Park(normalize.ReasonInvalid, "", "a record is an object; this is not")
	}
	if err := r.Object(r.member); err != nil {
		return r.v, err
	}
	if err := r.End(); err != nil {
		return r.v, err
	}
	if r.v.ID == "" {
		return r.v, normalize.Park(normalize.ReasonInvalid, "/id", "the record has no id; nothing can refer to it")
	}
	if len(r.v.ID) > maxID {
		return r.v, normalize.Park(normalize.ReasonInvalid, "/id", "the id is %d characters long; %d are allowed", len(r.v.ID), maxID)
	}
	r.nameRecord()
	r.rate()
	return r.v, nil
}

func (r *reader) member(name string) (err error) {
	v := &r.v
	switch name {
	case "schema_version":
		r.doc.FormatVersion, err = r.Text()
	case "id":
		v.ID, err = r.Text()
		v.ID = tidyID(v.ID)
	case "modified":
		v.Modified, err = r.time()
	case "published":
		v.Published, err = r.time()
	case "withdrawn":
		v.Withdrawn, err = r.time()
	case "aliases":
		v.Aliases, err = r.ids()
	case "related":
		v.Related, err = r.ids()
	case "upstream":
		v.Upstream, err = r.ids()
	case "summary":
		v.Summary, err = r.Text()
	case "severity":
		r.severities, err = r.readSeverities(r.severities)
	case "affected":
		err = r.Array(r.affected)
	case "database_specific":
		err = r.specific(func(name string) (used bool, err error) {
			if name == "severity" {
				r.word, err = r.textIfText()
				return true, err
			}
			return false, nil
		})
	default:
		err = r.Skip()
	}
	return err
}

// specific reads a database_specific or ecosystem_specific object, whose members are
// anybody's: the wrong type is not worth a warning there.
func (r *reader) specific(member func(name string) (used bool, err error)) error {
	if !r.IsObject() {
		return r.Skip()
	}
	return r.Object(func(name string) error {
		used, err := member(name)
		if used || err != nil {
			return err
		}
		return r.Skip()
	})
}

// textIfText reads a string and skips anything else.
func (r *reader) textIfText() (string, error) {
	if r.IsObject() || r.IsArray() {
		return "", r.Skip()
	}
	return r.Text()
}

// time reads a time. Impossible ones are so common (every record of the Go project says
// year 1) that only those that cannot be read at all are worth a warning.
func (r *reader) time() (time.Time, error) {
	s, err := r.Text()
	if err != nil || s == "" {
		return time.Time{}, err
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			if t.Year() < 1990 || t.Year() > 9999 {
				return time.Time{}, nil
			}
			return t.UTC(), nil
		}
	}
	r.doc.Warn("bad-time", r.Pointer(), "%.60q is no time (2006-01-02T15:04:05Z); it is not used", s)
	return time.Time{}, nil
}

// ids reads a list of ids: sorted, distinct.
func (r *reader) ids() ([]string, error) {
	list, err := r.Texts()
	if err != nil {
		return nil, err
	}
	out := list[:0]
	for _, id := range list {
		if len(id) > maxID {
			r.doc.Warn("bad-id", r.Pointer(), "an id of %d characters is not used", len(id))
			continue
		}
		out = append(out, tidyID(id))
	}
	return distinct(out), nil
}

// distinct sorts a list and takes out doubles; an empty one is nil.
func distinct(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// tidyID puts CVE ids into their one spelling.
func tidyID(id string) string {
	if len(id) > 4 && id[3] == '-' && id[:3] != "CVE" && strings.EqualFold(id[:3], "CVE") {
		return strings.ToUpper(id)
	}
	return id
}

func pointerTo(i int) string { return "/" + strconv.Itoa(i) }
