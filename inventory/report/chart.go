package report

import (
	"fmt"
	"strings"
	"time"
)

// The trend is drawn in a box of this size, with room for labels to the left and below.
const (
	chartWidth, chartHeight = 720.0, 200.0
	chartLeft, chartBottom  = 56.0, 24.0
	chartTop                = 10.0
)

// curve is the trend as a chart draws it.
type curve struct {
	Line, Area string // of an SVG path
	Ticks      []tick // at the left
	Days       []tick // below
}

type tick struct {
	At     string // x or y
	Text   string
	Anchor string // start, middle, end: so that the first and the last stay in the picture
}

// curveOf draws the trend from zero up: what looks like half is half.
func curveOf(trend []Point) curve {
	var c curve
	if len(trend) == 0 {
		return c
	}
	var most int64
	for _, p := range trend {
		most = max(most, p.Open)
	}
	top := roundUp(most)
	x := func(i int) float64 {
		if len(trend) == 1 {
			return chartWidth
		}
		return chartLeft + (chartWidth-chartLeft)*float64(i)/float64(len(trend)-1)
	}
	y := func(n int64) float64 {
		return chartTop + (chartHeight-chartBottom-chartTop)*(1-float64(n)/float64(top))
	}
	var line strings.Builder
	for i, p := range trend {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		fmt.Fprintf(&line, "%s%.1f %.1f", verb, x(i), y(p.Open))
	}
	c.Line = line.String()
	c.Area = fmt.Sprintf("%sL%.1f %.1fL%.1f %.1fZ", c.Line, x(len(trend)-1), y(0), x(0), y(0))
	for i := range int64(5) {
		n := top * i / 4
		if i > 0 && n == top*(i-1)/4 {
			continue
		}
		c.Ticks = append(c.Ticks, tick{fmt.Sprintf("%.1f", y(n)), Number(n), "end"})
	}
	last := len(trend) - 1
	for i := range int(min(5, len(trend))) {
		at, anchor := 0, "start"
		if i > 0 {
			at, anchor = last*i/min(4, last), "middle"
		}
		if at == last {
			anchor = "end"
		}
		c.Days = append(c.Days, tick{fmt.Sprintf("%.1f", x(at)), trend[at].Day.Format("2 Jan"), anchor})
	}
	return c
}

// roundUp is the next number that divides well into four: 4, 8, 20, 40, 80, 200 …
func roundUp(n int64) int64 {
	for step := int64(4); ; step *= 10 {
		for _, f := range []int64{1, 2, 5} {
			if step*f >= n {
				return step * f
			}
		}
	}
}

// Number writes a number so that its thousands can be read: 1 234 567, with spaces that do not break.
func Number(n int64) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 && s[i-1] != '-' {
			b.WriteRune('\u00a0')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// share is a part of a whole in percent, to one place; 0 of nothing.
func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// weeks are the points that the table of the trend has: the last of each seven days, back from today.
func weeks(trend []Point) []Point {
	var out []Point
	for end := len(trend); end > 0; end -= 7 {
		p := trend[end-1]
		for _, d := range trend[max(0, end-7) : end-1] {
			p.Opened, p.Ended = p.Opened+d.Opened, p.Ended+d.Ended
		}
		out = append(out, p)
	}
	return out
}

func date(t time.Time) string { return t.Format(time.DateOnly) }
