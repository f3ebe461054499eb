package vex

import (
	"bytes"
	"cmp"
	"strings"
	"time"
)

// Document is what is known of a document with statements, apart from what it says.
type Document struct {
	ID ID
	// Series is what all versions of the document share; "" where it is the only one.
	Series string
	// Rank orders the versions of a series by its bytes; "" is the least. A draft has a lower
	// one than every document that is none: see Rank.
	Rank string
	// Time is the document's own, else that of the message or file; zero where nobody knows.
	Time time.Time
	Hash []byte // content hash

	// SBOM is true where the statements stand inside an SBOM. Which document of a stream is
	// current decides about those, and its series counts there, not here.
	SBOM bool
	// Current is true of an SBOM that is the current one of its stream, itself or by a twin.
	Current bool
	// Said is when an SBOM that is current was said last: its own time, or that of a twin.
	Said time.Time
}

// Rank is the rank of a version for Document: a draft comes before everything that is
// published, whatever its number. So it counts only while there is nothing else.
func Rank(versionRank, status string) string {
	if status == "draft" {
		return "0" + versionRank
	}
	return "1" + versionRank
}

// Newer compares two documents of one series: by version, then by time, then by content
// hash. Never by arrival.
func Newer(a, b *Document) int {
	return cmp.Or(strings.Compare(a.Rank, b.Rank), a.Time.Compare(b.Time), bytes.Compare(a.Hash, b.Hash))
}

// Reason is a stable word for why a statement is not in force.
type Reason string

// Why statements, and decisions, do not decide.
const (
	// EndedVersion: its document has a newer version, which speaks in its place.
	EndedVersion Reason = "vex_superseded_version"
	// EndedSBOM: it stands in an SBOM that is not the current one of its stream.
	EndedSBOM Reason = "sbom_not_current"

	// EndedDate: the decision was to hold until a date, which has passed.
	EndedDate Reason = "decision_expired"

	LostTrust    Reason = "trust"    // its issuer is not trusted
	LostDecision Reason = "decision" // the tenant decided
	LostScope    Reason = "scope"    // another one is more specific
	LostTime     Reason = "time"     // another one is newer
	LostOrder    Reason = "order"    // a later one of the same document
	LostCaution  Reason = "caution"  // another one is more cautious
	LostHash     Reason = "hash"     // nothing told them apart but what their documents hash to
)

// Standing says whether a document speaks.
type Standing struct {
	Ended Reason    // "" while it does
	By    *Document // the version that replaced it
	// At is the time of its statements that have none of their own.
	At time.Time
}

// Settle says of each document whether it speaks. All documents of a series have to be given.
func Settle(documents []*Document) map[ID]Standing {
	newest := map[string]*Document{}
	for _, d := range documents {
		if d.SBOM || d.Series == "" {
			continue
		}
		if n := newest[d.Series]; n == nil || Newer(d, n) > 0 {
			newest[d.Series] = d
		}
	}
	out := make(map[ID]Standing, len(documents))
	for _, d := range documents {
		s := Standing{At: d.Time}
		switch n := newest[d.Series]; {
		case d.SBOM && !d.Current:
			s.Ended = EndedSBOM
		case d.SBOM:
			s.At = d.Said
		case n != nil && n != d && n.ID != d.ID:
			s.Ended, s.By = EndedVersion, n
		}
		out[d.ID] = s
	}
	return out
}
