package bomlink_test

import (
	"strings"
	"testing"

	"sluice/normalize/internal/bomlink"
)

func TestParse(t *testing.T) {
	const uuid = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
	for _, c := range []struct {
		link, ref string
		err       error
	}{
		{"urn:cdx:" + uuid + "/1#cart", "cart", nil},
		{"URN:CDX:" + strings.ToUpper(uuid) + "/12#cart", "cart", nil},
		{"urn:cdx:urn:uuid:" + uuid + "/1#cart", "cart", nil},
		{"urn:cdx:" + uuid + "#cart", "cart", nil},
		{"urn:cdx:" + uuid + "/1", "", nil},
		{"urn:cdx:" + uuid, "", nil},
		{"urn:cdx:" + uuid + "/1#my%20purse", "my purse", nil},
		{"urn:cdx:" + uuid + "/1#50%", "50%", nil},
		{"urn:cdx:" + uuid + "/1#pkg:npm/%40shop/cart@1.9", "pkg:npm/%40shop/cart@1.9", nil},
		{"urn:cdx:" + uuid + "/1#pkg%3Anpm%2F%2540shop%2Fcart%401.9", "pkg:npm/%40shop/cart@1.9", nil},
		{"urn:cdx:" + uuid + "/1#", "", bomlink.ErrRef},
		{"urn:cdx:" + uuid + "/1#%20", "", bomlink.ErrRef},
		{"urn:cdx:" + uuid + "/#cart", "", bomlink.ErrVersion},
		{"urn:cdx:" + uuid + "/one#cart", "", bomlink.ErrVersion},
		{"urn:cdx:" + uuid + "/-1#cart", "", bomlink.ErrVersion},
		{"urn:cdx:", "", bomlink.ErrSerial},
		{"urn:cdx:#cart", "", bomlink.ErrSerial},
		{"urn:cdx:shop/1#cart", "", bomlink.ErrSerial},
		{"urn:cdx:" + uuid[1:] + "/1#cart", "", bomlink.ErrSerial},
		{"urn:cdx:" + strings.ReplaceAll(uuid, "-", "0") + "/1#cart", "", bomlink.ErrSerial},
		{"urn:uuid:" + uuid, "", bomlink.ErrSerial},
		{"", "", bomlink.ErrSerial},
		{"urn:cdx:" + uuid + "/1#" + strings.Repeat("x", 2000), "", bomlink.ErrLong},
	} {
		serial, ref, err := bomlink.Parse(c.link)
		if err != c.err || ref != c.ref || (serial == uuid) != (err == nil) {
			t.Errorf("%.80q: %q %q %v, want %q %v", c.link, serial, ref, err, c.ref, c.err)
		}
	}
}
