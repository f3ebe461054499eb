package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed page.html
var pageText string

// page is compiled once: a fault in it would fail every test.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"number": Number, "date": date,
	"percent": func(part, whole int64) string { return fmt.Sprintf("%.1f", share(part, whole)) },
	"epss": func(score *float32) string {
		if score == nil {
			return ""
		}
		return fmt.Sprintf("%.3f", *score)
	},
	"severities": func() [5]string { return Severities },
	"ages":       func() [5]string { return Ages },
}).Parse(pageText))

// Write writes the page.
func Write(w io.Writer, d Data) error {
	err := page.Execute(w, struct {
		*Data
		Curve curve
		Weeks []Point
	}{&d, curveOf(d.Trend), weeks(d.Trend)})
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
