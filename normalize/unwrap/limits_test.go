package unwrap

import (
	"bytes"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sluice/normalize"
)

// TestRatio: what shrinks more than anything real is not unpacked to its end, whatever it lies in.
func TestRatio(t *testing.T) {
	t.Parallel()
	flat := strings.Repeat(" ", 12<<20)
	lim := normalize.Limits{MaxBytes: 200 << 20}
	for name, b := range map[string][]byte{"zstd": zst([]byte(flat)), "zip": zipOf(file{"a", flat}), "tar.gz": gz(tarOf(file{"a", flat})), "gzip in zip": zipOf(file{"a.gz", string(gz([]byte(flat)))})} {
		if name == "zstd" { // gzip reaches a thousandfold at most
			lim.MaxRatio = 0
		} else {
			lim.MaxRatio = 500
		}
		list := entries(t, Source{Origin: "in", Reader: bytes.NewReader(b), ReaderAt: bytes.NewReader(b), Size: int64(len(b))}, lim)
		if last := list[len(list)-1]; last.Err == nil || last.Err.Reason != normalize.ReasonTooLarge || !strings.Contains(last.Err.Error(), "--limit-ratio") {
			t.Errorf("%s: %v", name, last.Err)
		}
	}
	lim.MaxRatio = 1 << 30
	b := zst([]byte("{}" + flat))
	if list := entries(t, Source{Origin: "in", Reader: bytes.NewReader(b)}, lim); list[0].Err != nil {
		t.Errorf("a higher limit: %v", list[0].Err)
	}
	small := strings.Repeat(" ", 4<<20)
	if list := entries(t, Source{Origin: "in", Reader: bytes.NewReader(zst([]byte("{}" + small)))}, normalize.Limits{}); list[0].Err != nil {
		t.Errorf("a small document of one letter: %v", list[0].Err)
	}
}

// TestHolds: whoever bounds the memory hears how much a decompressor remembers, as long as it does.
func TestHolds(t *testing.T) {
	t.Parallel()
	var long bytes.Buffer
	z, err := zstd.NewWriter(&long, zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(`{"a":"` + strings.Repeat("0123456789", 1<<18) + `"}`)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var held, most int64
	within := false
	src := Source{Origin: "in", Reader: &long, Holds: func(n int64) { held += n; most = max(most, held) }}
	err = Walk(t.Context(), src, normalize.Limits{}, func(e Entry) error {
		within = held == 64<<20 && bytes.Equal(e.Bytes, text)
		return nil
	})
	if err != nil || !within || held != 0 || most != 64<<20 {
		t.Errorf("held %d at the end, %d at most, document seen with it: %v, %v", held, most, within, err)
	}
}
