package cyclonedx_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/cyclonedx"
)

// TestProtobufParked: what nobody could use, in both forms.
func TestProtobufParked(t *testing.T) {
	deep := strings.Repeat("components{", 60) + strings.Repeat("}", 60)
	many := strings.Repeat("components{name:'a'}", 101)
	for _, c := range []struct{ name, text, reason, pointer string }{
		{"next version", `spec_version: "1.8"`, normalize.ReasonUnsupported, "/specVersion"},
		{"before protobuf", `spec_version: "1.2"`, normalize.ReasonUnsupported, "/specVersion"},
		{"too deep", `spec_version: "1.6" ` + deep, normalize.ReasonDepth, "1:571"},
		{"deep dependencies", `spec_version: "1.6" ` + strings.ReplaceAll(strings.Replace(deep, "components{", "dependencies{", 1), "components{", "dependencies{"), normalize.ReasonDepth, "1:671"},
		{"too many", `spec_version: "1.6" ` + many, normalize.ReasonTooMany, "/components/100"},
		{"NUL", `spec_version: "1.6" components{name:"a\000b"}`, normalize.ReasonNUL, "/components/0/name"},
		{"no UTF-8", `spec_version: "1.6" components{name:"a\xff"}`, normalize.ReasonEncoding, "/components/0/name"},
		{"no end", "spec_version: \"1.6\"\ncomponents { name: \"a\" ", normalize.ReasonSyntax, "2:24"},
		{"no end of a text", `spec_version: "1.6" components { name: "a`, normalize.ReasonSyntax, "1:42"},
		{"a line ends", "spec_version: \"1.6\" components { name: \"a\n\" }", normalize.ReasonSyntax, "1:42"},
		{"escape", `spec_version: "1.6" components { name: "\q" }`, normalize.ReasonSyntax, "1:42"},
		{"half a pair", `spec_version: "1.6" components { name: "\ud800" }`, normalize.ReasonSyntax, "1:47"},
		{"colon", `spec_version: "1.6" components { name "a" }`, normalize.ReasonSyntax, "1:39"},
		{"value", `spec_version: "1.6" version: }`, normalize.ReasonSyntax, "1:30"},
	} {
		_, err := cyclonedx.TextProto{}.Normalize(normalize.Input{Bytes: []byte(c.text), Limits: fuzzLimits})
		park, ok := errors.AsType[*normalize.ParkError](err)
		if !ok || park.Reason != c.reason || park.Pointer != c.pointer {
			t.Errorf("%s: %v, want %s at %s", c.name, err, c.reason, c.pointer)
		}
	}
	version := []byte("\x0a\x031.6")
	for _, c := range []struct {
		name          string
		wire          []byte
		reason, where string
	}{
		{"cut off", append(bytes.Clone(version), 0x2a, 0x40, 0x42), normalize.ReasonSyntax, ""},
		{"damaged inside", append(bytes.Clone(version), 0x2a, 2, 0x42, 9), normalize.ReasonSyntax, "/components/0"},
		{"damaged time", append(bytes.Clone(version), 0x22, 4, 0x0a, 2, 0x08, 0xff), normalize.ReasonSyntax, "/metadata/timestamp"},
		{"group without an end", append(bytes.Clone(version), 0x2b), normalize.ReasonSyntax, ""},
		{"grows", append(bytes.Clone(version), bytes.Repeat([]byte{0x3a, 0}, 1<<16)...), normalize.ReasonTooLarge, ""},
		{"packed numbers that grow", append(bytes.Clone(version), 0x52, 0xff, 0xff, 0x03, 0x32, 0xfb, 0xff, 0x03), normalize.ReasonSyntax, ""},
	} {
		_, err := cyclonedx.Protobuf{}.Normalize(normalize.Input{Bytes: c.wire})
		park, ok := errors.AsType[*normalize.ParkError](err)
		if !ok || park.Reason != c.reason || !strings.HasPrefix(park.Pointer, c.where) {
			t.Errorf("%s: %v, want %s at %s", c.name, err, c.reason, c.where)
		}
	}
}
