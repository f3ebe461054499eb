package xmltext_test

import (
	"errors"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/internal/xmltext"
)

func TestDecode(t *testing.T) {
	for in, want := range map[string]string{
		`<a/>`: `<a/>`,
		"\xef\xbb\xbf<?xml version='1.1' encoding='UTF-8'?><a>é</a>":     "<a>é</a>",
		"\n <?xml version=\"1.0\" encoding = \"latin1\"?><a>caf\xe9</a>": "<a>café</a>",
		"<?xml version='1.0' encoding='us-ascii'?><a/>":                  "<a/>",
		"<?xml-stylesheet encoding='utf-16'?><a/>":                       "<?xml-stylesheet encoding='utf-16'?><a/>",
		"<?xml version='1.0' encoding='UTF-16'?><a/>":                    "encoding at 1:1",
		"<?xml version='1.0' encoding='windows-1252'?><a>caf\xe9</a>":    "encoding at 1:1",
		"\xff\xfe<\x00a\x00/\x00>\x00":                                   "encoding at 1:1",
		"<?xml version='1.0'\nencoding='utf-8'?><a>\ncaf\xe9</a>":        "encoding at 3:4",
		"<?xml version='1.0'?><a>caf\xe9</a>":                            "encoding at 1:28",
		" \n":                                                            "empty",
		"<a " + strings.Repeat("b='' ", 300_000) + "/>":                  "too-large at 1:1",
		"<x>\n<a " + strings.Repeat(`b=">" `, 300_000) + "/></x>":        "too-large at 2:1",
	} {
		text, err := xmltext.Decode([]byte(in))
		if err != nil {
			var park *normalize.ParkError
			if !errors.As(err, &park) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%.60q: %v, want %s", in, err, want)
			}
		} else if string(text.Body) != want {
			t.Errorf("%.60q: %q, want %q", in, text.Body, want)
		}
	}
	// What is long for other reasons than its attributes is read.
	long := strings.Repeat("b = c ", 300_000)
	for _, in := range []string{"<a>" + long + "</a>", "<!--" + long + "--><a/>", "<a><![CDATA[" + long + "]]></a>", "<a b='" + strings.Repeat("x", 2<<20) + "'/>"} {
		if _, err := xmltext.Decode([]byte(in)); err != nil {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}

func TestPosition(t *testing.T) {
	text, err := xmltext.Decode([]byte("<?xml version='1.0'\n?> <a>\n</a>"))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := text.Position(1, 2), text.Position(2, 1); a != "2:4" || b != "3:1" {
		t.Error(a, b)
	}
}
