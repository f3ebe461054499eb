package backup

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"sluice/backup/storage"
)

// Pruned is what Prune has removed, or would remove.
type Pruned struct {
	Backups    []string `json:"backups"`
	Unfinished []string `json:"unfinished"`
	WAL        int      `json:"wal_files"`
	HalfMade   int      `json:"half_made"` // files and uploads that nobody finished
	Bytes      int64    `json:"bytes"`
}

// unfinishedAge is how old what has no marker must be before nobody is believed to be at it.
const unfinishedAge = 24 * time.Hour

// Prune removes what no moment of the last keep needs: backups that ended before the newest one that is
// older than keep, and the WAL before the oldest backup that stays. The newest backup always stays.
//
// Killed in the middle it has removed too little, never too much: first goes the marker, and with it
// the backup, then its other objects, then WAL.
func Prune(ctx context.Context, store storage.Store, system string, keep time.Duration, now time.Time, dryRun bool) (Pruned, error) {
	out := Pruned{Backups: []string{}, Unfinished: []string{}}
	r, err := OpenRepository(ctx, store, system)
	if err != nil {
		return out, err
	}
	remove := func(o storage.Object) error {
		out.Bytes += o.Bytes
		if dryRun {
			return nil
		}
		return store.Remove(ctx, o.Name)
	}
	stay := kept(r.Backups, now.Add(-keep))
	for _, b := range r.Backups[:len(r.Backups)-len(stay)] {
		out.Backups = append(out.Backups, b.ID)
		objects := []storage.Object{{Name: b.dir() + markerName}}
		for _, p := range b.Objects {
			objects = append(objects, storage.Object{Name: b.dir() + p.Name, Bytes: p.Bytes})
		}
		for _, o := range objects {
			if err := remove(o); err != nil {
				return out, fmt.Errorf("remove backup %s: %w", b.ID, err)
			}
		}
	}
	for _, u := range r.Halves {
		newest := slices.MaxFunc(u.Objects, func(x, y storage.Object) int { return x.Modified.Compare(y.Modified) })
		if now.Sub(newest.Modified) < unfinishedAge {
			continue // it may be at work
		}
		out.Unfinished = append(out.Unfinished, u.ID)
		for _, o := range u.Objects {
			if err := remove(o); err != nil {
				return out, fmt.Errorf("remove unfinished backup %s: %w", u.ID, err)
			}
		}
	}
	if len(stay) > 0 {
		if err := pruneWAL(ctx, store, r.System, stay, &out, remove); err != nil {
			return out, err
		}
	}
	if !dryRun {
		out.HalfMade, err = store.Sweep(ctx, unfinishedAge)
	}
	return out, err
}

// kept are the newest backup that ended before a time, for the moments after it, and all later ones.
func kept(backups []Backup, since time.Time) []Backup {
	for i := len(backups) - 1; i > 0; i-- {
		if backups[i].Ended.Before(since) {
			return backups[i:]
		}
	}
	return backups
}

// pruneWAL removes segments before the first that a backup needs, on all timelines. Histories stay: they are small, and a later
// timeline is not understood without them.
func pruneWAL(ctx context.Context, store storage.Store, system systemID, stay []Backup, out *Pruned, remove func(storage.Object) error) error {
	size := stay[0].Segment
	first := segmentOf(0, stay[0].Start, size).number
	for _, b := range stay {
		first = min(first, segmentOf(0, b.Start, size).number)
	}
	objects, err := store.List(ctx, clusterDir(system)+"wal/")
	if err != nil {
		return err
	}
	for _, o := range objects {
		name := path.Base(o.Name)
		if len(name) < 24 {
			continue
		}
		// Backup history and partial segments go with the segment that their name begins with.
		s, ok := parseSegment(name[:24], size)
		if !ok || s.number >= first {
			continue
		}
		if err := remove(o); err != nil {
			return fmt.Errorf("remove WAL: %w", err)
		}
		out.WAL++
	}
	return nil
}
