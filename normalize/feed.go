package normalize

import "time"

// Feed is what a document of a feed says that comes whole: each of its documents says everything
// there is, so the newest speaks alone. Newer is decided by Document.Time.
type Feed struct {
	// Name is FeedEPSS or FeedKEV.
	Name string
	// Version is the feed's own word for it: the version of the model, of the catalogue. May be "".
	Version string
	// LastAdded stands in for the time of a document that has none (KEV as CSV): when the youngest
	// of its entries was added.
	LastAdded time.Time
	// Scores are the lines of EPSS, sorted by VulnID, each once.
	Scores []Score
	// Exploited are the entries of KEV, sorted by VulnID, each once.
	Exploited []Exploited
}

// The feeds that come whole.
const (
	FeedEPSS = "epss"
	FeedKEV  = "kev"
)

// Entries is how many vulnerabilities the document speaks of.
func (f *Feed) Entries() int { return len(f.Scores) + len(f.Exploited) }

// Score says how likely a vulnerability is exploited within 30 days.
type Score struct {
	VulnID string
	// Score is the probability, Percentile the share of all vulnerabilities that are not more
	// likely; both from 0 to 1.
	Score, Percentile float32
}

// Exploited is a vulnerability that is known to be exploited.
type Exploited struct {
	VulnID     string
	Name       string
	Added, Due time.Time // days; zero where the catalogue does not say
	Ransomware bool      // known to be used in ransomware campaigns
	Action     string    // what is required
}
