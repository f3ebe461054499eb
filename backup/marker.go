package backup

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"sluice/backup/storage"
)

// markerName is the object that makes the others a backup.
const markerName = "backup.json"

// Backup is a full backup, as its marker says.
type Backup struct {
	Format   int       `json:"sluice_backup"` // 1
	ID       string    `json:"id"`            // when it began, in UTC
	System   systemID  `json:"system_identifier"`
	Version  string    `json:"server_version"` // 18.6
	Timeline uint32    `json:"timeline"`
	Start    LSN       `json:"start_lsn"` // WAL is needed from here
	Stop     LSN       `json:"stop_lsn"`  // and up to here before anything is right
	Segment  uint64    `json:"segment_bytes"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	// WAL says who archives it: "stream", "command", or "none" where the backup is all there is.
	WAL        string `json:"wal"`
	Superuser  string `json:"superuser"` // whom a restored server is entered as
	Database   string `json:"database"`
	Encryption string `json:"encryption"` // age or none
	Program    string `json:"program"`
	// Objects are what it consists of; the last is PostgreSQL's manifest.
	Objects []Part `json:"objects"`
	Files   int    `json:"files"`
}

// Part is an object of a backup.
type Part struct {
	Name    string `json:"name"`    // beside the marker
	Archive string `json:"archive"` // the server's name of it: base.tar, 16385.tar, backup_manifest
	// Tablespace is where the server has what is in the archive, where that is not the data folder.
	Tablespace string `json:"tablespace,omitempty"`
	Bytes      int64  `json:"bytes"` // as it is stored
	SHA256     string `json:"sha256"`
	Plain      int64  `json:"plain_bytes"`
}

// Bytes is how much is stored for it, without WAL.
func (b Backup) Bytes() (n int64) {
	for _, p := range b.Objects {
		n += p.Bytes
	}
	return n
}

// Plain is how much the server sent.
func (b Backup) Plain() (n int64) {
	for _, p := range b.Objects {
		n += p.Plain
	}
	return n
}

// Major is the version that can restore it.
func (b Backup) Major() string { return majorOf(b.Version) }

func majorOf(version string) string {
	major, _, _ := strings.Cut(strings.Fields(version + " ")[0], ".")
	return major
}

func (b Backup) dir() string { return clusterDir(b.System) + "base/" + b.ID + "/" }

const idForm = "20060102T150405.000Z"

// Unfinished is what a backup that was killed, or is still being made, has left.
type Unfinished struct {
	ID      string
	Objects []storage.Object
}

// Repository is what a store has of one cluster.
type Repository struct {
	System  systemID
	Backups []Backup // oldest first
	Halves  []Unfinished
}

// Clusters lists the clusters that the store has something of.
func Clusters(ctx context.Context, store storage.Store) ([]systemID, error) {
	objects, err := store.List(ctx, "clusters/")
	if err != nil {
		return nil, err
	}
	var list []systemID
	for _, o := range objects {
		var s systemID
		name, _, _ := strings.Cut(strings.TrimPrefix(o.Name, "clusters/"), "/")
		if json.Unmarshal([]byte(`"`+name+`"`), &s) == nil && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list, nil
}

// OpenRepository reads what there is of a cluster; without one named, of the only one there is.
func OpenRepository(ctx context.Context, store storage.Store, system string) (*Repository, error) {
	clusters, err := Clusters(ctx, store)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range clusters {
		names = append(names, c.String())
	}
	r := &Repository{}
	switch {
	case system != "":
		i := slices.Index(names, system)
		if i < 0 {
			return nil, fmt.Errorf("%s has nothing of cluster %s; it has %s", store, system, cmp.Or(strings.Join(names, ", "), "none"))
		}
		r.System = clusters[i]
	case len(clusters) == 0:
		return r, nil
	case len(clusters) > 1:
		return nil, fmt.Errorf("%s has backups of several clusters: choose one with --cluster: %s", store, strings.Join(names, ", "))
	default:
		r.System = clusters[0]
	}
	return r, r.read(ctx, store)
}

func (r *Repository) read(ctx context.Context, store storage.Store) error {
	base := clusterDir(r.System) + "base/"
	objects, err := store.List(ctx, base)
	if err != nil {
		return err
	}
	byID := map[string][]storage.Object{}
	var ids []string
	for _, o := range objects {
		id, _, _ := strings.Cut(strings.TrimPrefix(o.Name, base), "/")
		if byID[id] == nil {
			ids = append(ids, id)
		}
		byID[id] = append(byID[id], o)
	}
	for _, id := range ids {
		marked := slices.ContainsFunc(byID[id], func(o storage.Object) bool { return path.Base(o.Name) == markerName })
		if !marked {
			r.Halves = append(r.Halves, Unfinished{id, byID[id]})
			continue
		}
		b, err := readMarker(ctx, store, base+id+"/"+markerName)
		if err != nil {
			return err
		}
		r.Backups = append(r.Backups, b)
	}
	slices.SortFunc(r.Backups, func(x, y Backup) int { return cmp.Or(x.Began.Compare(y.Began), strings.Compare(x.ID, y.ID)) })
	return nil
}

func readMarker(ctx context.Context, store storage.Store, name string) (Backup, error) {
	var b Backup
	f, err := store.Open(ctx, name)
	if err != nil {
		return b, fmt.Errorf("marker of a backup: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 16<<20))
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	switch {
	case err != nil:
		return b, fmt.Errorf("%s: corrupted: %w", name, err)
	case b.Format != 1:
		return b, fmt.Errorf("%s: this program does not know format %d of backups; a newer one wrote it", name, b.Format)
	case b.dir()+markerName != name || !segmentSize(b.Segment) || len(b.Objects) == 0:
		return b, fmt.Errorf("%s: corrupted: it is not about this backup", name)
	}
	return b, nil
}

func writeMarker(ctx context.Context, store storage.Store, b Backup) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	return store.Create(ctx, b.dir()+markerName, bytes.NewReader(text), int64(len(text)))
}

// Find is the backup of that id; "" is the newest.
func (r *Repository) Find(id string) (Backup, error) {
	for _, b := range slices.Backward(r.Backups) {
		if id == "" || b.ID == id {
			return b, nil
		}
	}
	if len(r.Backups) == 0 {
		return Backup{}, fmt.Errorf("there is no backup yet: make one with `sluice backup run`")
	}
	return Backup{}, fmt.Errorf("there is no backup %s: see `sluice backup list`", id)
}

// Before is the newest backup from which a target can be reached: it ended before.
func (r *Repository) Before(t Target) (Backup, error) {
	for _, b := range slices.Backward(r.Backups) {
		if (t.At.IsZero() || !b.Ended.After(t.At)) && (t.LSN == 0 || b.Stop <= t.LSN) {
			return b, nil
		}
	}
	if len(r.Backups) == 0 {
		return r.Find("")
	}
	return Backup{}, fmt.Errorf("no backup ended before %s: the oldest, %s, ended %s at %s", t, r.Backups[0].ID, r.Backups[0].Ended.Format(time.RFC3339), r.Backups[0].Stop)
}
