package detect

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/xmltext"
)

// scanXML reads up to the root element; the rest is the format's to read, its
// encoding included: what cannot be decoded should still be recognised and named.
func scanXML(b []byte) (*normalize.Head, error) {
	if err := xmltext.CheckTags(b); err != nil {
		return nil, err
	}
	declaration, body := xmltext.Cut(b)
	isUTF8 := xmltext.IsUTF8(xmltext.Encoding(declaration))
	var text io.Reader = bytes.NewReader(body)
	if !isUTF8 {
		text = asciiReader{text} // up to the root element only ASCII matters
	}
	d := xml.NewDecoder(text)
	// HTML and other sloppy documents should reach Detect, which can say what they are.
	d.Strict = false
	head := &normalize.Head{Syntax: normalize.XML, Members: map[string]string{}}
	for {
		t, err := d.Token()
		if err != nil {
			if isUTF8 {
				if err := checkUTF8(b); err != nil {
					return nil, err
				}
			}
			where := lineColumn(b, len(declaration)+int(d.InputOffset()))
			if errors.Is(err, io.EOF) {
				err = errors.New("it has no root element")
			}
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) {
				err = errors.New(syntax.Msg)
			}
			return nil, normalize.Park(normalize.ReasonSyntax, where, "not well-formed XML: %w", err)
		}
		if root, ok := t.(xml.StartElement); ok {
			head.Root, head.Namespace = cut(root.Name.Local), cut(root.Name.Space)
			for _, a := range root.Attr[:min(len(root.Attr), maxAttributes)] {
				if name := a.Name.Local; a.Name.Space == "xmlns" {
					head.Members["/@xmlns:"+cut(name)] = cut(a.Value)
				}
			}
			if root.Name.Space == "" {
				children(d, head)
			}
			break
		}
	}
	if isUTF8 {
		if err := checkUTF8(b); err != nil {
			return nil, err
		}
	} else if i := bytes.IndexByte(b, 0); i >= 0 {
		return nil, normalize.Park(normalize.ReasonNUL, lineColumn(b, i), "NUL byte at offset %d; XML cannot contain it", i)
	}
	return head, nil
}

const (
	maxAttributes = 50 // of the root element that Head keeps
	maxTokens     = 64 // after the root element that are looked at
)

// children notes the first elements directly inside the root element, with their texts:
// without a namespace the root's name alone, such as Document, says little.
func children(d *xml.Decoder, head *normalize.Head) {
	depth, name := 0, ""
	for range maxTokens {
		t, err := d.Token()
		if err != nil {
			return // what is wrong is the format's to say
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				name = "/" + escapeToken(cut(t.Name.Local))
				if _, again := head.Members[name]; again {
					name = ""
				} else {
					head.Members[name] = ""
				}
			} else if name != "" {
				head.Members[name], name = "{", ""
			}
		case xml.EndElement:
			if depth--; depth < 0 {
				return
			}
			name = ""
		case xml.CharData:
			if depth == 1 && name != "" {
				head.Members[name] = cut(strings.TrimSpace(string(t[:min(len(t), maxValue)])))
			}
		}
	}
}

func cut(s string) string {
	if len(s) > maxValue {
		s = strings.ToValidUTF8(s[:maxValue], "")
	}
	return s
}

// asciiReader replaces what is not ASCII, so that the decoder takes any charset.
type asciiReader struct{ r io.Reader }

func (a asciiReader) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	for i, c := range p[:n] {
		if c >= 0x80 {
			p[i] = '?'
		}
	}
	return n, err
}
