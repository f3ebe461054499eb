package bench

import "slices"

// Load is what the rounds over one load come to.
type Load struct {
	Name string `json:"load"`
	// Ratio is the import to the floor by the clock, TimeRatio by the processor time of both
	// sides; DupSpeedup duplicates to the import, DupToSum to sha256sum.
	Ratio      Span `json:"ratio"`
	TimeRatio  Span `json:"cpu_ratio"`
	DupSpeedup Span `json:"duplicates_speedup"`
	DupToSum   Span `json:"duplicates_to_sha256sum"`
	// PeakRSS is the largest of the importer in any round, in bytes.
	PeakRSS int64 `json:"peak_rss_bytes"`
}

// Span is a figure over several rounds.
type Span struct {
	Least  float64 `json:"least"`
	Median float64 `json:"median"`
	Most   float64 `json:"most"`
}

func span(rounds []Round, figure func(Round) float64) Span {
	list := make([]float64, len(rounds))
	for i, r := range rounds {
		list[i] = figure(r)
	}
	slices.Sort(list)
	return Span{list[0], list[len(list)/2], list[len(list)-1]}
}

func summary(load string, rounds []Round) Load {
	l := Load{
		Name:       load,
		Ratio:      span(rounds, func(r Round) float64 { return r.Ratio }),
		TimeRatio:  span(rounds, func(r Round) float64 { return r.TimeRatio }),
		DupSpeedup: span(rounds, func(r Round) float64 { return r.DupSpeedup }),
		DupToSum:   span(rounds, func(r Round) float64 { return r.DupToSum }),
	}
	for _, r := range rounds {
		l.PeakRSS = max(l.PeakRSS, r.Import.PeakRSS, r.Duplicates.PeakRSS)
	}
	return l
}
