package backup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/backup/storage"
	"sluice/internal/embedpg"
	"sluice/internal/test/brief"
)

// TestToAMoment: a backup, changes, and the moments in between; with a SIGKILL in the middle of each step,
// after which the same step is done again and nothing of the killed one counts.
func TestToAMoment(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: starts servers of its own")
	}
	t.Parallel()
	w := newWorld(t)
	w.insert(100)

	w.killed(childSpec{Verb: "run", Stall: "base.tar", After: 300_000})
	w.killed(childSpec{Verb: "run", Stall: manifestName, After: 10})
	w.killed(childSpec{Verb: "run", Stall: markerName, After: 100})
	r, err := OpenRepository(t.Context(), w.cfg.Store, "")
	if err != nil || len(r.Backups) != 0 || len(r.Halves) != 2 { // nothing of the first one's objects has a name
		t.Fatalf("after three that were killed: %s, %v", mustJSON(t, r), err)
	}
	if _, err := w.verify(); err == nil || !strings.Contains(err.Error(), "there is no backup yet") {
		t.Errorf("verify: %v", err)
	}
	if _, err := w.restoreTo(tempHome(t), Target{}); err == nil {
		t.Error("restored from a half-made backup")
	}
	made := w.run()
	w.run0 = made

	between := w.insert(50)
	want := rows(t, w.db)
	w.insert(25)
	w.exec(`delete from t where i % 2 = 0`)
	newest := rows(t, w.db)
	w.killed(childSpec{Verb: "wal", Stall: "/wal/", After: 2000})
	w.archive()
	if v, err := w.verify(); err != nil || v.Backups != 1 || !v.Opened || v.Segments < 2 || v.Unfinished != 2 {
		t.Fatalf("%+v, %v", v, err)
	}

	home := tempHome(t)
	w.killed(childSpec{Verb: "recover", Path: home, Stall: "base.tar", After: 300_000, WhenOpened: true})
	w.killed(childSpec{Verb: "recover", Path: home, Stall: "/wal/", After: 1000, WhenOpened: true})
	got, err := w.restoreTo(home, Target{At: between})
	if err != nil {
		t.Fatal(err)
	}
	if have := rows(t, connect(t, start(t, home).AdminURL())); have != want {
		t.Errorf("restored to %+v: %s, want %s", got, have, want)
	}
	if got.Timeline != 2 || got.LastCommit.IsZero() || got.LastCommit.After(between) {
		t.Errorf("restored to %+v, asked for %s", got, between)
	}
	if _, err := w.restoreTo(home, Target{}); !errors.Is(err, embedpg.ErrHasServer) {
		t.Errorf("into a home with a server: %v", err)
	}
	last, _ := w.restore(Target{})
	if have := rows(t, last); have != newest {
		t.Errorf("the newest moment: %s, want %s", have, newest)
	}
	if _, err := w.restoreTo(tempHome(t), Target{At: time.Now().Add(time.Hour)}); err == nil || !strings.Contains(err.Error(), "recovery ended before configured recovery target was reached") {
		t.Errorf("to a time that has not come: %v", err)
	}
	if _, err := w.restoreTo(tempHome(t), Target{At: made.Began.Add(-time.Hour)}); err == nil || !strings.Contains(err.Error(), "no backup ended before") {
		t.Errorf("to a time before all backups: %v", err)
	}

	t.Run("folder", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		w.killed(childSpec{Verb: "folder", Path: dir, Stall: "base.tar", After: 300_000, WhenOpened: true})
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a half-made folder has the name: %v", err)
		}
		s, err := Find(t.Context(), w.cfg.Store, w.cfg.Keys, "", "", Target{At: between})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Folder(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		conf, err := os.ReadFile(filepath.Join(dir, "postgresql.auto.conf"))
		if err != nil || !strings.Contains(string(conf), "recovery_target_time = '"+between.UTC().Format("2006-01-02 15:04:05.999999+00")) {
			t.Errorf("%s, %v", conf, err)
		}
		if left, _ := filepath.Glob(dir + ".*"); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if _, err := s.Folder(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "not empty") {
			t.Errorf("again: %v", err)
		}
	})
	t.Run("damage", func(t *testing.T) { w.damage(t, made) })
	t.Run("prune", func(t *testing.T) { w.prune(t, made) })
	t.Run("receive", w.receive)
	t.Run("tablespace", w.tablespace)
	t.Run("lost", w.lost)
	t.Run("damaged page", w.page)
}

// damage does one harm each to a copy of the store, and looks whether it is named.
func (w *world) damage(t *testing.T, made Backup) {
	stranger := filepath.Join(t.TempDir(), "other")
	if _, err := NewKey(stranger); err != nil {
		t.Fatal(err)
	}
	otherKeys, err := ReadKeys(nil, stranger)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := w.cfg.Store.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var wal []string // that the backup needs, not what was archived before it
	first := walObject(made.System, segmentOf(made.Timeline, made.Start, made.Segment).name(made.Segment))
	for _, o := range objects {
		if strings.Contains(o.Name, "/wal/") && o.Name >= first {
			wal = append(wal, o.Name)
		}
	}
	if len(wal) < 2 {
		t.Fatalf("%d files of WAL: too few to lose one in the middle", len(wal))
	}
	base := made.dir() + made.Objects[0].Name
	flip := func(path string, at int64) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[(at+int64(len(b)))%int64(len(b))] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		object string // that the error must name
		harm   func(path string)
		says   string
		keys   Keys
		blind  bool // seen without a key too
	}{
		{"a bit of the backup", base, func(p string) { flip(p, -1000) }, "corrupted", w.cfg.Keys, true},
		{"the backup cut short", base, func(p string) {
			if err := os.Truncate(p, made.Objects[0].Bytes/2); err != nil {
				t.Fatal(err)
			}
		}, "corrupted", w.cfg.Keys, true},
		{"no archive", base, func(p string) { os.Remove(p) }, "missing", w.cfg.Keys, true},
		{"no manifest", made.dir() + made.Objects[len(made.Objects)-1].Name, func(p string) { os.Remove(p) }, "missing", w.cfg.Keys, true},
		{"a bit of the marker", made.dir() + markerName, func(p string) { flip(p, 0) }, "corrupted", w.cfg.Keys, true},
		{"a bit of WAL", wal[1], func(p string) { flip(p, -10) }, "corrupted", w.cfg.Keys, true},
		{"a bit of the head of WAL", wal[1], func(p string) { flip(p, 1) }, "corrupted", w.cfg.Keys, true},
		{"no WAL in the middle", wal[0], func(p string) { os.Remove(p) }, "missing", w.cfg.Keys, true},
		{"another file of WAL under the name", wal[1], func(p string) {
			b, err := os.ReadFile(filepath.Join(w.dir, wal[0]))
			if err != nil || os.WriteFile(p, b, 0o600) != nil {
				t.Fatal(err)
			}
		}, "corrupted", w.cfg.Keys, true},
		{"another key", base, func(string) {}, errKey.Error(), otherKeys, false},
		{"another key for WAL", wal[0], func(string) {}, errKey.Error(), otherKeys, false},
	} {
		dir := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(dir, os.DirFS(w.dir)); err != nil {
			t.Fatal(err)
		}
		c.harm(filepath.Join(dir, filepath.FromSlash(c.object)))
		store, err := storage.OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		check := func(keys Keys) {
			t.Helper()
			_, err := Verify(t.Context(), store, keys, "", "")
			if err == nil || !slices.ContainsFunc(strings.Split(err.Error(), "\n"), func(line string) bool {
				return strings.Contains(line, c.object) && strings.Contains(line, c.says)
			}) {
				t.Errorf("%s: want %q of %s, got %v", c.name, c.says, c.object, err)
			}
		}
		check(c.keys)
		if c.blind {
			check(Keys{})
		}
	}
}

// prune is given later and later times.
func (w *world) prune(t *testing.T, first Backup) {
	const month = 30 * 24 * time.Hour
	prune := func(now time.Time) Pruned {
		t.Helper()
		dry, err := Prune(t.Context(), w.cfg.Store, "", month, now, true)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Prune(t.Context(), w.cfg.Store, "", month, now, false)
		if p.HalfMade = 0; err != nil || mustJSON(t, p) != mustJSON(t, dry) {
			t.Errorf("%+v, %v; the dry run said %+v", p, err, dry)
		}
		return p
	}
	// What was archived for those that were killed goes, and they stay while somebody may be at them.
	if p := prune(time.Now()); len(p.Backups)+len(p.Unfinished) != 0 || p.WAL == 0 {
		t.Errorf("now: %+v", p)
	}
	if v, err := w.verify(); err != nil || v.Backups != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	w.insert(10)
	second := w.run()
	w.insert(10)
	w.archive()
	// While a moment of the month lies between them, both are needed.
	if p := prune(second.Ended.Add(month - time.Second)); len(p.Backups) != 0 || p.WAL != 0 || len(p.Unfinished) != 2 {
		t.Errorf("both needed: %+v", p)
	}
	p := prune(second.Ended.Add(month + time.Second))
	if !slices.Equal(p.Backups, []string{first.ID}) || p.WAL == 0 {
		t.Errorf("the first is not needed any more: %+v", p)
	}
	if p := prune(second.Ended.Add(100 * month)); len(p.Backups) != 0 {
		t.Errorf("the last one is gone: %+v", p)
	}
	if v, err := w.verify(); err != nil || v.Backups != 1 {
		t.Errorf("afterwards: %+v, %v", v, err)
	}
	last, _ := w.restore(Target{})
	if got, want := rows(t, last), rows(t, w.db); got != want {
		t.Errorf("restored: %s, want %s", got, want)
	}
}
