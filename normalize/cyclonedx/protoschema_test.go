package cyclonedx

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"

	"google.golang.org/protobuf/reflect/protoregistry"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
)

// descriptor is the schema as protobuf's own library takes one, so that its readers and
// writers can be compared with ours.
func descriptor(t testing.TB) protoreflect.MessageDescriptor {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("bom.proto"), Package: proto.String("cdx"), Syntax: proto.String("proto3"),
		Dependency: []string{"google/protobuf/timestamp.proto"},
	}
	seen, enums := map[*protoMessage]bool{}, map[*protoEnum]string{}
	var add func(m *protoMessage)
	add = func(m *protoMessage) {
		if seen[m] {
			return
		}
		seen[m] = true
		d := &descriptorpb.DescriptorProto{Name: proto.String(m.name)}
		for i := range m.fields {
			f := &m.fields[i]
			label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
			if f.list || f.kind == kindDependencies || f.kind == kindTools {
				label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED
			}
			p := &descriptorpb.FieldDescriptorProto{Name: &f.name, Number: proto.Int32(int32(f.number)), Label: &label}
			if label == descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL {
				p.Proto3Optional = proto.Bool(true)
				p.OneofIndex = proto.Int32(int32(len(d.OneofDecl)))
				d.OneofDecl = append(d.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: proto.String(fmt.Sprintf("_%d", f.number))})
			}
			typ := map[kind]descriptorpb.FieldDescriptorProto_Type{
				kindString: descriptorpb.FieldDescriptorProto_TYPE_STRING, kindBool: descriptorpb.FieldDescriptorProto_TYPE_BOOL, kindInt: descriptorpb.FieldDescriptorProto_TYPE_INT64,
				kindFloat: descriptorpb.FieldDescriptorProto_TYPE_FLOAT, kindDouble: descriptorpb.FieldDescriptorProto_TYPE_DOUBLE, kindEnum: descriptorpb.FieldDescriptorProto_TYPE_ENUM,
			}
			var known bool
			var of descriptorpb.FieldDescriptorProto_Type
			if of, known = typ[f.kind]; !known {
				of = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
			}
			p.Type = &of
			switch {
			case f.kind == kindTime || f.kind == kindDate:
				p.TypeName = proto.String(".google.protobuf.Timestamp")
			case f.message != nil:
				add(f.message)
				p.TypeName = proto.String(".cdx." + f.message.name)
			case f.enum != nil:
				if enums[f.enum] == "" {
					enums[f.enum] = fmt.Sprintf("E%d", len(enums))
					e := &descriptorpb.EnumDescriptorProto{Name: proto.String(enums[f.enum])}
					if len(f.enum.byName) > len(f.enum.words) {
						e.Options = &descriptorpb.EnumOptions{AllowAlias: proto.Bool(true)}
					}
					names := slices.Collect(maps.Keys(f.enum.byName))
					slices.SortFunc(names, func(a, b string) int {
						return f.enum.byName[a] - f.enum.byName[b]
					})
					for _, name := range names {
						e.Value = append(e.Value, &descriptorpb.EnumValueDescriptorProto{Name: proto.String(name), Number: proto.Int32(int32(f.enum.byName[name]))})
					}
					file.EnumType = append(file.EnumType, e)
				}
				p.TypeName = proto.String(".cdx." + enums[f.enum])
			}
			d.Field = append(d.Field, p)
		}
		file.MessageType = append(file.MessageType, d)
	}
	add(schema())
	fd, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return fd.Messages().ByName("Bom")
}

// library is the binary form of a text document as protobuf's library writes it.
func library(t testing.TB, d protoreflect.MessageDescriptor, text []byte) []byte {
	t.Helper()
	m := dynamicpb.NewMessage(d)
	if err := prototext.Unmarshal(text, m); err != nil {
		t.Fatal(err)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTextProtoIsTheLibrarys: what protobuf's own library makes of a text says the same as
// what our reader makes of it, for every field of the schema and for the real documents.
func TestTextProtoIsTheLibrarys(t *testing.T) {
	d := descriptor(t)
	docs := map[string][]byte{"every field": everyField(schema(), map[*protoMessage]int{})}
	files, err := filepath.Glob("testdata/notations/*.textproto")
	if err != nil || len(files) == 0 {
		t.Fatal("no text protobuf in testdata", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		docs[f] = b
	}
	if os.Getenv("SLUICE_CORPORA") != "" {
		for _, e := range testdocs.Manifest(t, "CycloneDX textproto") {
			docs[e.Path] = e.Read(t)
		}
	}
	for name, text := range docs {
		ours, err := TextProto{}.Normalize(normalize.Input{Bytes: text})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		theirs, err := Protobuf{}.Normalize(normalize.Input{Bytes: library(t, d, text)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(string(theirs.JSON), string(ours.JSON)); diff != "" {
			t.Errorf("%s (-theirs +ours)\n%s", name, diff)
		}
		for _, w := range ours.Warnings {
			if w.Code == "unknown-field" {
				t.Errorf("%s: %v", name, w)
			}
		}
	}
}

// everyField is a text document with every field of a message and of all that is inside of it.
func everyField(m *protoMessage, depth map[*protoMessage]int) []byte {
	var b strings.Builder
	depth[m]++
	for i := range m.fields {
		f := &m.fields[i]
		value := ""
		switch f.kind {
		case kindString:
			value = `: "text of ` + f.name + `\u00e9\n"`
			if m == schema() && f.number == 1 {
				value = `: "1.7"`
			}
		case kindBool:
			value = ": true"
		case kindInt:
			value = ": 42"
		case kindFloat, kindDouble:
			value = ": 0.25"
		case kindTime, kindDate:
			value = ": {seconds: 1700000000 nanos: 5}"
		case kindEnum:
			for name, n := range f.enum.byName {
				if n == len(f.enum.words)-1 {
					value = ": " + name
				}
			}
		default:
			if depth[f.message] > 0 {
				continue // it is inside of itself
			}
			value = " {\n" + string(everyField(f.message, depth)) + "}"
		}
		b.WriteString(f.name + value + "\n")
	}
	depth[m]--
	return []byte(b.String())
}

// TestSchemaWords: the text form and JSON have the words that the specification has, for
// those that are not made by the rule.
func TestSchemaWords(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`components { hashes { alg: HASH_ALG_SHA_3_256 value: "a" } }`, `"hashes":[{"alg":"SHA3-256","content":"a"}]`},
		{`components { type: CLASSIFICATION_MACHINE_LEARNING_MODEL mime_type: "x" bom_ref: "y" }`, `{"type":"machine-learning-model","mime-type":"x","bom-ref":"y"}`},
		{`components { external_references { url: "u" } }`, `"externalReferences":[{"url":"u","type":"other"}]`},
		{`components { external_references { type: EXTERNAL_REFERENCE_TYPE_RFC_9116 url: "u" } }`, `{"type":"rfc-9116","url":"u"}`},
		{`components { licenses { expression: "MIT" acknowledgement: LICENSE_ACKNOWLEDGEMENT_ENUMERATION_CONCLUDED } }`, `"licenses":[{"expression":"MIT","acknowledgement":"concluded"}]`},
		{`components { licenses { expression_detailed { expression: "A OR B" details { license_identifier: "A" } } } }`, `"licenses":[{"expression":"A OR B","expressionDetails":[{"licenseIdentifier":"A"}]}]`},
		{`components { evidence { copyright { text: "c" } identity { field: EVIDENCE_FIELD_OMNIBOR_ID methods { } } } }`, `"evidence":{"copyright":[{"text":"c"}],"identity":[{"field":"omniborId","methods":[{"technique":"source-code-analysis","confidence":0}]}]}`},
		{`components { modelCard { modelParameters { datasets { ref: "r" } datasets { dataset { name: "n" } } } } }`, `"datasets":[{"ref":"r"},{"name":"n","type":"source-code"}]`},
		{`components { modelCard { quantitativeAnalysis { graphics { graphic { name: "g" } } } } }`, `"graphics":{"collection":[{"name":"g"}]}`},
		{`components { patent_assertions { assertion_type: PATENT_ASSERTION_TYPE_PRIOR_ART asserter { ref: "r" } patent_refs: ["p", "q"] } }`, `"patentAssertions":[{"assertionType":"prior-art","patentRefs":["p","q"],"asserter":"r"}]`},
		{`components { cryptoProperties { algorithmProperties { implementationPlatform: CRYPTO_IMPLEMENTATION_PLATFORM_X390X } } }`, `"implementationPlatform":"s390x"`},
		{`components { cryptoProperties { certificateProperties { certificateExtensions { extensions { commonExtension { name: COMMON_EXTENSION_NAME_KEY_USAGE value: "v" } } } } } }`, `"certificateExtensions":[{"commonExtensionName":"keyUsage","commonExtensionValue":"v"}]`},
		{`components { cryptoProperties { protocolProperties { type: CRYPTO_PROTOCOL_TYPE_5G_AKA cryptoRef: "r" relatedCryptographicAssets { assets { type: "t" ref: "r" } } } } }`, `{"type":"5g-aka","cryptoRefArray":["r"],"relatedCryptographicAssets":[{"type":"t","ref":"r"}]}`},
		{`services { x_trust_boundary: false data { flow: DATA_FLOW_BI_DIRECTIONAL value: "PII" } }`, `{"x-trust-boundary":false,"data":[{"flow":"bi-directional","classification":"PII"}]}`},
		{`dependencies { ref: "a" dependencies { ref: "b" dependencies { ref: "c" } } dependencies { ref: "d" } provides: "e" }`, `"dependencies":[{"ref":"a","dependsOn":["b","d"],"provides":["e"]},{"ref":"b","dependsOn":["c"]}]`},
		{`metadata { tools { vendor: "v" name: "n" } tools { name: "m" } }`, `"tools":[{"vendor":"v","name":"n"},{"name":"m"}]`},
		{`metadata { tools { components { name: "n" } services { name: "s" } } }`, `"tools":{"components":[{"name":"n"}],"services":[{"name":"s"}]}`},
		{`metadata { timestamp { seconds: 1586809239 nanos: 500000000 } lifecycles { phase: LIFECYCLE_PHASE_DESIGN } }`, `{"timestamp":"2020-04-13T20:20:39.5Z","lifecycles":[{"phase":"design"}]}`},
		{`metadata { timestamp { } supplier { address { postalCodeue: "1" } } distributionConstraints { tlp: TLP_CLASSIFICATION_AMBER_AND_STRICT } }`, `{"timestamp":"1970-01-01T00:00:00Z","supplier":{"address":{"postalCode":"1"}},"distributionConstraints":{"tlp":"AMBER_AND_STRICT"}}`},
		{`compositions { assemblies: "a" }`, `"compositions":[{"assemblies":["a"],"aggregate":"not_specified"}]`},
		{`vulnerabilities { ratings { score: 7.50 method: SCORE_METHOD_CVSSV31 severity: SEVERITY_UNKNOWN } cwes: [79, 89] }`, `"ratings":[{"score":7.5,"severity":"unknown","method":"CVSSv31"}],"cwes":[79,89]`},
		{`vulnerabilities { analysis { state: IMPACT_ANALYSIS_STATE_NOT_AFFECTED response: VULNERABILITY_RESPONSE_WILL_NOT_FIX } affects { ref: "r" versions { version: "1" status: VULNERABILITY_AFFECTED_STATUS_NOT_AFFECTED } } }`, `"analysis":{"state":"not_affected","response":["will_not_fix"]},"affects":[{"ref":"r","versions":[{"version":"1","status":"unaffected"}]}]`},
		{`formulation { workflows { inputs { environmentVars { value: "v" } environmentVars { property { name: "n" value: "w" } } } trigger { uid: "u" } } }`, `{"trigger":{"uid":"u","type":"manual"},"inputs":[{"environmentVars":["v",{"name":"n","value":"w"}]}]}`},
		{`definitions { patents { patent { patent_number: "1" filing_date { seconds: 1700000000 } patent_assignee { organization { name: "o" } } } } }`, `"definitions":{"patents":[{"patentNumber":"1","filingDate":"2023-11-14","patentAssignee":[{"name":"o"}]}]}`},
		{`citations { pointers { pointer: "/a" pointer: "/b" } timestamp { seconds: 1 } }`, `"citations":[{"pointers":["/a","/b"],"timestamp":"1970-01-01T00:00:01Z"}]`},
		{`declarations { claims { target: "a" } } declarations { claims { target: "b" } }`, `"declarations":{"claims":[{"target":"a"},{"target":"b"}]}`},
	} {
		doc, err := TextProto{}.Normalize(normalize.Input{Bytes: []byte(`spec_version: "1.7" ` + c.text)})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if !strings.Contains(string(doc.JSON), c.want) {
			t.Errorf("%s\ngot  %s\nwant %s", c.text, doc.JSON, c.want)
		}
	}
}
