package backup

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"

	"sluice/backup/storage"
)

// archive is the WAL that a store has of one cluster.
type archive struct {
	size      uint64
	segments  map[segment]storage.Object
	histories map[uint32]storage.Object // by the timeline that they lead to
	others    []storage.Object          // backup history files, partial segments
	switches  map[uint32][]switchPoint  // what the histories say
}

func readArchive(ctx context.Context, store storage.Store, keys Keys, system systemID, size uint64) (*archive, error) {
	objects, err := store.List(ctx, clusterDir(system)+"wal/")
	if err != nil {
		return nil, err
	}
	a := &archive{size: size, segments: map[segment]storage.Object{}, histories: map[uint32]storage.Object{}, switches: map[uint32][]switchPoint{}}
	for _, o := range objects {
		name := path.Base(o.Name)
		switch s, ok := parseSegment(name, size); {
		case ok:
			a.segments[s] = o
		case historyName.MatchString(name):
			n, _ := strconv.ParseUint(name[:8], 16, 32)
			a.histories[uint32(n)] = o
		default:
			a.others = append(a.others, o)
		}
	}
	for timeline, o := range a.histories {
		head, plain, err := readWAL(ctx, store, keys, o.Name)
		if err != nil {
			return nil, err
		}
		if plain == nil {
			continue // no key: where the timeline begins is not known
		}
		if a.switches[timeline], err = parseHistory(head.File, plain); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// gap is WAL that should be there.
type gap struct {
	object string // the first that is missing
	why    string
}

func (g gap) Error() string { return g.object + ": missing: " + g.why }

// missing finds the gaps: within each timeline, between a timeline and the one that it comes from, and
// at the beginning and end of each backup.
func (a *archive) missing(system systemID, backups []Backup) []gap {
	var gaps []gap
	miss := func(s segment, why string) {
		g := gap{walObject(system, s.name(a.size)), why}
		if !slices.ContainsFunc(gaps, func(o gap) bool { return o.object == g.object }) {
			gaps = append(gaps, g)
		}
	}
	for _, b := range backups {
		if b.WAL == None {
			continue
		}
		first, last := segmentOf(b.Timeline, b.Start, a.size), lastSegment(b.Timeline, b.Stop, a.size)
		for n := first.number; n <= last.number; n++ {
			s := segment{b.Timeline, n}
			if _, ok := a.segments[s]; !ok {
				miss(s, "backup "+b.ID+" needs it")
			}
		}
	}
	if len(backups) == 0 {
		return nil
	}
	first := segmentOf(0, backups[0].Start, a.size).number // what is before is of no use to any
	var list []segment
	for s := range a.segments {
		if s.number >= first {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(x, y segment) int {
		return cmp.Or(cmp.Compare(x.timeline, y.timeline), cmp.Compare(x.number, y.number))
	})
	for i, s := range list {
		if i > 0 && list[i-1].timeline == s.timeline {
			if before := list[i-1]; before.number+1 != s.number {
				miss(segment{s.timeline, before.number + 1}, fmt.Sprintf("%d segments are not there before %s", s.number-before.number-1, s.name(a.size)))
			}
			continue
		}
		// The first of its timeline.
		way := a.switches[s.timeline]
		if len(way) == 0 {
			continue
		}
		from := way[len(way)-1]
		if fork := segmentOf(s.timeline, from.at, a.size); s.number > fork.number && fork.number >= first {
			miss(fork, "timeline begins with it")
		}
		if parent := lastSegment(from.timeline, from.at, a.size); parent.number > 0 {
			// The segment of the fork itself is on the new timeline too; what is before must be on the old one.
			parent = segment{from.timeline, segmentOf(0, from.at, a.size).number - 1}
			if _, ok := a.segments[parent]; !ok && slices.ContainsFunc(backups, func(b Backup) bool {
				return b.WAL != None && b.Timeline <= from.timeline && segmentOf(0, b.Start, a.size).number <= parent.number
			}) {
				miss(parent, "timeline "+strconv.FormatUint(uint64(s.timeline), 10)+" comes from it")
			}
		}
	}
	return gaps
}

// needed are the objects that lead from a backup to a target: all segments of the timelines on the way.
func (a *archive) needed(b Backup, t Target) ([]segment, error) {
	timeline := t.Timeline
	if timeline == 0 {
		timeline = b.Timeline
		for n := range a.histories {
			timeline = max(timeline, n)
		}
	}
	way := append(slices.Clone(a.switches[timeline]), switchPoint{timeline: timeline})
	if timeline != b.Timeline && !slices.ContainsFunc(way, func(s switchPoint) bool { return s.timeline == b.Timeline }) {
		return nil, fmt.Errorf("timeline %d does not come from timeline %d of backup %s: choose another with --timeline or --backup", timeline, b.Timeline, b.ID)
	}
	first := segmentOf(0, b.Start, a.size).number
	var list []segment
	for s := range a.segments {
		i := slices.IndexFunc(way, func(p switchPoint) bool { return p.timeline == s.timeline })
		if i < 0 || s.timeline < b.Timeline || s.number < first {
			continue
		}
		if at := way[i].at; at != 0 && s.start(a.size) >= at {
			continue // what was written there after the fork is another history
		}
		if t.LSN != 0 && s.start(a.size) > t.LSN {
			continue
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y segment) int {
		return cmp.Or(cmp.Compare(x.number, y.number), cmp.Compare(x.timeline, y.timeline))
	})
	return list, nil
}
