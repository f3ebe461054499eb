package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"sluice/ingest"
	"sluice/ingest/files"
)

// progress is the bar of an import: rate, time to go, outcomes. Without a terminal
// there is none.
type progress struct {
	bar  *progressbar.ProgressBar
	src  *files.Source
	last time.Time
}

func newProgress(w io.Writer, src *files.Source) *progress {
	p := &progress{src: src}
	if terminal(w) {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true),
			progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetDescription("importing"))
	}
	return p
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
