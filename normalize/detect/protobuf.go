package detect

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
)

// bomFields are the fields of CycloneDX's message Bom, all versions, by number.
var bomFields = []string{
	1: "spec_version", 2: "version", 3: "serial_number", 4: "metadata", 5: "components", 6: "services", 7: "external_references", 8: "dependencies",
	9: "compositions", 10: "vulnerabilities", 11: "annotations", 12: "properties", 13: "formulation", 14: "declarations", 15: "definitions", 16: "citations",
}

// isSpecVersion reports whether s is a version of CycloneDX: "1.6", "2.0".
func isSpecVersion(s []byte) bool {
	major, minor, ok := bytes.Cut(s, []byte{'.'})
	return ok && len(major) > 0 && len(minor) > 0 && len(s) <= 8 && digits(major, 0) == len(major) && digits(minor, 0) == len(minor)
}

// binaryBOM recognises a BOM in binary protobuf, which has no magic number: its first field
// says the version of the specification as a rule, and all of them are of a Bom, or of one
// of a version to come. One that is cut off is recognised by its beginning.
func binaryBOM(b []byte) (version string, ok bool) {
	for rest := b; len(rest) > 0; {
		number, typ, n := protowire.ConsumeTag(rest)
		if n < 0 || typ != protowire.BytesType && typ != protowire.VarintType || number > 100 || (number == 2) != (typ == protowire.VarintType) && int(number) < len(bomFields) {
			// Only what said so before is a BOM, which is damaged here.
			return version, version != "" && len(b)-len(rest) > 5
		}
		rest = rest[n:]
		if typ == protowire.VarintType {
			_, n = protowire.ConsumeVarint(rest)
		} else {
			var value []byte
			value, n = protowire.ConsumeBytes(rest)
			if n >= 0 && number == 1 {
				if !isSpecVersion(value) {
					return "", false
				}
				version = string(value)
			}
		}
		if n < 0 {
			return version, version != ""
		}
		rest = rest[n:]
	}
	return version, version != ""
}

// textBOM recognises a BOM in text protobuf: at its top there are fields of a Bom only, and
// one of them is the version of the specification, or a comment before them says what it is.
// YAML may look alike for some lines: it has other names, or no brackets around what is inside.
func textBOM(b []byte) (version string, ok bool) {
	said := bytes.Contains(b[:skipTextSpace(b, 0)], []byte("proto-message: Bom"))
	for i := 0; ; {
		if i = skipTextSpace(b, i); i >= len(b) {
			return version, version != "" || said
		}
		start := i
		for i < len(b) && (b[i] >= 'a' && b[i] <= 'z' || b[i] == '_') {
			i++
		}
		name := string(b[start:i])
		if !isBOMField(name) {
			return "", false
		}
		colon := false
		if i = skipTextSpace(b, i); i < len(b) && b[i] == ':' {
			colon = true
			i = skipTextSpace(b, i+1)
		}
		if i >= len(b) {
			return "", false
		}
		switch c := b[i]; {
		case c == '{' || c == '<' || c == '[':
			// A message as large as the document: what follows it is rarely worth the way.
			if version != "" || said {
				return version, true
			}
			i = skipMessage(b, i)
		case colon && (c == '"' || c == '\''):
			end := bytes.IndexByte(b[i+1:], c)
			if end < 0 {
				return "", false
			}
			if value := b[i+1 : i+1+end]; name == bomFields[1] {
				if !isSpecVersion(value) {
					return "", false
				}
				version = string(value)
			}
			i += end + 2
		case colon && c >= '0' && c <= '9' && name == bomFields[2]:
			i = digits(b, i)
		default:
			return "", false
		}
		if i = skipTextSpace(b, i); i < len(b) && (b[i] == ',' || b[i] == ';') {
			i++
		}
	}
}

func isBOMField(name string) bool {
	for _, f := range bomFields[1:] {
		if f == name {
			return true
		}
	}
	return false
}

// skipTextSpace passes over white space and comments.
func skipTextSpace(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ', '\t', '\r', '\n':
			i++
		case '#':
			n := bytes.IndexByte(b[i:], '\n')
			if n < 0 {
				return len(b)
			}
			i += n
		default:
			return i
		}
	}
	return i
}

// skipMessage returns the offset after the message or list at i, len(b) where it has no end.
func skipMessage(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch c := b[i]; c {
		case '{', '<', '[':
			depth++
		case '}', '>', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '#':
			i = skipTextSpace(b, i)
			continue
		case '"', '\'':
			for i++; i < len(b) && b[i] != c; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
		i++
	}
	return len(b)
}
