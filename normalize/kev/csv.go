package kev

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"

	"sluice/normalize"
)

// CSV reads the catalogue as CSV.
type CSV struct{}

// Name implements normalize.Format.
func (CSV) Name() string { return "kev-csv" }

// Detect implements normalize.Format.
func (CSV) Detect(h *normalize.Head) bool {
	return slices.Contains(h.Columns, "cveID") && slices.Contains(h.Columns, "dateAdded")
}

// Normalize implements normalize.Format.
func (f CSV) Normalize(in normalize.Input) (*normalize.Document, error) {
	c := newCatalogue(f.Name(), in)
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(in.Bytes, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord, r.ReuseRecord, r.LazyQuotes = -1, true, true
	var columns []string
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			return nil, normalize.Park(normalize.ReasonSyntax, place(max(line, 1)), "not well-formed CSV: %w", err)
		}
		if columns == nil {
			columns = slices.Clone(record)
			for i := range columns {
				columns[i] = strings.TrimSpace(columns[i])
			}
			continue
		}
		if len(c.doc.Feed.Exploited) >= c.limit {
			return nil, normalize.Park(normalize.ReasonTooMany, place(line), "more than %d entries", c.limit)
		}
		if len(record) != len(columns) {
			c.doc.Warn("bad-line", place(line), "%d values where %d columns are", len(record), len(columns))
		}
		var e normalize.Exploited
		for i, value := range record[:min(len(record), len(columns))] {
			c.set(&e, columns[i], strings.Clone(strings.TrimSpace(value)), place(line))
		}
		c.add(e, place(line))
	}
	return c.finish()
}
