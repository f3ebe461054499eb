package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"sluice/render/grid"
)

// listing says how a list fits a terminal. In a file or a pipe nothing is cut: not its columns, and not its rows, unless
// --limit says so.
type listing struct {
	wide []string // columns that are cut, with … in their middle
	drop []string // columns that are left out where that is not enough, the first ones first
}

// leastRows is how many rows a list has on the smallest of terminals.
const leastRows = 20

// screen is how many rows a list has where nobody said how many: as many as the terminal shows, with a head and what is
// said below; 0, which is all, where there is none.
func (a *app) screen() int {
	f, ok := a.stdout.(*os.File)
	if a.output != "table" || !ok || !term.IsTerminal(int(f.Fd())) || a.cmd != nil && a.origins["limit"].rank != byDefault {
		return 0
	}
	_, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return max(leastRows, height-4)
}

// cut shortens a list to --limit, else to the screen, and says how many rows there are not.
func cut[T any](a *app, list []T, limit int) (shown []T, more int) {
	if limit == 0 {
		limit = a.screen()
	}
	if limit == 0 || len(list) <= limit {
		return list, 0
	}
	return list[:limit], len(list) - limit
}

// moreBelow says how many rows are not shown, and how they are.
func (a *app) moreBelow(more int, noun string) {
	if more > 0 && a.output == "table" {
		a.note("%d more %s; --limit 0 lists all", more, noun)
	}
}

// printListing is print for a list that fits the terminal.
func (a *app) printListing(t *table, list any, l listing) error {
	width := widthOf(a.stdout)
	if width == 0 || a.output != "table" || len(t.rows) == 0 {
		return a.print(t, list)
	}
	g := grid.New(a.stdout, t.head, width, l.wide...)
	g.Drop(l.drop...)
	for _, row := range t.rows {
		if err := g.Add(row...); err != nil {
			return err
		}
	}
	if err := g.Close(); err != nil {
		return err
	}
	a.leftOut(g.Dropped())
	return nil
}

// leftOut says which columns did not fit the terminal.
func (a *app) leftOut(columns []string) {
	if len(columns) > 0 {
		fmt.Fprintf(a.stderr, "too narrow for the columns %s; --output csv has them\n", strings.Join(columns, ", "))
	}
}
