package backup

import (
	"testing"
)

// TestToAMoment: a backup, changes, and the moments in between.
func TestToAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.insert(100)
	w.run()
	between := w.insert(50)
	want := rows(t, w.db)
	w.insert(25)
	w.exec(`delete from t where i % 2 = 0`)
	newest := rows(t, w.db)
	w.archive()
	if v, err := w.verify(); err != nil || v.Backups != 1 || !v.Opened || v.Segments < 2 {
		t.Fatalf("%+v, %v", v, err)
	}
	old, got := w.restore(Target{At: between})
	if have := rows(t, old); have != want {
		t.Errorf("restored to %+v: %s, want %s", got, have, want)
	}
	if got.Timeline != 2 || got.LastCommit.IsZero() || got.LastCommit.After(between) {
		t.Errorf("restored to %+v, asked for %s", got, between)
	}
	last, _ := w.restore(Target{})
	if have := rows(t, last); have != newest {
		t.Errorf("the newest moment: %s, want %s", have, newest)
	}
}
