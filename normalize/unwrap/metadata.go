package unwrap

import (
	"bytes"
	"regexp"
)

// What a CSAF provider's folder holds beside documents, besides the JSON that shapeOf knows. All of it is
// told by its content, as documents are.
var (
	checkSumLine = regexp.MustCompile(`^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})(?:[ \t]+\*?\S.*)?$`)
	changesLine  = regexp.MustCompile(`^"?[^",\s]+\.json"?,"?\d{4}-\d\d-\d\dT[0-9:.+Zz-]+"?$`)
	indexLine    = regexp.MustCompile(`^(?:[\w.%+~-]+/)*\d{4}/[\w.%+~-]+\.json$`)
)

// metadataLines is how many lines of a text have to look alike.
const metadataLines = 64

// metadata says what a text is that belongs to documents and is none; "" where it may be one.
func metadata(b []byte) string {
	if len(b) == 0 || b[0] == '{' || b[0] == '<' || b[0] == '[' {
		return ""
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(b[:min(len(b), 64<<10)], []byte("\xef\xbb\xbf")))
	switch {
	case bytes.HasPrefix(text, []byte("-----BEGIN PGP SIGNATURE-----")):
		return "the signature of another file"
	case bytes.HasPrefix(text, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")):
		return "an OpenPGP key"
	case bytes.HasPrefix(text, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) && bytes.Contains(text, []byte("\nContact:")), bytes.HasPrefix(text, []byte("Contact:")) && bytes.Contains(text, []byte("\nExpires:")):
		return "security.txt"
	}
	for _, kind := range []struct {
		line *regexp.Regexp
		what string
	}{{checkSumLine, "the check sum of another file"}, {changesLine, "a list of changes"}, {indexLine, "a list of files"}} {
		if all(text, kind.line, len(text) < len(b)-4) {
			return kind.what
		}
	}
	return ""
}

// all reports whether every line of text, of which there may be more than is looked at, is of a kind.
func all(text []byte, line *regexp.Regexp, cut bool) bool {
	n := 0
	for len(text) > 0 && n < metadataLines {
		one, rest, more := bytes.Cut(text, []byte("\n"))
		if !more && cut && n > 0 {
			break
		}
		if one = bytes.TrimSpace(one); len(one) > 0 && !line.Match(one) {
			return false
		}
		text = rest
		n++
	}
	return n > 0
}
