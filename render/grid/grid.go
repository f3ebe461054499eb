// Package grid writes rows of text as a table: for people at a terminal, cut to its width; for files and
// pipes, whole; and in Markdown.
//
// A table is written as it comes. Its columns get the widths of the first rows, so a list of millions takes no
// more memory than those.
package grid

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Table writes a table. Make one with New, add rows, and Close it.
type Table struct {
	w      *bufio.Writer
	head   []string
	width  int // of the terminal; 0 is none
	wide   []bool
	drop   []string   // the first of these first
	left   []string   // columns that are left out
	out    []bool     // which those are
	rows   [][]string // until the widths are known
	widths []int
	err    error
}

// first is how many rows decide about the widths.
const first = 2_000

// gap is between two columns, least what a column that is cut is left with.
const (
	gap   = 2
	least = 12
)

// New makes a table with a head. Where width is not 0 no line is longer: the columns that wide names are cut, in
// their middle, for the beginning and the end of a name tell most. Nothing else is, and nothing without a width.
func New(w io.Writer, head []string, width int, wide ...string) *Table {
	t := &Table{w: bufio.NewWriter(w), head: head, width: width}
	for _, h := range head {
		t.wide = append(t.wide, slices.Contains(wide, h))
	}
	return t
}

// Drop has columns left out, the first ones first, where a line is too long for the terminal even when all that may be
// cut is. Dropped says which.
func (t *Table) Drop(columns ...string) { t.drop = columns }

// Dropped are the columns that were left out, of a table that is closed.
func (t *Table) Dropped() []string { return t.left }

// Add adds a row, with a cell for every column.
func (t *Table) Add(cells ...string) error {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = Printable(c)
	}
	if t.widths != nil {
		t.line(row)
		return t.err
	}
	if t.rows = append(t.rows, row); len(t.rows) == first {
		t.settle()
	}
	return t.err
}

// Close writes what is left. A table without rows is nothing, not even a head.
func (t *Table) Close() error {
	if len(t.rows) > 0 {
		t.settle()
	}
	if err := t.w.Flush(); t.err == nil {
		t.err = err
	}
	return t.err
}

// settle decides about the widths, and writes what waited for them.
func (t *Table) settle() {
	head := make([]string, len(t.head))
	t.widths = make([]int, len(t.head))
	for i, h := range t.head {
		head[i] = strings.ToUpper(h)
		t.widths[i] = utf8.RuneCountInString(h)
		for _, row := range t.rows {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	t.out = make([]bool, len(t.head))
	t.fit()
	t.line(head)
	for _, row := range t.rows {
		t.line(row)
	}
	t.rows = nil
}

// fit leaves columns out until what may be cut can be cut enough, and then takes from the widest of these until the
// line fits.
func (t *Table) fit() {
	if t.width == 0 {
		return
	}
	for _, name := range t.drop {
		if i := slices.Index(t.head, name); t.narrowest() > t.width && i >= 0 {
			t.out[i] = true
			t.left = append(t.left, name)
		}
	}
	total := -gap
	for i, n := range t.widths {
		if !t.out[i] {
			total += n + gap
		}
	}
	for ; total > t.width; total-- {
		widest := -1
		for i, n := range t.widths {
			if t.wide[i] && !t.out[i] && n > t.least(i) && (widest < 0 || n > t.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		t.widths[widest]--
	}
}

// least is what column i is left with when it is cut.
func (t *Table) least(i int) int { return max(least, utf8.RuneCountInString(t.head[i])) }

// narrowest is how long a line is when all is cut that may be.
func (t *Table) narrowest() int {
	total := -gap
	for i, n := range t.widths {
		switch {
		case t.out[i]:
		case t.wide[i]:
			total += gap + min(n, t.least(i))
		default:
			total += gap + n
		}
	}
	return total
}

func (t *Table) line(row []string) {
	var line strings.Builder
	last := len(row) - 1
	for t.out[last] && last > 0 {
		last--
	}
	for i, c := range row[:last+1] {
		if t.out[i] {
			continue
		}
		if t.width > 0 && t.wide[i] {
			c = Cut(c, t.widths[i])
		}
		line.WriteString(c)
		if i < last {
			line.WriteString(strings.Repeat(" ", max(0, t.widths[i]-utf8.RuneCountInString(c))+gap))
		}
	}
	if _, err := t.w.WriteString(strings.TrimRight(line.String(), " ") + "\n"); t.err == nil {
		t.err = err
	}
}

// Cut shortens a text to so many characters, with … in its middle.
func Cut(s string, width int) string {
	runes := []rune(s)
	if len(runes) <= width || width < 1 {
		return s
	}
	end := (width - 1) / 2
	return string(runes[:width-1-end]) + "…" + string(runes[len(runes)-end:])
}

// Printable keeps what a document says from steering the terminal or the table.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// Markdown writes a table as GitHub shows it.
type Markdown struct{ w *bufio.Writer }

// NewMarkdown writes the head of a table.
func NewMarkdown(w io.Writer, head []string) *Markdown {
	m := &Markdown{bufio.NewWriter(w)}
	_ = m.Add(head...)
	_, _ = m.w.WriteString("|" + strings.Repeat("---|", len(head)) + "\n")
	return m
}

// inMarkdown are the characters that would mean something in a cell: a name is to be read, whatever it is.
var inMarkdown = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`, "~", `\~`)

// Add writes a row.
func (m *Markdown) Add(cells ...string) error {
	for _, c := range cells {
		_, _ = m.w.WriteString("| " + inMarkdown.Replace(Printable(c)) + " ")
	}
	_, err := m.w.WriteString("|\n")
	return err
}

// Close writes what is left.
func (m *Markdown) Close() error { return m.w.Flush() }

// Note writes a paragraph below a table that is closed.
func (m *Markdown) Note(text string) error {
	_, _ = m.w.WriteString("\n> " + inMarkdown.Replace(Printable(text)) + "\n")
	return m.w.Flush()
}
