package vitals

import "time"

// The limits, as docs/operations.md has them; TestThresholdsDocumented compares.
const (
	slowMean, verySlowMean   = 1.0, 10.0     // seconds for a statement on average
	cacheReads               = 10_000        // pages, before a ratio says anything
	fewHits, veryFewHits     = 0.95, 0.80    // of reads
	deadRows                 = 10_000        // before a share says anything
	muchDead, veryMuchDead   = 0.2, 0.5      // of all rows
	bloatBytes               = 100 << 20     // of a table or index, before a share says anything
	muchBloat, veryMuchBloat = 0.5, 0.8      // of its pages
	unusedBytes              = 1 << 20       // smaller indexes are not listed
	unusedAfter              = 7 * 24        // hours of counting
	oldTransaction, veryOld  = 300.0, 3600.0 // seconds
	longWait, veryLongWait   = 5.0, 60.0     // seconds for a lock
	muchWAL, veryMuchWAL     = 1 << 30, 10 << 30
	transactionIDs           = 1 << 31
)

// Transactions since the oldest row was frozen. `sluice doctor` has the same limits.
const (
	WatchAge = 500_000_000
	ActAge   = 1_000_000_000
)

func between(value, watch, act float64) Verdict {
	switch {
	case value >= act:
		return Act
	case value >= watch:
		return Watch
	}
	return Fine
}

func statementVerdict(mean float64) Verdict { return between(mean, slowMean, verySlowMean) }

func cacheVerdict(hit, read int64) (ratio float64, v Verdict) {
	ratio = 1
	if hit+read > 0 {
		ratio = float64(hit) / float64(hit+read)
	}
	if hit+read < cacheReads {
		return ratio, Fine
	}
	switch {
	case ratio < veryFewHits:
		return ratio, Act
	case ratio < fewHits:
		return ratio, Watch
	}
	return ratio, Fine
}

func deadVerdict(live, dead int64) Verdict {
	if dead < deadRows {
		return Fine
	}
	return between(float64(dead)/float64(live+dead), muchDead, veryMuchDead)
}

func bloatVerdict(bytes int64, bloat *float64) Verdict {
	if bloat == nil || bytes < bloatBytes {
		return Fine
	}
	return between(*bloat, muchBloat, veryMuchBloat)
}

func unusedVerdict(bytes int64, counted time.Duration) Verdict {
	if bytes >= bloatBytes && counted >= unusedAfter*time.Hour {
		return Watch
	}
	return Fine
}

func transactionVerdict(seconds float64) Verdict { return between(seconds, oldTransaction, veryOld) }

func lockVerdict(seconds float64) Verdict { return between(seconds, longWait, veryLongWait) }

func slotVerdict(active bool, status string, bytes int64) Verdict {
	switch {
	case status == "lost" || status == "unreserved":
		return Act
	case !active && bytes < muchWAL:
		return Watch
	}
	return between(float64(bytes), muchWAL, veryMuchWAL)
}

func wraparoundVerdict(age int64) Verdict { return between(float64(age), WatchAge, ActAge) }
