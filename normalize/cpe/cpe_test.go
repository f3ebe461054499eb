package cpe

import "testing"

func TestParse(t *testing.T) {
	for in, want := range map[string]struct{ key, release string }{
		`cpe:2.3:a:google:chrome:*:*:*:*:*:*:*:*`:                  {"cpe:a:google:chrome", ""},
		`cpe:2.3:a:Google:Chrome:1.0:rc1:*:*:*:*:*:*`:              {"cpe:a:google:chrome", "1.0-rc1"},
		`cpe:2.3:a:automattic:jetpack:2.9.3:*:*:*:*:wordpress:*:*`: {"cpe:a:automattic:jetpack:wordpress", "2.9.3"},
		`cpe:2.3:a:haxx:libcurl\:\:x:7.0\+git:-:*:*:*:*:*:*`:       {`cpe:a:haxx:libcurl\:\:x`, "7.0+git"},
		`cpe:2.3:o:linux:linux_kernel:-:*:*:*:*:*:*:*`:             {"cpe:o:linux:linux_kernel", ""},
		`cpe:/o:redhat:enterprise_linux:8::baseos`:                 {"cpe:o:redhat:enterprise_linux", "8"},
		`cpe:/a:apache:http%5fserver:2.4`:                          {"cpe:a:apache:http_server", "2.4"},
		` cpe:2.3:a:x:y `:                                          {"cpe:a:x:y", ""},
		`cpe:2.3:a:x`:                                              {},
		`cpe:2.3:a:*:y:*`:                                          {},
		`cpe:2.3:a:-:y:*`:                                          {},
		`cpe:2.3:*:x:y:*`:                                          {},
		`cpe:2.3:a:x:y:1:2:3:4:5:6:7:8:9`:                          {},
		`cpe:/a:x`:                                                 {},
		`pkg:npm/x@1`:                                              {},
		``:                                                         {},
		`cpe:2.3:a:x:y\`:                                           {`cpe:a:x:y\`, ""},
	} {
		n, ok := Parse(in)
		switch {
		case ok != (want.key != ""):
			t.Errorf("%q: %+v, %v", in, n, ok)
		case ok && (n.Key() != want.key || n.Release() != want.release):
			t.Errorf("%q: %s %q, want %v", in, n.Key(), n.Release(), want)
		}
	}
	if n, _ := Parse("cpe:/o:redhat:enterprise_linux:8::baseos"); n.Edition != "baseos" {
		t.Errorf("%+v", n)
	}
}
