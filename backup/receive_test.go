package backup

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// receive: two processes with one slot, of which one archives; its connection is cut; it goes, and the other takes over.
func (w *world) receive(t *testing.T) {
	archived := func() int {
		t.Helper()
		list, err := w.cfg.Store.List(t.Context(), clusterDir(w.run0.System)+"wal/")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	var behind atomic.Int64
	cfg := w.cfg
	cfg.Behind = func(n int64) { behind.Store(n) }
	type process struct {
		stop context.CancelFunc
		err  chan error
	}
	begin := func() process {
		ctx, stop := context.WithCancel(t.Context())
		p := process{stop, make(chan error, 1)}
		go func() { p.err <- Receive(ctx, cfg, 300*time.Millisecond) }()
		return p
	}
	// grows waits until what is written now is archived.
	grows := func(when string) {
		t.Helper()
		n := archived()
		w.insert(10)
		for end := time.Now().Add(30 * time.Second); archived() <= n; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: nothing is archived", when)
			}
		}
	}
	first := begin()
	grows("at first")
	second := begin()
	w.exec(`select pg_terminate_backend(pid) from pg_stat_replication`)
	grows("after the connection was cut")
	first.stop()
	if err := <-first.err; err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("the first ends with %v", err)
	}
	grows("after the first has gone")
	second.stop()
	<-second.err
	if n := behind.Load(); n < 0 || n > 64<<20 {
		t.Errorf("%d bytes behind", n)
	}
	if _, err := w.verify(); err != nil {
		t.Error(err)
	}
}

// lost: the server gives up WAL that nobody fetched. The next backup begins anew and says so; the gap has a name, and
// is gone with the backups before it.
func (w *world) lost(t *testing.T) {
	w.exec(`alter system set max_slot_wal_keep_size = '1MB'`)
	w.exec(`select pg_reload_conf()`)
	for range 4 {
		w.exec(`select pg_switch_wal()`)
		w.insert(1)
	}
	w.exec(`checkpoint`)
	if state := one[string](t, w.db, `select wal_status from pg_replication_slots where slot_name = 'sluice_backup'`); state != "lost" {
		t.Fatalf("the slot is %s", state)
	}
	w.exec(`alter system reset max_slot_wal_keep_size`) // it ends a backup too that takes longer than that lasts
	w.exec(`select pg_reload_conf()`)
	var log bytes.Buffer
	cfg := w.cfg
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	b, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "WAL was lost") {
		t.Errorf("it says %s", log.String())
	}
	if _, err := w.verify(); err == nil || !strings.Contains(err.Error(), "missing: ") {
		t.Errorf("the gap is not named: %v", err)
	}
	if _, err := Verify(t.Context(), w.cfg.Store, w.cfg.Keys, "", b.ID); err != nil {
		t.Errorf("the new backup: %v", err)
	}
}

// tablespace: a table of its own place.
func (w *world) tablespace(t *testing.T) {
	place := filepath.Join(filepath.Dir(w.server.DataDir()), "elsewhere")
	info, err := os.Stat(w.server.DataDir())
	if err == nil {
		err = os.Mkdir(place, 0o700)
	}
	if err == nil {
		err = chownAs(place, info)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.exec(`create tablespace elsewhere location '` + place + `'`)
	w.exec(`create table far tablespace elsewhere as select g from generate_series(1, 1000) g`)
	w.run()
	w.exec(`insert into far values (1001)`)
	w.archive()
	back, _ := w.restore(Target{})
	if n := one[int](t, back, `select count(*) from far`); n != 1001 {
		t.Errorf("%d rows of the other tablespace", n)
	}
	if at := one[string](t, back, `select pg_tablespace_location(oid) from pg_tablespace where spcname = 'elsewhere'`); at == place {
		t.Errorf("the copy works in %s, which is the original's", at)
	}
}

// page: a page that is damaged on the server's disk is in no backup: the server refuses, and nothing is marked.
func (w *world) page(t *testing.T) {
	w.exec(`checkpoint`)
	path := one[string](t, w.db, `select pg_relation_filepath('t')`)
	f, err := os.OpenFile(filepath.Join(w.server.DataDir(), path), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("damage"), 4000); err != nil {
		t.Fatal(err)
	}
	before, err := OpenRepository(t.Context(), w.cfg.Store, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), w.cfg); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a damaged page was backed up: %v", err)
	}
	after, err := OpenRepository(t.Context(), w.cfg.Store, "")
	if err != nil || len(after.Backups) != len(before.Backups) || len(after.Halves) != len(before.Halves)+1 {
		t.Errorf("%d backups and %d halves, before %d and %d; %v", len(after.Backups), len(after.Halves), len(before.Backups), len(before.Halves), err)
	}
}
