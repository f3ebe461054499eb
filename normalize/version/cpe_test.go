package version

import "testing"

// TestCPEOrder has versions in ascending order, several in a group where they are one.
func TestCPEOrder(t *testing.T) {
	groups := [][]string{
		{"0", "0.0"},
		{"0.9"},
		{"1.0-alpha", "1.0alpha"},
		{"1.0-alpha2"},
		{"1.0-beta"},
		{"1.0-rc1", "1.0rc1", "1.0.0-rc.1", "v1.0:rc1"},
		{"1.0-rc2"},
		{"1", "1.0", "1.0.0", "v1.0", "2:1.0"},
		{"1.0" + Behind},
		{"1.0a"},
		{"1.0b"},
		{"1.0-p2", "1.0p2"},
		{"1.0.1"},
		{"1.0.1f"},
		{"1.0.2-beta1"},
		{"1.0.2"},
		{"1.2"},
		{"1.10"},
		{"7.60-1.fc39"},
		{"2020.1"},
	}
	for i, a := range groups {
		for j, b := range groups {
			for _, x := range a {
				for _, y := range b {
					kx, ok := cpeKey(x)
					ky, ok2 := cpeKey(y)
					if !ok || !ok2 {
						t.Fatalf("%q %v, %q %v", x, ok, y, ok2)
					}
					if (kx < ky) != (i < j) || (kx == ky) != (i == j) {
						t.Errorf("%q and %q are in the wrong order", x, y)
					}
				}
			}
		}
	}
	for _, s := range []string{"", "-", "*", "\x00", "1\n"} {
		if _, ok := cpeKey(s); ok {
			t.Errorf("%q is a version", s)
		}
	}
}
