package xmlscan

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"sluice/normalize"
)

// show is a document as it is read, in one line.
func show(src []byte) (string, error) {
	r, err := New(src, 50)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	text := ""
	flush := func() {
		if text != "" {
			out.WriteString("{" + text + "}")
			text = ""
		}
	}
	for {
		kind, err := r.Next()
		if err != nil {
			return out.String(), err
		}
		if kind != Text {
			flush()
		}
		switch kind {
		case EOF:
			return out.String(), nil
		case Start:
			out.WriteString("<" + string(r.Name.Space) + "|" + string(r.Name.Local))
			for _, a := range r.Attrs {
				out.WriteString(" " + string(a.Name.Space) + "|" + string(a.Name.Local) + "=" + string(a.Value))
			}
			out.WriteString(">")
		case End:
			out.WriteString("</>")
		case Text:
			text += string(r.Text)
		}
	}
}

// reference is the same by encoding/xml.
func showBy(src []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(src))
	var out strings.Builder
	text := ""
	depth, roots := 0, 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) && roots == 1 {
			return out.String(), nil
		}
		if err != nil {
			return out.String(), err
		}
		if _, isText := tok.(xml.CharData); !isText && text != "" {
			switch tok.(type) {
			case xml.StartElement, xml.EndElement:
				out.WriteString("{" + text + "}")
				text = ""
			}
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
			out.WriteString("<" + tok.Name.Space + "|" + tok.Name.Local)
			for _, a := range tok.Attr {
				if a.Name.Space != "xmlns" && (a.Name.Space != "" || a.Name.Local != "xmlns") {
					out.WriteString(" " + a.Name.Space + "|" + a.Name.Local + "=" + a.Value)
				}
			}
			out.WriteString(">")
		case xml.EndElement:
			depth--
			out.WriteString("</>")
		case xml.CharData:
			if depth > 0 {
				text += string(tok)
			}
		}
	}
}

// same are documents that encoding/xml reads likewise.
var same = []string{
	`<a/>`,
	`<?xml version="1.0" encoding="UTF-8"?><!-- c --><a b="c" d='e'>f<g/>h</a><!-- d -->`,
	`<a xmlns="urn:x" xmlns:p="urn:p" p:q="r" s="t"><p:b/><c xmlns=""><d/></c><e/></a>`,
	`<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;</a>`,
	`<a b="&amp;&#10;x">é<![CDATA[<&]]>y</a>`,
	"<a>one\r\ntwo\rthree</a>",
	`<!DOCTYPE a [<!ENTITY e "x"><!ELEMENT a (b)>]><a>x</a>`,
	`<a><?pi x?><b  /></a >`,
	`<p:a xml:lang="de"/>`,
}

func TestRead(t *testing.T) {
	for _, src := range same {
		got, err := show([]byte(src))
		want, errWant := showBy([]byte(src))
		if err != nil || errWant != nil || got != want {
			t.Errorf("%s\n%s %v\n%s %v", src, got, err, want, errWant)
		}
	}
}

func TestRefused(t *testing.T) {
	for src, want := range map[string]string{
		``:                "empty",
		`<!-- a -->`:      "syntax at 1:11: not well-formed XML: it has no root element",
		`<a>`:             "syntax at 1:4",
		"<a>\n<b></a>":    "syntax at 2:4: not well-formed XML: </a> where </b> should be",
		`<a/><b/>`:        "syntax at 1:5",
		`<a/>x`:           "syntax at 1:5",
		`</a>`:            "syntax at 1:1",
		`<a b=c/>`:        "syntax at 1:6",
		`<a b="<"/>`:      "syntax at 1:7",
		`<a b="c"d="e"/>`: "syntax at 1:9",
		`<a>&b;</a>`:      "syntax at 1:4: not well-formed XML: the entity &b; is not expanded",
		`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`: "syntax at 1:34",
		`<a>&#0;</a>`:             "syntax at 1:4",
		"<a>\x01</a>":             "syntax at 1:4",
		`<a>< b/></a>`:            "syntax at 1:5",
		`<a><!-- </a>`:            "syntax at 1:4",
		strings.Repeat("<a>", 60): "too-deep at 1:151",
		"<a " + strings.Repeat("b='' ", 1002) + "/>": "too-large at 1:",
	} {
		_, err := show([]byte(src))
		var park *normalize.ParkError
		if !errors.As(err, &park) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", src, err, want)
		}
	}
}

func TestSkip(t *testing.T) {
	r, err := New([]byte(`<a><b><c/>x<d>y</d></b><e/></a>`), 50)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Skip(); err != nil {
		t.Fatal(err)
	}
	if kind, err := r.Next(); kind != Start || string(r.Name.Local) != "e" || err != nil {
		t.Error(kind, string(r.Name.Local), err)
	}
}

// FuzzRead holds that what is accepted is read as encoding/xml reads it, as far as that
// accepts it: it is strict about names and knows no default for unknown prefixes.
func FuzzRead(f *testing.F) {
	for _, src := range same {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := show(b)
		if err != nil {
			if !normalize.Permanent(err) {
				t.Fatal(err)
			}
			return
		}
		want, err := showBy(b)
		if err != nil {
			return
		}
		if got != want {
			t.Fatalf("read         %s\nencoding/xml %s", got, want)
		}
	})
}
