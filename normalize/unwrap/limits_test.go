package unwrap

import (
	"bytes"
	"strings"
	"testing"

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
