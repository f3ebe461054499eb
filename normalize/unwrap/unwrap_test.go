package unwrap

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
)

var modTime = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// file is a file to be packed.
type file struct {
	name, body string
}

func gz(b []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write(b)
	z.Close()
	return buf.Bytes()
}

func zst(b []byte) []byte {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer z.Close()
	return z.EncodeAll(b, nil)
}

func xzip(b []byte) []byte {
	var buf bytes.Buffer
	z, err := xz.NewWriter(&buf)
	if err != nil {
		panic(err)
	}
	z.Write(b)
	z.Close()
	return buf.Bytes()
}

// bz2 is `{"bz":2}` and a line feed as the bzip2 command packs it; Go cannot write bzip2.
func bz2() []byte {
	b, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWcTBgkMAAAPZgAAQEAAQEBAAABogACIA8oQwIROhHxdyRThQkMTBgkM=")
	if err != nil {
		panic(err)
	}
	return b
}

func tarOf(files ...file) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.body)), ModTime: modTime}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		io.WriteString(w, f.body)
	}
	w.Close()
	return buf.Bytes()
}

func zipOf(files ...file) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range files {
		e, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: modTime})
		if err != nil {
			panic(err)
		}
		io.WriteString(e, f.body)
	}
	w.Close()
	return buf.Bytes()
}

// walk unwraps b as a stream and, to compare, as a file; both must give the same.
func walk(tb testing.TB, b []byte, lim normalize.Limits) []Entry {
	tb.Helper()
	stream := entries(tb, Source{Origin: "in", Reader: iotest.HalfReader(bytes.NewReader(b))}, lim)
	named := entries(tb, Source{Origin: "in", Reader: bytes.NewReader(b), ReaderAt: bytes.NewReader(b), Size: int64(len(b))}, lim)
	if got, want := show(named), show(stream); got != want {
		tb.Errorf("as a file:\n%s\nas a stream:\n%s", got, want)
	}
	return stream
}

func entries(tb testing.TB, src Source, lim normalize.Limits) []Entry {
	tb.Helper()
	var list []Entry
	err := Walk(context.Background(), src, lim, func(e Entry) error {
		if e.Index != len(list) {
			tb.Errorf("index %d of entry %d", e.Index, len(list))
		}
		list = append(list, e)
		return nil
	})
	if err != nil {
		tb.Errorf("Walk: %v", err)
	}
	return list
}

// show is a line for each entry: origin, then reason or content.
func show(list []Entry) string {
	var s strings.Builder
	for _, e := range list {
		switch {
		case e.Err != nil:
			fmt.Fprintf(&s, "%s %s\n", e.Origin, e.Err.Reason)
		case e.Pass != "":
			fmt.Fprintf(&s, "%s: %s\n", e.Origin, e.Pass)
		default:
			fmt.Fprintf(&s, "%s = %.40s\n", e.Origin, e.Bytes)
		}
	}
	return s.String()
}

func TestWalk(t *testing.T) {
	doc := []byte(`{"a":1}`)
	big := []byte(`{"a":"` + strings.Repeat("x", 300<<10) + `"}`)
	encrypted := zipOf(file{"a.json", "{}"}, file{"b.json", "[]"})
	encrypted[bytes.Index(encrypted, []byte("PK\x01\x02"))+8] |= 1
	method := zipOf(file{"a.json", "{}"}, file{"b.json", "[]"})
	method[bytes.Index(method, []byte("PK\x01\x02"))+10] = 97
	damaged := zipOf(file{"a.json", "{}"}, file{"b.json", "[]"})
	damaged[bytes.Index(damaged, []byte("PK\x01\x02"))+16] ^= 1
	checksum := gz(doc)
	checksum[len(checksum)-8] ^= 1
	v7 := tarOf(file{"a.json", "{}"})
	copy(v7[257:265], make([]byte, 8)) // no magic, as tar wrote before 1988
	copy(v7[148:156], fmt.Sprintf("%06o\x00 ", sum(v7)))

	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"plain", doc, "in = {\"a\":1}\n"},
		{"plain large", big, fmt.Sprintf("in = %.40s\n", big)},
		{"empty", nil, "in = \n"},
		{"text that begins like bzip2", []byte("BZh is no archive"), "in = BZh is no archive\n"},
		{"text that begins like zip", []byte("PK is no archive"), "in = PK is no archive\n"},
		{"zip magic only", []byte("PK\x03\x04 and no more"), "in corrupt-archive\n"},
		{"gzip magic only", []byte("\x1f\x8b\x08"), "in corrupt-archive\n"},
		{"gzip", gz(doc), "in = {\"a\":1}\n"},
		{"gzip of nothing", gz(nil), "in = \n"},
		{"gzip, several members", append(gz([]byte("{")), append(gz(nil), gz([]byte("}"))...)...), "in = {}\n"},
		{"gzip with padding", append(gz(doc), make([]byte, 1000)...), "in = {\"a\":1}\n"},
		{"gzip with something after it", append(gz(doc), "what is this"...), "in corrupt-archive\n"},
		{"gzip with a wrong check sum", checksum, "in corrupt-archive\n"},
		{"zstd", zst(doc), "in = {\"a\":1}\n"},
		{"zstd, several frames", append(zst([]byte("{")), zst([]byte("}"))...), "in = {}\n"},
		{"zstd, skippable frame first", append([]byte("\x50\x2a\x4d\x18\x02\x00\x00\x00ab"), zst(doc)...), "in = {\"a\":1}\n"},
		{"bzip2", bz2(), "in = {\"bz\":2}\n\n"},
		{"bzip2, several streams", append(bz2(), bz2()...), "in:1 = {\"bz\":2}\nin:2 = {\"bz\":2}\n"}, // one stream of two lines
		{"xz", xzip(doc), "in = {\"a\":1}\n"},
		{"xz, several streams", append(xzip([]byte("{")), xzip([]byte("}"))...), "in = {}\n"},
		{"large, compressed", zst(big), fmt.Sprintf("in = %.40s\n", big)},
		{"tar", tarOf(file{"d/", ""}, file{"./d/a.json", "{}"}, file{"/b.json", "[]"}), "in!/d/a.json = {}\nin!/b.json = []\n"},
		{"tar without magic", v7, "in!/a.json = {}\n"},
		{"tar.gz", gz(tarOf(file{"a.json", "{}"}, file{"b.json", "[]"})), "in!/a.json = {}\nin!/b.json = []\n"},
		{"tar without entries", tarOf(), "in empty-archive\n"},
		{"tars one after the other", append(tarOf(file{"a", "1"}), tarOf(file{"b", "2"})...), "in!/a = 1\nin!/b = 2\n"},
		{"tar with something after it", append(tarOf(file{"a", "1"}), "what is this"...), "in!/a = 1\nin corrupt-archive\n"},
		{"tar of a folder", tarOf(file{"d/", ""}), "in empty-archive\n"},
		{"zip", zipOf(file{"d/", ""}, file{"d/a.json", "{}"}, file{"__MACOSX/d/._a.json", "?"}), "in!/d/a.json = {}\n"},
		{"zip without entries", zipOf(), "in empty-archive\n"},
		{"zip with an encrypted entry", encrypted, "in!/a.json unreadable\nin!/b.json = []\n"},
		{"zip with an unknown method", method, "in!/a.json unreadable\nin!/b.json = []\n"},
		{"zip with a wrong check sum", damaged, "in!/a.json corrupt-archive\nin!/b.json = []\n"},
		{"zip in zip", zipOf(file{"b.zip", string(zipOf(file{"c.json", "{}"}))}), "in!/b.zip!/c.json = {}\n"},
		{
			"nested", zipOf(file{"b.tar.gz", string(gz(tarOf(file{"c.json", "{}"}, file{"d.json.zst", string(zst(doc))})))}, file{"e", "x"}),
			"in!/b.tar.gz!/c.json = {}\nin!/b.tar.gz!/d.json.zst = {\"a\":1}\nin!/e = x\n",
		},
		{"damaged archive in archive", tarOf(file{"a.gz", string(gz(doc)[:20])}, file{"b.zip", "PK\x03\x04"}, file{"c", "x"}), "in!/a.gz corrupt-archive\nin!/b.zip corrupt-archive\nin!/c = x\n"},
		{"too many layers", gz(gz(gz(gz(gz(doc))))), "in too-many-layers\n"},
		{"many layers", gz(gz(gz(gz(doc)))), "in = {\"a\":1}\n"},
		{"names for PostgreSQL", tarOf(file{"caf\xe9.json", "{}"}), "in!/caf\uFFFD.json = {}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(walk(t, c.in, normalize.Limits{})); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func sum(header []byte) (n int) {
	for i, c := range header[:512] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		n += int(c)
	}
	return n
}

func TestModTime(t *testing.T) {
	for _, b := range [][]byte{tarOf(file{"a", "{}"}), zipOf(file{"a", "{}"}), gz(zipOf(file{"a.gz", string(gz([]byte("{}")))}))} {
		for _, e := range walk(t, b, normalize.Limits{}) {
			if !e.ModTime.Equal(modTime) {
				t.Errorf("%s: %v, want %v", e.Origin, e.ModTime, modTime)
			}
		}
	}
}

// TestTruncated cuts each kind of file at each position. The outcome is never
// silence, and never more than the documents that were there.
func TestTruncated(t *testing.T) {
	body := `{"text":"` + strings.Repeat("some words to be compressed ", 20) + `"}`
	two := []file{{"a.json", body}, {"b.json", body}}
	for name, b := range map[string][]byte{
		"gzip": gz([]byte(body)), "zstd": zst([]byte(body)), "bzip2": bz2(), "xz": xzip([]byte(body)),
		"zip": zipOf(two...), "tar.gz": gz(tarOf(two...)), "tar.xz": xzip(tarOf(two...)), "zip.zst": zst(zipOf(two...)),
	} {
		t.Run(name, func(t *testing.T) {
			whole := len(entries(t, Source{Origin: "in", Reader: bytes.NewReader(b)}, normalize.Limits{}))
			for cut := 1; cut < len(b); cut++ {
				list := walk(t, b[:cut], normalize.Limits{})
				if len(list) == 0 {
					t.Fatalf("cut at %d of %d: nothing came out", cut, len(b))
				}
				failed := 0
				for _, e := range list {
					if e.Err == nil {
						continue
					}
					failed++
					if e.Err.Reason != normalize.ReasonCorruptArchive {
						t.Errorf("cut at %d of %d: %v", cut, len(b), e.Err)
					}
				}
				// A few first bytes are no magic yet: they are a (strange) document.
				if failed == 0 && cut > 10 {
					t.Errorf("cut at %d of %d: no error: %s", cut, len(b), show(list))
				}
				if failed > 1 || len(list) > whole+1 {
					t.Errorf("cut at %d of %d: %s", cut, len(b), show(list))
				}
			}
		})
	}
}

// TestTruncatedMessage holds the promise that the message says how far it went.
func TestTruncatedMessage(t *testing.T) {
	body := make([]byte, 100<<10)
	for i := range body {
		body[i] = byte(i * i >> 3)
	}
	b := gz(body)
	list := walk(t, b[:len(b)/2], normalize.Limits{})
	if len(list) != 1 || list[0].Err == nil || !strings.Contains(list[0].Err.Error(), "gzip, after ") || !bytes.Equal(list[0].Bytes, b[:len(b)/2]) {
		t.Errorf("%v with %d bytes", list[0].Err, len(list[0].Bytes))
	}
}

// zeros is a document of n zeros in a spool of its own.
func zeros(n int) string { return strings.Repeat("0", n) }

func TestLimits(t *testing.T) {
	lim := normalize.Limits{MaxBytes: 1 << 10, MaxEntries: 3, MaxArchive: 100 << 10, MaxLayers: 2}
	many := []file{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}
	mixed := []file{{"a", "1"}, {"b", zeros(2000)}, {"c", "3"}}
	huge := []file{{"a", "1"}, {"b", zeros(200000)}, {"c", "3"}}
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"exactly the limit", []byte(zeros(1 << 10)), fmt.Sprintf("in = %.40s\n", zeros(40))},
		{"one more", []byte(zeros(1<<10 + 1)), "in too-large\n"},
		{"exactly the limit, compressed", gz([]byte(zeros(1 << 10))), fmt.Sprintf("in = %.40s\n", zeros(40))},
		{"one more, compressed", gz([]byte(zeros(1<<10 + 1))), "in too-large\n"},
		{"bomb in tar", tarOf(mixed...), "in!/a = 1\nin!/b too-large\nin!/c = 3\n"},
		{"bomb in tar.gz", gz(tarOf(mixed...)), "in!/a = 1\nin!/b too-large\nin!/c = 3\n"},
		{"bomb in zip", zipOf(mixed...), "in!/a = 1\nin!/b too-large\nin!/c = 3\n"},
		{"larger than an archive in tar.gz", gz(tarOf(huge...)), "in!/a = 1\nin!/b too-large\nin too-large\n"},
		{"larger than an archive in tar", tarOf(huge...), "in!/a = 1\nin too-large\n"},
		{"larger than an archive in zip", zipOf(huge...), "in!/a = 1\nin!/b too-large\nin!/c = 3\n"},
		{"too many in tar", tarOf(many...), "in!/a = 1\nin!/b = 2\nin!/c = 3\nin too-many\n"},
		{"too many in zip", zipOf(many...), "in!/a = 1\nin!/b = 2\nin!/c = 3\nin too-many\n"},
		{"too many layers", zipOf(file{"a", string(gz(gz([]byte("{}"))))}, file{"b", "2"}), "in!/a too-many-layers\nin!/b = 2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(walk(t, c.in, lim)); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

// TestSpool reads a zip that came as a stream and is larger than MaxBytes.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var files []file
	var want strings.Builder
	for i := range 40 {
		name := fmt.Sprintf("%02d.json", i)
		body := fmt.Sprintf(`{"n":%d,"x":"%x"}`, i, []byte(name))
		files = append(files, file{name, body})
		fmt.Fprintf(&want, "in!/%s = %s\n", name, body)
	}
	b := zipOf(files...)
	lim := normalize.Limits{MaxBytes: 256}
	if got := show(walk(t, b, lim)); got != want.String() {
		t.Errorf("got\n%swant\n%s", got, want.String())
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%d temporary files are left", len(left))
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
	list := entries(t, Source{Origin: "in", Reader: bytes.NewReader(b)}, lim)
	if got := show(list); got != "in unreadable\n" {
		t.Errorf("no temporary folder: %s", got)
	}
}

// TestBombs unpacks gigabytes of nothing in little memory.
func TestBombs(t *testing.T) {
	layer := func(n int64) []byte { // a gzip of n zeros, n/1000 bytes
		var buf bytes.Buffer
		z := gzip.NewWriter(&buf)
		io.CopyN(z, zero{}, n)
		z.Close()
		return buf.Bytes()
	}
	one := layer(512 << 20)
	for name, b := range map[string][]byte{
		"gzip":         one,
		"gzip of gzip": gz(one),
		"zip of ten":   zipOf(file{"0", string(one)}, file{"1", string(one)}, file{"2", string(one)}),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			for _, e := range entries(t, Source{Origin: "in", Reader: bytes.NewReader(b)}, normalize.Limits{MaxBytes: 4 << 20}) {
				if e.Err == nil || e.Err.Reason != normalize.ReasonTooLarge {
					t.Errorf("%s: %v", e.Origin, e.Err)
				}
			}
			runtime.ReadMemStats(&after)
			t.Logf("%d bytes: %v, %d MB allocated", len(b), time.Since(start), (after.TotalAlloc-before.TotalAlloc)>>20)
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 100 {
				t.Errorf("%d MB allocated", mb)
			}
		})
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestRealBomb is the decompression bomb of the corpus: 69 KB that unpack to gigabytes.
func TestRealBomb(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(testdocs.Corpora(t), "documents/trustify/etc/test-data/bomb.bz2"))
	if err != nil {
		t.Skip(err)
	}
	start := time.Now()
	list := entries(t, Source{Origin: "bomb.bz2", Reader: bytes.NewReader(b)}, normalize.Limits{})
	if len(list) != 1 || list[0].Err == nil || list[0].Err.Reason != normalize.ReasonTooLarge || !bytes.Equal(list[0].Bytes, b) {
		t.Errorf("%s", show(list))
	}
	t.Logf("%v: %v", time.Since(start), list[0].Err)
	// Well under a second; gigabytes would take minutes, and the race detector on a busy
	// machine takes its time too.
	if d := time.Since(start); d > time.Minute {
		t.Errorf("took %v", d)
	}
}

// TestStops holds that only yield and the context end a walk, with their own error.
func TestStops(t *testing.T) {
	b := gz(tarOf(file{"a", "1"}, file{"b", "2"}))
	stop := errors.New("enough")
	n := 0
	if err := Walk(context.Background(), Source{Reader: bytes.NewReader(b)}, normalize.Limits{}, func(Entry) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("after %d entries: %v", n, err)
	}
	for _, b := range [][]byte{b, zipOf(file{"a", "1"}, file{"b", "2"}), []byte("{}")} {
		ctx, cancel := context.WithCancel(context.Background())
		n = 0
		err := Walk(ctx, Source{Reader: bytes.NewReader(b)}, normalize.Limits{}, func(Entry) error { n++; cancel(); return ctx.Err() })
		if !errors.Is(err, context.Canceled) || n != 1 {
			t.Errorf("after %d entries: %v", n, err)
		}
		if err := Walk(ctx, Source{Reader: bytes.NewReader(b)}, normalize.Limits{}, func(Entry) error { n++; return nil }); !errors.Is(err, context.Canceled) || n != 1 {
			t.Errorf("after %d entries: %v", n, err)
		}
	}
	// A context that ends while a bomb is being unpacked.
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	io.CopyN(z, zero{}, 256<<20)
	z.Close()
	time.Sleep(60 * time.Millisecond)
	if err := Walk(ctx, Source{Reader: &bomb}, normalize.Limits{}, func(Entry) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("bomb: %v", err)
	}
}

// TestUnreadable is a source that fails: a disk, a connection.
func TestUnreadable(t *testing.T) {
	broken := errors.New("input/output error")
	for name, b := range map[string][]byte{"plain": []byte("{"), "gzip": gz([]byte("{}"))[:15], "tar.gz": gz(tarOf(file{"a", "1"}, file{"b", zeros(2000)}))[:80], "nothing": nil} {
		for _, size := range []int64{0, 1000, 1 << 20} {
			list := entries(t, Source{Origin: "in", Reader: io.MultiReader(bytes.NewReader(b), iotest.ErrReader(broken)), Size: size}, normalize.Limits{})
			if n := len(list); n == 0 || list[n-1].Err == nil || list[n-1].Err.Reason != normalize.ReasonUnreadable || !errors.Is(list[n-1].Err, broken) {
				t.Errorf("%s, size %d: %s %v", name, size, show(list), list[n-1].Err)
			}
		}
	}
}

// TestSizes is a source whose size is not what was said.
func TestSizes(t *testing.T) {
	body := `{"a":"` + zeros(400<<10) + `"}`
	for _, n := range []int{0, 10, 300 << 10} {
		b := []byte(body[:len(body)-n])
		for _, size := range []int64{1, 5, int64(len(b)) - 1, int64(len(b)), int64(len(b)) + 1, 1 << 20, -5} {
			list := entries(t, Source{Origin: "in", Reader: bytes.NewReader(b), Size: size}, normalize.Limits{})
			if len(list) != 1 || !bytes.Equal(list[0].Bytes, b) {
				t.Errorf("%d bytes, size %d: %d entries", len(b), size, len(list))
			}
		}
	}
}

// TestOwned holds that entries do not share memory.
func TestOwned(t *testing.T) {
	var list []Entry
	b := tarOf(file{"a", "11111"}, file{"b", "22222"}, file{"c", string(gz([]byte("33333")))})
	for _, e := range entries(t, Source{Reader: bytes.NewReader(b)}, normalize.Limits{}) {
		for i := range list {
			if !bytes.Equal(list[i].Bytes, bytes.Repeat([]byte{byte('1' + i)}, 5)) {
				t.Errorf("entry %d has become %s", i, list[i].Bytes)
			}
		}
		list = append(list, e)
	}
}

func FuzzWalk(f *testing.F) {
	for _, b := range [][]byte{
		[]byte("{}"), gz([]byte("{}")), zst([]byte("{}")), bz2(), xzip([]byte("{}")), tarOf(file{"a", "1"}), zipOf(file{"a", "1"}, file{"b", "2"}),
		gz(tarOf(file{"a", string(gz([]byte("1")))})), zst(zipOf(file{"a", "1"})),
		[]byte(envelopeOf(inToto, statementOf("https://cyclonedx.org/bom", `{"bomFormat":"CycloneDX"}`))), []byte(bundleOf(envelopeOf(inToto, "{}"))),
		[]byte(`{"base64Signature":"e30="}`), []byte(`{"attestations":[{"bundle":{}},{}]}`), []byte("{\"a\":1}\n{\"b\":2}\n"), []byte("{\n}{}"), []byte("{}\n{"),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		lim := normalize.Limits{MaxBytes: 1 << 16, MaxArchive: 1 << 20, MaxEntries: 100}
		list := walk(t, b, lim)
		if len(list) == 0 {
			t.Fatal("nothing came out")
		}
		for _, e := range list {
			if e.Err != nil && !normalize.Permanent(e.Err) {
				t.Errorf("not permanent: %v", e.Err)
			}
			if int64(len(e.Bytes)) > lim.MaxBytes && e.Err == nil {
				t.Errorf("%s: %d bytes", e.Origin, len(e.Bytes))
			}
		}
	})
}

func BenchmarkWalk(b *testing.B) {
	var files []file
	for i := range 10000 {
		files = append(files, file{fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"id":%d,"text":"%s"}`, i, strings.Repeat("some words ", 150))})
	}
	one := "[" + strings.Repeat(files[1].body+",", 10000) + "0]"
	for _, c := range []struct {
		name string
		in   []byte
	}{
		{"zip", zipOf(files...)},
		{"tar.gz", gz(tarOf(files...))},
		{"tar", tarOf(files...)},
		{"plain", []byte(one)},
		{"small", []byte(files[1].body)},
		{"small.gz", gz([]byte(files[1].body))},
		{"gz", gz([]byte(one))},
		{"zst", zst([]byte(one))},
		{"xz", xzip([]byte(one))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var size int64
			for b.Loop() {
				size = 0
				err := Walk(context.Background(), Source{Reader: bytes.NewReader(c.in), ReaderAt: bytes.NewReader(c.in), Size: int64(len(c.in))}, normalize.Limits{}, func(e Entry) error {
					size += int64(len(e.Bytes))
					if e.Err != nil {
						return e.Err
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(size)
		})
	}
}

// TestPlain: what is plain is what Walk hands over as it is.
func TestPlain(t *testing.T) {
	t.Parallel()
	for _, doc := range [][]byte{[]byte("{}"), []byte("x"), []byte(" <a/>"), {}, []byte("\x1f\x8b\x08x"), []byte("PK\x03\x04"), make([]byte, 1024), []byte("BZh9"), make([]byte, 2000), []byte(`{"payload":"","payloadType":""}`), []byte("{}\n{}")} {
		var got [][]byte
		lim := normalize.DefaultLimits
		lim.MaxBytes = 1500
		err := Walk(t.Context(), Source{Origin: "x", Reader: bytes.NewReader(doc), Size: int64(len(doc))}, lim, func(e Entry) error {
			if e.Err == nil {
				got = append(got, e.Bytes)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		same := len(got) == 1 && bytes.Equal(got[0], doc)
		if plain := Plain(doc, lim); plain != same && len(doc) > 0 {
			t.Errorf("%.20q: plain is %v, and Walk gives %.20q", doc, plain, got)
		}
	}
}

// TestOfficeDocument: a spreadsheet is a zip archive, and one document.
func TestOfficeDocument(t *testing.T) {
	for first, isDocument := range map[string]bool{
		"[Content_Types].xml": true, "_rels/.rels": true, "docProps/app.xml": true, "xl/workbook.xml": true, "xlsx/a.json": false, "a.json": false,
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range []string{first, "b.json"} {
			w, err := z.Create(name)
			if err == nil {
				_, err = w.Write([]byte("{}"))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if got := kindOf(b.Bytes()) == plain; got != isDocument {
			t.Errorf("%s: a document: %v, want %v", first, got, isDocument)
		}
	}
}
