package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	"golang.org/x/term"
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
		_ = w.Write(t.head)
		_ = w.WriteAll(t.rows)
		return w.Error()
	}
	if len(t.rows) == 0 {
		if t.empty != "" {
			fmt.Fprintln(a.stderr, t.empty)
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

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printable keeps what a document says from steering the terminal or the table.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// terminal reports whether w is a terminal: only then are there progress bars.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
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
