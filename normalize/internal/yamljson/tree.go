package yamljson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/normalize"
)

// tree has the library read the document.
func tree(src []byte, o Options) (out []byte, err error) {
	// The library is not ours, and a panic in it must not end an import.
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, normalize.Park(normalize.ReasonSyntax, "", "not well-formed YAML: the parser gave up: %v", p)
		}
	}()
	if len(src) > maxTree {
		return nil, normalize.Park(normalize.ReasonTooLarge, "",
			"%d bytes of YAML with anchors, tags or the like; the limit for such is %d: write it without, or as JSON", len(src), maxTree)
	}
	if where := tooDeep(src, o.MaxDepth); where != "" {
		return nil, normalize.Park(normalize.ReasonDepth, where, "nested more than %d levels deep", o.MaxDepth)
	}
	d := yaml.NewDecoder(bytes.NewReader(src))
	var root yaml.Node
	switch err := d.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil, normalize.Park(normalize.ReasonInvalid, "", "the document has no content")
	case err != nil:
		return nil, syntax(err)
	}
	var second yaml.Node
	switch err := d.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, syntax(err)
	default:
		return nil, normalize.Park(normalize.ReasonSyntax, position(&second), "a second document begins here: send one document at a time")
	}
	w := &writer{o: o}
	if err := w.value(&root, Text, 0); err != nil {
		return nil, err
	}
	return w.out, nil
}

// tooDeep is where brackets or indentation go deeper than the library, which calls
// itself for each level, should have to follow.
func tooDeep(src []byte, limit int) string {
	line, column, brackets, dashes := 1, 0, 0, 0
	start := true
	for i, c := range src {
		column++
		switch c {
		case '\n':
			line, column, start, dashes = line+1, 0, true, 0
			continue
		case '[', '{':
			brackets++
		case ']', '}':
			brackets = max(0, brackets-1)
		case '-', '?', ':':
			if start && (i+1 == len(src) || isSpace(src[i+1])) {
				dashes++
			}
		case ' ':
		default:
			start = false
		}
		if brackets > limit || dashes > limit {
			return fmt.Sprintf("%d:%d", line, column)
		}
	}
	return ""
}

var lineOf = regexp.MustCompile(`(?s)^yaml: (?:.*?)line (\d+): (.*)$`)

// syntax says where and what in one line.
func syntax(err error) error {
	if m := lineOf.FindStringSubmatch(err.Error()); m != nil {
		return normalize.Park(normalize.ReasonSyntax, m[1]+":1", "not well-formed YAML: %.200s", m[2])
	}
	return normalize.Park(normalize.ReasonSyntax, "", "not well-formed YAML: %.200s", strings.TrimPrefix(err.Error(), "yaml: "))
}

func position(n *yaml.Node) string {
	if n.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%d", n.Line, n.Column)
}

// writer writes the library's tree as JSON.
type writer struct {
	o     Options
	out   []byte
	nodes int
	open  []*yaml.Node // aliases that are being expanded
}

func (w *writer) value(n *yaml.Node, kind Kind, depth int) error {
	if w.nodes++; w.nodes > maxNodes || len(w.out) > 4*maxTree {
		return normalize.Park(normalize.ReasonTooLarge, position(n), "more than %d values; aliases that expand to so much are refused", maxNodes)
	}
	if depth > w.o.MaxDepth {
		return normalize.Park(normalize.ReasonDepth, position(n), "nested more than %d levels deep", w.o.MaxDepth)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return w.value(n.Content[0], kind, depth)
	case yaml.AliasNode:
		return w.alias(n, kind, depth)
	case yaml.ScalarNode:
		return w.scalar(n, kind)
	case yaml.SequenceNode:
		w.out = append(w.out, '[')
		for i, child := range n.Content {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			if err := w.value(child, Text, depth+1); err != nil {
				return err
			}
		}
		w.out = append(w.out, ']')
		return nil
	case yaml.MappingNode:
		w.out = append(w.out, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			if err := w.member(n.Content[i], n.Content[i+1], depth); err != nil {
				return err
			}
		}
		w.out = append(w.out, '}')
		return nil
	}
	return normalize.Park(normalize.ReasonInvalid, position(n), "YAML of this kind has no counterpart in JSON")
}

func (w *writer) member(key, value *yaml.Node, depth int) error {
	if key.Kind != yaml.ScalarNode {
		return normalize.Park(normalize.ReasonInvalid, position(key), "a key has to be a single word")
	}
	if key.Tag == "!!merge" {
		return normalize.Park(normalize.ReasonInvalid, position(key), "merge keys (<<) are not supported; write the members out")
	}
	if err := w.text(key); err != nil {
		return err
	}
	w.out = append(w.out, ':')
	kind := Text
	if w.o.Kind != nil {
		kind = w.o.Kind([]byte(key.Value))
	}
	return w.value(value, kind, depth+1)
}

func (w *writer) alias(n *yaml.Node, kind Kind, depth int) error {
	for _, o := range w.open {
		if o == n.Alias {
			return normalize.Park(normalize.ReasonInvalid, position(n), "the alias *%.40s contains itself", n.Value)
		}
	}
	w.open = append(w.open, n.Alias)
	err := w.value(n.Alias, kind, depth+1)
	w.open = w.open[:len(w.open)-1]
	return err
}

func (w *writer) scalar(n *yaml.Node, kind Kind) error {
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.TaggedStyle
	if n.Style&quoted != 0 {
		return w.text(n)
	}
	w.out = appendPlain(w.out, []byte(n.Value), kind)
	return nil
}

func (w *writer) text(n *yaml.Node) error {
	if strings.IndexByte(n.Value, 0) >= 0 {
		return normalize.Park(normalize.ReasonNUL, position(n), "the NUL character cannot be stored")
	}
	w.out = appendText(w.out, []byte(n.Value))
	return nil
}
