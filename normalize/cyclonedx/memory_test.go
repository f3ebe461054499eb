package cyclonedx_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/test/brief"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
)

// childCase tells the child process of TestXMLMemory what to read.
const childCase = "SLUICE_TEST_XML_MEMORY"

// amplifiers are lists of empty elements, which say nothing and would cost up to forty
// times their size in the library's structs, or twice in JSON.
var amplifiers = [][3]string{
	{"<properties>", "<property/>", "</properties>"},
	{"<components><component><components>", "<component/>", "</components></component></components>"},
	{"<vulnerabilities><vulnerability><affects>", "<target/>", "</affects></vulnerability></vulnerabilities>"},
}

// TestXMLMemory holds that reading costs less than four times the document and 100 MB,
// without a memory limit. Each case has a process of its own, for its own peak.
func TestXMLMemory(t *testing.T) {
	const size = 8 << 20
	if i, err := strconv.Atoi(os.Getenv(childCase)); err == nil {
		a := amplifiers[i]
		var b strings.Builder
		b.Grow(size + 1000)
		b.WriteString(`<bom xmlns="http://cyclonedx.org/schema/bom/1.6">` + a[0])
		for b.Len() < size {
			b.WriteString(a[1])
		}
		b.WriteString(a[2] + "</bom>")
		_, err := cyclonedx.XML{}.Normalize(normalize.Input{Bytes: []byte(b.String())})
		if err != nil && !normalize.Permanent(err) {
			t.Fatal(err)
		}
		fmt.Printf("peak %d kB\n", peak(t))
		return
	}
	if brief.Run(t) {
		t.Skip("takes seconds, and the race detector takes memory of its own")
	}
	peak(t) // skips where it cannot be known
	for i, a := range amplifiers {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestXMLMemory$")
		cmd.Env = append(os.Environ(), childCase+"="+strconv.Itoa(i), "GOMEMLIMIT=off", "GOGC=100")
		out, err := cmd.CombinedOutput()
		_, rest, _ := strings.Cut(string(out), "peak ")
		kB, _, _ := strings.Cut(rest, " ")
		n, errN := strconv.Atoi(kB)
		if err != nil || errN != nil {
			t.Fatalf("%v, %v: %s", err, errN, out)
		}
		// The document is there twice: as it was built, and as bytes.
		if most := (5*size + 100<<20) >> 10; n > most {
			t.Errorf("%s%s: %d kB at the peak, want less than %d", a[0], a[1], n, most)
		}
		t.Logf("%s%s: %d MB", a[0], a[1], n>>10)
	}
}

// peak is the most memory, in kB, that this process has had.
func peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here to read the peak from")
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kB, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "kB", 2)[0]))
	if err != nil {
		t.Skip("no VmHWM in /proc/self/status")
	}
	return kB
}
