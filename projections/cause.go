package projections

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"sluice/internal/id"
)

// Causes of a projection: what came.
const (
	causeSBOM     = "sbom"     // another document is current in a stream
	causeVEX      = "vex"      // a document with statements
	causeFacts    = "vuln"     // the tenant's own vulnerability records
	causeFeed     = "feed"     // records of the shared feed
	causeDecision = "decision" // somebody decided
	causeArtifact = "artifact" // the artifact was retired or revived
)

// cause is what a change is put down to: a document, or all records of one scan run.
type cause struct {
	kind     string
	run      int64  // 0: no scan run, or not known
	document id.ID  // of an SBOM or a VEX document
	artifact string // purl, of an SBOM
}

func (c cause) compare(o cause) int {
	if n := strings.Compare(c.kind, o.kind); n != 0 {
		return n
	}
	if c.run != o.run {
		return int(min(1, max(-1, c.run-o.run)))
	}
	return c.document.Compare(o.document)
}

// currentDocument is a document that has become the current one of its stream.
type currentDocument struct {
	Artifact   id.ID
	Stream     string
	Purl       string
	Document   id.ID
	Previous   *id.ID // the one whose place it took
	Run        int64
	Components int
	StoredAt   time.Time
	Moved      bool // false: it was current before, and was said again

	added, removed int64
}

// runs says where the things that a batch looks at came from. Nothing that is projected
// depends on it.
type runs struct {
	current   []currentDocument
	sboms     map[id.ID]cause  // by artifact: of its first stream, where it has several
	vex       map[id.ID]cause  // by document
	vexHashes map[string]cause // by content hash, as said.Document has it
	origins   map[id.ID]string // of documents
	facts     map[string]int64 // external id of a record of the tenant's -> scan run
	feed      map[string]int64 // the same for the shared feed
	feedVulns map[string]int64 // vulnerability whose group changed in the shared feed -> scan run
	decided   map[string]bool  // vulnerability
	beaten    int64            // versions of records that count no more
}

func newRuns() runs {
	return runs{
		sboms: map[id.ID]cause{}, vex: map[id.ID]cause{}, vexHashes: map[string]cause{}, origins: map[id.ID]string{},
		facts: map[string]int64{}, feed: map[string]int64{}, feedVulns: map[string]int64{}, decided: map[string]bool{},
	}
}

func (r *runs) addCurrent(list []currentDocument) {
	slices.SortFunc(list, func(a, b currentDocument) int {
		if n := a.Artifact.Compare(b.Artifact); n != 0 {
			return n
		}
		return strings.Compare(a.Stream, b.Stream)
	})
	r.current = list
	for _, d := range list {
		if _, ok := r.sboms[d.Artifact]; !ok {
			r.sboms[d.Artifact] = d.cause()
		}
	}
}

func (d currentDocument) cause() cause { return cause{causeSBOM, d.Run, d.Document, d.Purl} }

func (r *runs) addOrigin(document id.ID, origin string, run int64, hash []byte, asVEX bool) {
	r.origins[document] = origin
	if asVEX {
		c := cause{kind: causeVEX, run: run, document: document}
		r.vex[document], r.vexHashes["sha256:"+hex.EncodeToString(hash)] = c, c
	}
}

// newestFact is the newest scan run that brought records of the tenant's.
func (r *runs) newestFact() (run int64) { return newest(r.facts) }

func newest(m map[string]int64) (run int64) {
	for _, n := range m {
		run = max(run, n)
	}
	return run
}

// causeOf says what a change of a finding is put down to. Several things that come
// together may each have brought it about: what is nearest to the finding counts. First its
// artifact's new SBOM, then the document whose statement decides it, records that cover it,
// a decision.
func (b *batch) causeOf(ch change) cause {
	r := &b.runs
	if c, ok := r.sboms[ch.any().Artifact]; ok {
		return c
	}
	if b.artifacts[ch.any().Artifact] {
		return cause{kind: causeArtifact}
	}
	if c, ok := r.byStatement(ch.new); ok {
		return c
	}
	for _, f := range []*finding{ch.new, ch.old} {
		if f == nil {
			continue
		}
		for _, advisory := range f.Advisories {
			if run, ok := r.facts[advisory]; ok {
				return cause{kind: causeFacts, run: run}
			}
			if run, ok := r.feed[advisory]; ok {
				return cause{kind: causeFeed, run: run}
			}
		}
		for _, name := range append([]string{f.VulnID}, f.Aliases...) {
			if r.decided[name] {
				return cause{kind: causeDecision}
			}
			if run, ok := r.feedVulns[name]; ok {
				return cause{kind: causeFeed, run: run}
			}
		}
	}
	return r.any()
}

// byStatement finds the document of the batch whose statement decides the finding.
func (r *runs) byStatement(f *finding) (cause, bool) {
	if len(r.vexHashes) == 0 || f == nil || f.VEX == nil || !bytes.Contains(f.VEX, []byte(`"document"`)) {
		return cause{}, false
	}
	var v said
	if json.Unmarshal(f.VEX, &v) != nil {
		return cause{}, false
	}
	c, ok := r.vexHashes[v.Document]
	return c, ok
}

// any is one thing that came, for a change that none of them names: a statement that was
// overruled, an alias that joined two groups.
func (r *runs) any() cause {
	var list []cause
	for _, c := range r.vex {
		list = append(list, c)
	}
	switch {
	case len(list) > 0:
		return slices.MinFunc(list, cause.compare)
	case len(r.facts) > 0:
		return cause{kind: causeFacts, run: newest(r.facts)}
	case len(r.feed) > 0 || len(r.feedVulns) > 0:
		return cause{kind: causeFeed, run: max(newest(r.feed), newest(r.feedVulns))}
	case len(r.decided) > 0:
		return cause{kind: causeDecision}
	case len(r.current) > 0:
		return r.current[0].cause()
	}
	return cause{kind: causeSBOM} // an artifact whose stream another batch brought up to date
}

// causeList numbers the causes of the changes of one chunk.
type causeList []cause

func (l *causeList) index(c cause) int {
	if i := slices.Index(*l, c); i >= 0 {
		return i
	}
	*l = append(*l, c)
	return len(*l) - 1
}
