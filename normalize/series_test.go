package normalize_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice/normalize"
)

// TestVersionRank holds the order of versions that documents have.
func TestVersionRank(t *testing.T) {
	// Each line is newer than the one before; what stands on one line is equal.
	lines := [][]string{
		{"", "latest", "1.x", "-1", "1.2.3-", "1..2", "v", "1.0.0-a..b", "1.0-ä", strings.Repeat("9", 94), strings.Repeat("1.", 120) + "1"},
		{"0-0"},
		{"0.0.0-rc"},
		{"0", "0.0", "0.0.0", "v0", "000"},
		{"0.0.1"},
		{"0.9.0"},
		{"1.0.0-0"},
		{"1.0.0-2", "1-2"},
		{"1.0.0-10", "1.0.0-010"},
		{"1.0.0--5"},
		{"1.0.0-alpha", "1-alpha"},
		{"1.0.0-alpha.1", "1.0.0-alpha.1+exp.sha"},
		{"1.0.0-alpha.1.0"},
		{"1.0.0-alpha.beta"},
		{"1.0.0-alphabet"},
		{"1.0.0-beta"},
		{"1.0.0-beta.2"},
		{"1.0.0-beta.11"},
		{"1.0.0-rc.1"},
		{"1", "1.0", "1.0.0", "v1.0.0", "V1", " 1 ", "01", "1+20130313", "1.0.0.0"},
		{"1.0.0.1"},
		{"1.0.1"},
		{"1.2.0"},
		{"1.9.0"},
		{"1.10.0-rc.1"},
		{"1.10.0"},
		{"2", "2.0.0"},
		{"2.0.1"},
		{"3"},
		{"10"},
		{"2024.1.15"},
		{"20240115"},
		{"2023-01-09"},
		{"2023-01-09T00:00:01Z", "2023-01-09 00:00:01"},
		{"2023-01-08T18:02:03.647787998-06:00", "2023-01-09T00:02:03.647787998z"},
		{"18446744073709551616"},
		{strings.Repeat("9", 93)},
	}
	for i, line := range lines {
		for _, v := range line {
			rank := normalize.VersionRank(v)
			if first := normalize.VersionRank(line[0]); rank != first {
				t.Errorf("%.60q ranks %q, %.60q %q; they are equal", v, rank, line[0], first)
			}
			if (rank == "") != (i == 0) {
				t.Errorf("%.60q ranks %q", v, rank)
			}
			if i > 0 {
				if before := lines[i-1][0]; rank <= normalize.VersionRank(before) {
					t.Errorf("%.60q does not rank above %.60q", v, before)
				}
			}
		}
	}
}

// TestVersionRankOrder compares random versions with an order written down plainly.
func TestVersionRankOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	less := 0
	for range 200_000 {
		a, b := randomVersion(random), randomVersion(random)
		x, y := normalize.VersionRank(a.String()), normalize.VersionRank(b.String())
		want := a.compare(b)
		if got := cmp.Compare(x, y); got != want || x == "" || y == "" {
			t.Fatalf("%s, %s: %d, want %d (%q, %q)", a, b, got, want, x, y)
		}
		if want < 0 {
			less++
		}
		if !utf8.ValidString(x) || strings.ContainsRune(x, 0) || len(x) > 2*len(a.String())+2 {
			t.Fatalf("%s: %q", a, x)
		}
	}
	if less < 50_000 {
		t.Errorf("only %d pairs in order", less)
	}
}

// semver is a version in parts.
type semver struct {
	numbers []int
	pre     []any // int or string
}

func randomVersion(random *rand.Rand) (v semver) {
	number := func() int { return [...]int{0, 0, 1, 2, 9, 10, 11, 100, random.IntN(30)}[random.IntN(9)] }
	for range 1 + random.IntN(4) {
		v.numbers = append(v.numbers, number())
	}
	if random.IntN(2) == 0 {
		for range 1 + random.IntN(3) {
			if random.IntN(2) == 0 {
				v.pre = append(v.pre, number())
			} else {
				v.pre = append(v.pre, [...]string{"a", "A", "alpha", "alphabet", "rc", "rc1", "rc-1", "-", "x0", "0x"}[random.IntN(10)])
			}
		}
	}
	return v
}

func (v semver) String() string {
	join := func(list []any) string { return strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ".") }
	s := strings.ReplaceAll(strings.Trim(fmt.Sprint(v.numbers), "[]"), " ", ".")
	if len(v.pre) > 0 {
		s += "-" + join(v.pre)
	}
	return s
}

func (v semver) compare(w semver) int {
	for i := range 4 {
		var n, m int
		if i < len(v.numbers) {
			n = v.numbers[i]
		}
		if i < len(w.numbers) {
			m = w.numbers[i]
		}
		if n != m {
			return cmp.Compare(n, m)
		}
	}
	if len(v.pre) == 0 || len(w.pre) == 0 {
		return cmp.Compare(len(w.pre), len(v.pre)) // the release is the one without
	}
	for i := range min(len(v.pre), len(w.pre)) {
		n, isN := v.pre[i].(int)
		m, isM := w.pre[i].(int)
		switch {
		case isN && isM && n != m:
			return cmp.Compare(n, m)
		case isN && isM:
		case isN:
			return -1
		case isM:
			return +1
		case v.pre[i] != w.pre[i]:
			return strings.Compare(v.pre[i].(string), w.pre[i].(string))
		}
	}
	return cmp.Compare(len(v.pre), len(w.pre))
}

// FuzzVersionRank holds that any text has a rank that a database can hold.
func FuzzVersionRank(f *testing.F) {
	for _, s := range []string{"1", "1.2.3-rc.1+b", "2023-01-08T18:02:03Z", "v\x00", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rank := normalize.VersionRank(s)
		if !utf8.ValidString(rank) || strings.ContainsRune(rank, 0) || len(rank) > 2*len(s)+22 {
			t.Errorf("%q: %q", s, rank)
		}
	})
}
