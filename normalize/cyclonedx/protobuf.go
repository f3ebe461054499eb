package cyclonedx

import (
	"sluice/normalize"
)

// Protobuf is CycloneDX as Protocol Buffers, in the binary form.
type Protobuf struct{}

// Name implements [normalize.Format].
func (Protobuf) Name() string { return "cyclonedx-protobuf" }

// Meaning implements [normalize.Comparer].
func (Protobuf) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (Protobuf) Detect(h *normalize.Head) bool { return h.Syntax == normalize.Protobuf }

// Normalize implements [normalize.Format]. Document.JSON is the JSON form.
func (f Protobuf) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := &normalize.Document{Format: f.Name()}
	if err := readProtobuf(doc, in.Bytes, len(in.Bytes), in.Limits.OrDefault()); err != nil {
		return nil, err
	}
	return doc, nil
}

// TextProto is CycloneDX as Protocol Buffers, in the text form.
type TextProto struct{}

// Name implements [normalize.Format].
func (TextProto) Name() string { return "cyclonedx-textproto" }

// Meaning implements [normalize.Comparer].
func (TextProto) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (TextProto) Detect(h *normalize.Head) bool { return h.Syntax == normalize.TextProto }

// Normalize implements [normalize.Format]. Document.JSON is the JSON form.
func (f TextProto) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := &normalize.Document{Format: f.Name()}
	limits := in.Limits.OrDefault()
	wire, err := binaryForm(in.Bytes, limits, doc.Warn)
	if err != nil {
		return nil, err
	}
	if err := readProtobuf(doc, wire, len(in.Bytes), limits); err != nil {
		return nil, err
	}
	return doc, nil
}

// readProtobuf reads the binary form of a document of size bytes.
func readProtobuf(doc *normalize.Document, wire []byte, size int, limits normalize.Limits) error {
	form, err := jsonForm(wire, size, limits, doc.Warn)
	if err != nil {
		return err
	}
	if err := read(doc, form, limits); err != nil {
		return err
	}
	doc.JSON = form
	return nil
}
