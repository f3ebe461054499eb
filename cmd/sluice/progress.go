package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"sluice/ingest"
	"sluice/ingest/files"
)

// progress is the bar of an import: rate, time to go, outcomes; and, with --wait, a second one of the projection,
// which has a rate and a time to go of its own. Without a terminal there is none.
type progress struct {
	w         io.Writer
	bar, jobs *progressbar.ProgressBar
	src       *files.Source
	last      time.Time
}

func newProgress(w io.Writer, src *files.Source) *progress {
	p := &progress{w: w, src: src}
	if terminal(w) {
		p.bar = newBar(w, "importing", progressbar.OptionShowBytes(true))
	}
	return p
}

func newBar(w io.Writer, what string, options ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(-1, append(options,
		progressbar.OptionSetWriter(w), progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetDescription(what))...)
}

// project shows how far the projection is. How many jobs there are changes while they are done: one finds others.
func (p *progress) project(done, left int64) {
	if p.bar == nil {
		return
	}
	if p.jobs == nil {
		p.jobs = newBar(p.w, "projecting", progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("jobs"))
	}
	if left == 0 {
		_ = p.jobs.Finish()
		return
	}
	p.jobs.ChangeMax64(done + left)
	_ = p.jobs.Set64(done)
}

func (p *progress) show(c *ingest.Counts) {
	if p.bar == nil || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last = time.Now()
	read, total, known := p.src.Progress()
	if known && total > 0 && p.bar.GetMax64() != total {
		p.bar.ChangeMax64(total)
	}
	p.bar.Describe(fmt.Sprintf("%d documents: %d accepted, %d duplicate, %d unchanged, %d parked", c.Documents, c.Accepted, c.Duplicate, c.Unchanged, c.Parked))
	_ = p.bar.Set64(min(read, max(total, read)))
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
