package osv

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// reader reads one record.
type reader struct {
	*lenient.Reader
	warn lenient.WarnFunc
	v    normalize.Vulnerability

	schema     string // schema_version
	severities []string
	word       string // the severity in words, where the record has one
	from       string // where the record says it comes from
	unreadable []unreadable
}

// readRecord reads the record that r holds, a JSON object whose pointer inside the
// document is at, and says the schema version that it claims.
func readRecord(in *lenient.Reader, at string, warn lenient.WarnFunc) (v normalize.Vulnerability, schema string, err error) {
	r := &reader{Reader: in, warn: warn}
	if !r.IsObject() {
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, at, "a record is an object; this is not"))
		return v, "", r.Err()
	}
	for ok := r.Object(); ok && r.Member(); {
		r.member()
	}
	r.End()
	switch {
	case r.Failed():
	case r.v.ID == "":
		r.Fail(normalize.Park(normalize.ReasonInvalid, at+"/id", "the record has no id; nothing can refer to it"))
	case len(r.v.ID) > normalize.MaxID:
		r.Fail(normalize.Park(normalize.ReasonInvalid, at+"/id", "the id is %d bytes long; %d are allowed", len(r.v.ID), normalize.MaxID))
	}
	if err := r.Err(); err != nil {
		return v, "", err
	}
	r.warnUnreadable()
	r.nameRecord()
	r.rate()
	return r.v, r.schema, nil
}

func (r *reader) member() {
	v := &r.v
	switch string(r.Name()) {
	case "schema_version":
		r.schema = r.Text()
	case "id":
		v.ID = normalize.VulnID(r.Text())
	case "modified":
		v.Modified = r.time()
	case "published":
		v.Published = r.time()
	case "withdrawn":
		v.Withdrawn = r.time()
	case "aliases":
		v.Aliases = r.ids()
	case "related":
		v.Related = r.ids()
	case "upstream":
		v.Upstream = r.ids()
	case "summary":
		v.Summary = r.Text()
	case "severity":
		r.severities = r.readSeverities(r.severities)
	case "affected":
		for ok := r.List(); ok && r.Element(); {
			r.affected()
		}
	case "database_specific":
		for ok := r.specific(); ok && r.Member(); {
			switch string(r.Name()) {
			case "severity":
				r.word = r.textIfText()
			case "source":
				r.from = r.textIfText()
			default:
				r.Skip()
			}
		}
	default:
		r.Skip()
	}
}

// specific enters a database_specific or ecosystem_specific object, whose members are
// anybody's: the wrong type is not worth a warning there.
func (r *reader) specific() bool {
	if r.IsObject() {
		return r.Object()
	}
	r.Skip()
	return false
}

// textIfText takes a string and skips an object or array without a warning.
func (r *reader) textIfText() string {
	if r.IsObject() || r.IsArray() {
		r.Skip()
		return ""
	}
	return r.Text()
}

// time takes a time. Impossible ones are so common (every record of the Go project says
// year 1) that only those that cannot be read at all are worth a warning.
func (r *reader) time() time.Time {
	s := r.Text()
	t, err := lenient.Time(s)
	if errors.Is(err, lenient.ErrNoTime) {
		r.warn("bad-time", r.Pointer(), "%.60q is no time (2006-01-02T15:04:05Z); it is not used", s)
	}
	return t
}

// ids takes a list of ids: sorted, distinct.
func (r *reader) ids() []string {
	list := r.Texts()
	out := list[:0]
	for _, id := range list {
		if len(id) > normalize.MaxID {
			r.warn("bad-id", r.Pointer(), "an id of %d bytes is not used", len(id))
			continue
		}
		out = append(out, normalize.VulnID(id))
	}
	return distinct(out)
}

// distinct sorts a list and takes out doubles; an empty one is nil.
func distinct(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func pointerTo(i int) string { return "/" + strconv.Itoa(i) }
