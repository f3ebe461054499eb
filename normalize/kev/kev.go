// Package kev reads CISA's catalogue of known exploited vulnerabilities, as JSON and as CSV.
//
// Each edition lists everything, so an entry that is missing was taken out. The CSV does not say
// when it was released; the day when its youngest entry was added stands in for that, and is
// never later than the release.
package kev

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// JSON reads the catalogue as JSON.
type JSON struct{}

// Name implements normalize.Format.
func (JSON) Name() string { return "kev-json" }

// Detect implements normalize.Format.
func (JSON) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.JSON && h.Members["/vulnerabilities"] == "[" &&
		(h.Has("/catalogVersion") || strings.Contains(h.Members["/title"], "Known Exploited Vulnerabilities"))
}

// Normalize implements normalize.Format.
func (f JSON) Normalize(in normalize.Input) (*normalize.Document, error) {
	c := newCatalogue(f.Name(), in)
	r := lenient.New(in.Bytes, "", c.doc.Warn)
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "title":
			c.doc.ID = r.Text()
		case "catalogVersion":
			c.doc.Feed.Version = r.Text()
			c.doc.FormatVersion = c.doc.Feed.Version
		case "dateReleased":
			c.doc.Time = r.Time()
		case "vulnerabilities":
			for ok := r.List(); ok && r.Element(); {
				c.read(r)
			}
		default:
			r.Skip()
		}
	}
	r.End()
	if r.Failed() {
		return nil, r.Err()
	}
	return c.finish()
}

// catalogue collects entries.
type catalogue struct {
	doc   *normalize.Document
	limit int
}

func newCatalogue(format string, in normalize.Input) *catalogue {
	return &catalogue{
		doc:   &normalize.Document{Kind: normalize.Vuln, Format: format, Issuer: "CISA", Feed: &normalize.Feed{Name: normalize.FeedKEV}},
		limit: in.Limits.OrDefault().MaxComponents,
	}
}

// read reads an entry of the JSON.
func (c *catalogue) read(r *lenient.Reader) {
	var e normalize.Exploited
	entered := r.IsObject()
	for ok := r.Object(); ok && r.Member(); {
		name := string(r.Name())
		switch name {
		case "cveID", "vulnerabilityName", "dateAdded", "dueDate", "knownRansomwareCampaignUse", "requiredAction":
			value := r.Text()
			c.set(&e, name, value, r.Pointer())
		default:
			r.Skip()
		}
	}
	if entered && !r.Failed() {
		if len(c.doc.Feed.Exploited) >= c.limit {
			r.Fail(normalize.Park(normalize.ReasonTooMany, r.Pointer(), "more than %d entries", c.limit))
			return
		}
		c.add(e, r.Pointer())
	}
}

// set takes one value of an entry, by the name that it has in both notations.
func (c *catalogue) set(e *normalize.Exploited, name, value, at string) {
	switch name {
	case "cveID":
		e.VulnID = normalize.VulnID(value)
	case "vulnerabilityName":
		e.Name = value
	case "dateAdded":
		e.Added = c.day(value, at)
	case "dueDate":
		e.Due = c.day(value, at)
	case "knownRansomwareCampaignUse":
		e.Ransomware = strings.EqualFold(value, "known")
	case "requiredAction":
		e.Action = value
	}
}

func (c *catalogue) day(s, at string) time.Time {
	t, err := lenient.Time(s)
	if err != nil {
		c.doc.Warn("bad-time", at, "%.60q is no day (2006-01-02); it is not used", s)
	}
	return t
}

func (c *catalogue) add(e normalize.Exploited, at string) {
	if e.VulnID == "" || len(e.VulnID) > normalize.MaxID {
		c.doc.Warn("bad-id", at, "an entry without the id of a vulnerability (cveID) is not used")
		return
	}
	c.doc.Feed.Exploited = append(c.doc.Feed.Exploited, e)
}

// finish sorts the entries; of several for one vulnerability the last counts.
func (c *catalogue) finish() (*normalize.Document, error) {
	feed := c.doc.Feed
	if len(feed.Exploited) == 0 {
		// An empty catalogue would take back every entry there is. Nobody has released one.
		return nil, normalize.Park(normalize.ReasonInvalid, "", "the catalogue lists no vulnerability")
	}
	slices.SortStableFunc(feed.Exploited, func(a, b normalize.Exploited) int { return strings.Compare(a.VulnID, b.VulnID) })
	list := feed.Exploited[:0]
	for i, e := range feed.Exploited {
		if e.Added.After(feed.LastAdded) {
			feed.LastAdded = e.Added
		}
		if i+1 < len(feed.Exploited) && feed.Exploited[i+1].VulnID == e.VulnID {
			c.doc.Warn("duplicate-id", "", "%s is there more than once; the last entry counts", e.VulnID)
			continue
		}
		list = append(list, e)
	}
	feed.Exploited = list
	return c.doc, nil
}

func place(line int) string { return strconv.Itoa(line) + ":1" }
