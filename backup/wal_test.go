package backup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sluice/backup/storage"
)

// page is a segment of 1 MB that says it is number n of timeline 1, filled with c.
func page(n uint64, c byte) []byte {
	b := bytes.Repeat([]byte{c}, 1<<20)
	binary.LittleEndian.PutUint16(b, 0xD118)
	binary.LittleEndian.PutUint16(b[2:], 2)
	binary.LittleEndian.PutUint32(b[4:], 1)
	binary.LittleEndian.PutUint64(b[8:], n<<20)
	binary.LittleEndian.PutUint64(b[24:], 42)
	binary.LittleEndian.PutUint32(b[32:], 1<<20)
	return b
}

// TestArchive: stored once and never overwritten; what is not whole, or not what its name says, is refused.
func TestArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "global"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "pg_wal"), 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put("global/pg_control", binary.LittleEndian.AppendUint64(nil, 42))
	w := &world{TB: t, dir: filepath.Join(dir, "store"), key: filepath.Join(dir, "key")}
	recipient, err := NewKey(w.key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ReadKeys([]string{recipient}, "") // who archives cannot read
	if err != nil {
		t.Fatal(err)
	}
	store, err := storage.OpenFolder(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		text []byte
		want string // in the error; "" for none
	}{
		{"000000010000000000000003", page(3, 'a')[:1<<19], "half-written"},
		{"000000010000000000000003", nil, "does not begin as WAL does"},
		{"000000010000000000000003", make([]byte, 1<<20), "does not begin as WAL does"},
		{"000000010000000000000003", page(4, 'a'), "holds the WAL from 0/400000, not from 0/300000"},
		{"000000010000000000000003", page(3, 'a'), ""},
		{"000000010000000000000003", page(3, 'a'), ""},
		{"000000010000000000000003", page(3, 'b'), ErrOtherWAL.Error()},
		{"000000010000000100000000", page(4096, 'a'), ""},
		{"00000002.history", []byte("1\t0/3000000\tno recovery target specified\n"), ""},
		{"00000002.history", []byte("1\t0/4000000\tno recovery target specified\n"), ErrOtherWAL.Error()},
		{"000000010000000000000003.00000028.backup", []byte("START WAL LOCATION"), ""},
		{"postgresql.conf", []byte("x"), "is no name of a file of WAL"},
		{"..%2f000000010000000000000003", page(3, 'a'), "is no name of a file of WAL"},
	} {
		_, err := ArchiveFile(t.Context(), store, keys, put("pg_wal/"+c.name, c.text))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	reader, err := ReadKeys(nil, w.key)
	if err != nil {
		t.Fatal(err)
	}
	if _, plain, err := readWAL(t.Context(), store, reader, walObject(42, "000000010000000000000003")); err != nil || !bytes.Equal(plain, page(3, 'a')) {
		t.Errorf("what came first is not there any more: %d bytes, %v", len(plain), err)
	}

	t.Run("killed", func(t *testing.T) {
		path := put("pg_wal/000000010000000000000005", page(5, 'a'))
		w.killed(childSpec{Verb: "archive", Path: path, Stall: "/wal/", After: 50})
		if list, err := store.List(t.Context(), walObject(42, "000000010000000000000005")); err != nil || len(list) != 0 {
			t.Fatalf("half a segment has the name: %v, %v", list, err)
		}
		if _, err := ArchiveFile(t.Context(), store, keys, path); err != nil {
			t.Fatal(err)
		}
		if _, _, err := readWAL(t.Context(), store, reader, walObject(42, "000000010000000000000005")); err != nil {
			t.Error(err)
		}
		if n, err := store.Sweep(t.Context(), 0); err != nil || n != 1 {
			t.Errorf("%d half-made files swept, %v", n, err)
		}
	})
	t.Run("at the same time", func(t *testing.T) {
		var all sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			all.Go(func() {
				errs[i] = putWAL(t.Context(), store, keys, 42, "000000010000000000000006", page(6, byte('a'+i%2)))
			})
		}
		all.Wait()
		_, plain, err := readWAL(t.Context(), store, reader, walObject(42, "000000010000000000000006"))
		if err != nil {
			t.Fatal(err)
		}
		for i, err := range errs {
			won := plain[100] == byte('a'+i%2)
			if won != (err == nil) || err != nil && !errors.Is(err, ErrOtherWAL) {
				t.Errorf("%d: %v; the one with %q won", i, err, plain[100])
			}
		}
	})
	t.Run("without this program", func(t *testing.T) {
		// The promise of doc.go: after one line it is age and zstd.
		f, err := store.Open(t.Context(), walObject(42, "000000010000000000000003"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		_, sealed, _ := bytes.Cut(b, []byte("\n"))
		if err != nil || !bytes.HasPrefix(sealed, []byte("age-encryption.org/v1\n")) {
			t.Errorf("%.60q, %v", sealed, err)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	recipient, err := NewKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := NewKey(key); err == nil {
		t.Error("a key was overwritten")
	}
	if _, err := ReadKeys([]string{key}, ""); err == nil || !strings.Contains(err.Error(), "secret key") {
		t.Errorf("the identity as a recipient: %v", err)
	}
	for _, bad := range []string{"age1nonsense", "/nowhere/recipients"} {
		if _, err := ReadKeys([]string{bad}, ""); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	file := filepath.Join(t.TempDir(), "recipients")
	if err := os.WriteFile(file, []byte("# ours\n"+recipient+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := ReadKeys([]string{file}, key)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.sealBytes([]byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := k.openBytes(sealed, "age", 4); err != nil || string(plain) != "text" {
		t.Errorf("%q, %v", plain, err)
	}
	if _, err := k.openBytes(sealed, "age", 3); err == nil {
		t.Error("longer than allowed, and opened")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, size := range []uint64{1 << 20, 16 << 20, 1 << 30} {
		for _, at := range []LSN{1, 0x16B374D848, 0xFFFFFFFF, 1 << 32, 0x123456789ABCDEF} {
			s := segmentOf(3, at, size)
			got, ok := parseSegment(s.name(size), size)
			if !ok || got != s || at < s.start(size) || at >= s.end(size) {
				t.Errorf("%s in segments of %d: %s is %+v", at, size, s.name(size), got)
			}
		}
	}
	if name := segmentOf(1, 0x16B374D848, 16<<20).name(16 << 20); name != "0000000100000016000000B3" {
		t.Error(name) // what pg_walfile_name says
	}
	for text, want := range map[string]string{"": "the newest moment", "latest": "the newest moment", "16/B374D848": "16/B374D848", "2026-11-30T02:00:00+01:00": "2026-11-30T01:00:00Z"} {
		if got, err := ParseTarget(text); err != nil || got.String() != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"yesterday", "0/0", "16/", "2026-11-30"} {
		if got, err := ParseTarget(text); err == nil {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestChain: which WAL is missing, over two timelines.
func TestChain(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	make := func(names ...string) *archive {
		a := &archive{size: size, segments: map[segment]storage.Object{}, histories: map[uint32]storage.Object{2: {}}, switches: map[uint32][]switchPoint{2: {{1, 6<<20 + 5}}}}
		for _, name := range names {
			s, ok := parseSegment(name, size)
			if !ok {
				t.Fatal(name)
			}
			a.segments[s] = storage.Object{Name: name}
		}
		return a
	}
	seg := func(timeline, n int) string { return segment{uint32(timeline), uint64(n)}.name(size) }
	backup := Backup{ID: "b", Timeline: 1, Start: 3<<20 + 40, Stop: 4<<20 + 300, Segment: size, WAL: Stream}
	all := []string{seg(1, 3), seg(1, 4), seg(1, 5), seg(1, 6), seg(2, 6), seg(2, 7), seg(2, 8)}
	for _, c := range []struct{ lost, want string }{
		{"", ""},
		{seg(1, 3), seg(1, 3)},
		{seg(1, 4), seg(1, 4)},
		{seg(1, 5), seg(1, 5)},
		{seg(1, 6), ""}, // its beginning is on timeline 2 too, and the rest is another history
		{seg(2, 6), seg(2, 6)},
		{seg(2, 7), seg(2, 7)},
	} {
		var left []string
		for _, name := range all {
			if name != c.lost {
				left = append(left, name)
			}
		}
		gaps := make(left...).missing(7, []Backup{backup})
		got := fmt.Sprint(gaps)
		if c.want == "" && len(gaps) > 0 || c.want != "" && (len(gaps) != 1 || !strings.HasSuffix(gaps[0].object, c.want)) {
			t.Errorf("without %s: %s, want %s", c.lost, got, c.want)
		}
	}
	later := Backup{ID: "c", Timeline: 2, Start: 7<<20 + 40, Stop: 8<<20 + 300, Segment: size, WAL: Stream}
	if gaps := make(all...).missing(7, []Backup{later}); len(gaps) > 0 {
		t.Errorf("of a backup after the fork: %v", gaps)
	}
	if gaps := make(seg(1, 3), seg(1, 4), seg(1, 5), seg(2, 7), seg(2, 8)).missing(7, []Backup{backup, later}); len(gaps) != 1 || !strings.HasSuffix(gaps[0].object, seg(2, 6)) {
		t.Errorf("the way from the first backup to the second's timeline: %v", gaps)
	}
	list, err := make(all...).needed(backup, Target{})
	var names []string
	for _, s := range list {
		names = append(names, s.name(size))
	}
	if err != nil || fmt.Sprint(names) != fmt.Sprint(all) {
		t.Errorf("needed: %v, %v", names, err)
	}
	if list, _ := make(all...).needed(backup, Target{Timeline: 1}); len(list) != 4 {
		t.Errorf("on timeline 1: %v", list)
	}
	if list, _ := make(all...).needed(backup, Target{LSN: 5 << 20}); len(list) != 3 {
		t.Errorf("up to a place: %v", list)
	}
}
