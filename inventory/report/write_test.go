package report

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/brief"
)

// sample is a report with something of everything, and what a document could try to do to a page.
func sample() Data {
	day := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	d := Data{Tenant: "acme", At: day.Add(9 * time.Hour), Artifacts: 214, Retired: 12, Components: 48_211, Unmatched: 1_204, Suppressed: 311, Known: 9}
	for i, s := range Severities {
		for age := range Ages {
			d.Count(s, age, int64((i+1)*(age+3)*7))
		}
	}
	open := d.Open()
	for i := range 90 {
		d.Trend = append(d.Trend, Point{Day: day.AddDate(0, 0, i-89), Open: open - int64((89-i)*7) + int64(i%9*31), Opened: int64(i % 5 * 11), Ended: int64(i % 3 * 9)})
	}
	score := float32(0.943)
	d.First = []Urgent{
		{Vulnerability: "CVE-2021-44228", Package: "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1", Severity: "critical", Score: "10.0", KEV: true, EPSS: &score, Fix: true, Exposed: 3, Artifacts: 41, FirstSeen: day.AddDate(0, -2, 0)},
		{Vulnerability: "<script>alert(1)</script>", Package: `pkg:npm/"onload="x@1`, Severity: "", Artifacts: 1, FirstSeen: day},
	}
	d.Packages = []Package{{Name: "pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64&distro=debian-12", Findings: 1523, Vulnerabilities: 18, Artifacts: 96, Worst: "high", Fix: true}}
	d.Worst = []Artifact{{Name: "pkg:oci/storefront@2.1?repository_url=registry.example.com/works", Findings: 412, Critical: 7, High: 52, Tags: "internet-facing production"}}
	return d
}

// TestWrite: the page asks for nothing, runs nothing, and shows what documents say as text.
func TestWrite(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, has := range []string{
		`<html lang="en">`, "CVE-2021-44228", "&lt;script&gt;alert(1)&lt;/script&gt;", "0.943", "<svg", `scope="col"`, `scope="row"`, "2.5 %", "prefers-color-scheme: dark", "@media print",
		"12 retired artifacts",
	} {
		if !strings.Contains(page, has) {
			t.Errorf("the page does not have %s", has)
		}
	}
	for _, has := range []string{"<script", "http://", "https://", "url(", "@import", "<link", "<img", "<iframe", "ZgotmplZ", "NaN", "%!"} {
		if strings.Contains(page, has) {
			t.Errorf("the page has %s", has)
		}
	}
	for _, tag := range []string{"table", "thead", "tbody", "tr", "section", "svg", "div", "dl", "figure", "main"} {
		opened, closed := len(regexp.MustCompile("<"+tag+"[ >]").FindAllString(page, -1)), strings.Count(page, "</"+tag+">")
		if opened != closed {
			t.Errorf("%d <%s> and %d </%[2]s>", opened, tag, closed)
		}
	}
}

// TestWriteEmpty: a tenant without anything has a page too.
func TestWriteEmpty(t *testing.T) {
	t.Parallel()
	for _, days := range []int{0, 1, 2, 6} {
		var b bytes.Buffer
		if err := Write(&b, Data{Tenant: "new", At: time.Now(), Trend: make([]Point, days)}); err != nil {
			t.Fatal(err)
		}
		if page := b.String(); strings.Contains(page, "NaN") || !strings.Contains(page, "Nothing is open.") || !strings.Contains(page, "0.0 %") {
			t.Errorf("%d days: %s", days, page)
		}
	}
}

// TestContrast: text can be read on what it stands on, by WCAG 2.1 AA (4.5 to 1), in light, dark and print.
func TestContrast(t *testing.T) {
	t.Parallel()
	roots := regexp.MustCompile(`:root \{([^}]*)\}`).FindAllStringSubmatch(pageText, -1)
	if len(roots) != 3 {
		t.Fatalf("%d sets of colours", len(roots))
	}
	for i, root := range roots {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--(\w+): #(\w{2})(\w{2})(\w{2})`).FindAllStringSubmatch(root[1], -1) {
			colours[m[1]] = luminance(t, m[2], m[3], m[4])
		}
		for _, ink := range []string{"ink", "soft", "accent", "critical", "high", "medium", "low", "unrated"} {
			for _, paper := range []string{"paper", "card"} {
				a, b := colours[ink], colours[paper]
				if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
					t.Errorf("set %d: %s on %s has a contrast of %.2f", i, ink, paper, ratio)
				}
			}
		}
	}
}

func luminance(t *testing.T, rgb ...string) (l float64) {
	t.Helper()
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		var v int
		if _, err := fmt.Sscanf(rgb[i], "%x", &v); err != nil {
			t.Fatal(err)
		}
		c := float64(v) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l
}

// TestNumbers: the axis ends at a round number that all fits under.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]int64{0: 4, 4: 4, 5: 8, 9: 20, 21: 40, 1_000_000: 2_000_000} {
		if got := roundUp(n); got != want {
			t.Errorf("%d: %d, want %d", n, got, want)
		}
	}
	if got := Number(1_234_567); got != "1\u00a0234\u00a0567" {
		t.Errorf("%q", got)
	}
}

// TestBrowser opens the page in a browser: it says that it asked for nothing and that no part of the page is wider
// than a telephone, and leaves pictures where SLUICE_SCREENSHOTS says.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := ""
	for _, name := range []string{os.Getenv("SLUICE_BROWSER"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("there is no Chromium on this machine: SLUICE_BROWSER names one")
	}
	if brief.Run(t) {
		t.Skip("short: starts a browser")
	}
	dir := t.TempDir()
	shots := os.Getenv("SLUICE_SCREENSHOTS")
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "report.html")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	see := func(args ...string) string {
		t.Helper()
		args = append([]string{"--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir=" + filepath.Join(dir, "profile"), "--virtual-time-budget=2000"}, args...)
		out, err := exec.Command(browser, append(args, "file://"+name)...).Output()
		if err != nil {
			t.Fatalf("%s: %v", browser, err)
		}
		return string(out)
	}
	// As the browser understood it.
	dom := see("--dump-dom")
	for _, has := range []string{"CVE-2021-44228", "&lt;script&gt;alert(1)&lt;/script&gt;", "<path class=\"line\"", "</main>"} {
		if !strings.Contains(dom, has) {
			t.Errorf("the browser does not see %s", has)
		}
	}
	if shots == "" {
		return
	}
	for shot, args := range map[string][]string{
		"light":  {"--window-size=1100,2200"},
		"dark":   {"--window-size=1100,2200", "--force-dark-mode", "--blink-settings=preferredColorScheme=0"},
		"narrow": {"--window-size=500,2600"},
	} {
		see(append(args, "--screenshot="+filepath.Join(shots, shot+".png"))...)
	}
	see("--print-to-pdf=" + filepath.Join(shots, "print.pdf"))
}
