package fair

import (
	"sync"
	"time"
)

// Pace finds out how much can be done at once within a time: what took too long is cut down to what
// fits, to an eighth at most, and what took less than half of it is doubled.
type Pace struct {
	target     time.Duration
	least, all int

	mu  sync.Mutex
	now int
}

// NewPace begins with first, and stays between least and all. Without a target it is always all.
func NewPace(target time.Duration, least, first, all int) *Pace {
	if target <= 0 {
		first = all
	}
	return &Pace{target: target, least: min(least, all), all: all, now: min(max(first, least), all)}
}

// Size is how much to do at once.
func (p *Pace) Size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// Took says how long so much took.
func (p *Pace) Took(size int, d time.Duration) {
	if p.target <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case d > p.target:
		// By size and not by what is set now: batches that began before it was made smaller say
		// nothing about the smaller ones.
		fits := int(float64(size) * float64(p.target) / float64(d))
		p.now = max(min(p.now, max(fits, size/8)), p.least)
	case d < p.target/2 && size >= p.now/2:
		p.now = min(p.now*2, p.all)
	}
}
