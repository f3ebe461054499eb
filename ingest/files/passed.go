package files

import "sync"

// Passed is something that belongs to documents and is none: a check sum, a signature, a list of files.
type Passed struct {
	Origin string `json:"origin"`
	What   string `json:"what"`
}

// maxPassed is how many are listed; the rest is counted.
const maxPassed = 1000

// passed are those of a source.
type passed struct {
	mu    sync.Mutex
	list  []Passed
	count int64
}

func (p *passed) add(origin, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count++; len(p.list) < maxPassed {
		p.list = append(p.list, Passed{origin, what})
	}
}

// PassedOver returns what was passed over so far: how many, and the first thousand.
func (s *Source) PassedOver() (count int64, list []Passed) {
	s.passed.mu.Lock()
	defer s.passed.mu.Unlock()
	return s.passed.count, append([]Passed{}, s.passed.list...)
}
