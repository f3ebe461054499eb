package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"sluice/render/grid"
)

// table is a result for people and for CSV.
type table struct {
	head  []string
	rows  [][]string
	empty string // what to say, on standard error, when there are no rows
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the result in the form of --output. list is its JSON form.
func (a *app) print(t *table, list any) error {
	switch a.output {
	case "json":
		return printJSON(a.stdout, list)
	case "csv":
		w := csv.NewWriter(a.stdout)
		heads := make([]string, len(t.head))
		for i, h := range t.head {
			heads[i] = csvHead(h)
		}
		_ = w.Write(heads)
		_ = w.WriteAll(t.rows)
		return w.Error()
	}
	if len(t.rows) == 0 {
		if t.empty != "" {
			a.note("%s", t.empty)
		}
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(t.head, "\t")))
	for _, row := range t.rows {
		for i := range row {
			row[i] = printable(row[i])
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// csvHead is the head of a column in CSV: named as the member in JSON is, without blanks.
func csvHead(head string) string {
	if head == "fixed in" {
		return "fixed_versions"
	}
	return strings.ReplaceAll(head, " ", "_")
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printable keeps what a document says from steering the terminal.
func printable(s string) string { return grid.Printable(s) }

// printWide is print for a table that is cut to the width of the terminal in the columns that wide names, and
// that Markdown may be made of.
func (a *app) printWide(t *table, list any, wide ...string) error {
	if len(t.rows) == 0 || a.output == "json" || a.output == "csv" {
		return a.print(t, list)
	}
	var w rows = grid.New(a.stdout, t.head, widthOf(a.stdout), wide...)
	if a.output == "markdown" {
		w = grid.NewMarkdown(a.stdout, t.head)
	}
	for _, row := range t.rows {
		if err := w.Add(row...); err != nil {
			return err
		}
	}
	return w.Close()
}

// terminal reports whether w is a terminal: only then are there progress bars.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// widthOf is how many characters a line of w has: 0 where it is no terminal.
func widthOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// orEmpty makes the JSON of a nil list [].
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// optional prints what may be missing; then the cell is empty.
func optional[T fmt.Stringer](v *T) string {
	if v == nil {
		return ""
	}
	return (*v).String()
}
