package osv

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"sluice/normalize"
)

// Bounds for YAML. The largest advisory of PyPA has 60 kB; the parser takes up to a
// hundred times the document in memory, calls itself for each level and for each key,
// and its time grows with the square of the keys of one mapping.
const (
	maxYAML      = 2 << 20
	maxYAMLDepth = 200
	maxYAMLKeys  = 10_000
	// maxYAMLNodes and maxYAMLText bound what aliases may expand to.
	maxYAMLNodes = 1 << 20
	maxYAMLText  = 4 * maxYAML
)

// yamlToJSON turns a YAML stream into the JSON of its documents. Warnings go to doc.
func yamlToJSON(b []byte, limits normalize.Limits, doc *normalize.Document) (records [][]byte, err error) {
	// The parser is not ours, and a panic in it must not end an import.
	defer func() {
		if p := recover(); p != nil {
			records, err = nil, normalize.Park(normalize.ReasonSyntax, "", "not well-formed YAML: the parser gave up: %v", p)
		}
	}()
	if len(b) > maxYAML {
		return nil, normalize.Park(normalize.ReasonTooLarge, "", "%d bytes of YAML; the limit is %d", len(b), maxYAML)
	}
	if !utf8.Valid(b) {
		return nil, normalize.Park(normalize.ReasonEncoding, "", "the document is not UTF-8; convert it")
	}
	depth := min(maxYAMLDepth, limits.OrDefault().MaxDepth)
	tokens := lexer.Tokenize(string(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	if err := checkDepth(tokens, depth); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, yamlError(err)
	}
	for _, d := range file.Docs {
		if d == nil || d.Body == nil {
			continue
		}
		if _, isComment := d.Body.(*ast.CommentGroupNode); isComment {
			continue
		}
		c := converter{doc: doc, anchors: map[string]ast.Node{}, depth: depth}
		var out bytes.Buffer
		c.enc = jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true))
		if err := c.value(d.Body, 0, false); err != nil {
			return nil, err
		}
		records = append(records, bytes.TrimSpace(out.Bytes()))
	}
	if len(records) == 0 {
		return nil, normalize.Park(normalize.ReasonInvalid, "", "the document has no content")
	}
	return records, nil
}

// checkDepth bounds the nesting before the parser, which calls itself for each level,
// sees it: brackets, indentation, and structure without any text in between
// ("- - - -", "? ? ?", "a: b: c:").
func checkDepth(tokens token.Tokens, limit int) error {
	brackets, run, colons, line, keys := 0, 0, 0, 0, 0
	var indents []int // columns of the open blocks
	for _, t := range tokens {
		if t.Position == nil {
			continue
		}
		if t.Position.Line != line {
			line, colons = t.Position.Line, 0
			for len(indents) > 0 && indents[len(indents)-1] >= t.Position.Column {
				indents = indents[:len(indents)-1]
			}
			indents = append(indents, t.Position.Column)
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
			run++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
			run = 0
		case token.CollectEntryType:
			run, colons = 0, 0
		case token.MappingValueType:
			colons++
			run++
			if keys++; keys > maxYAMLKeys {
				return normalize.Park(normalize.ReasonTooLarge, position(t), "more than %d keys in one YAML document; write it as JSON", maxYAMLKeys)
			}
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			run++
		case token.StringType, token.SingleQuoteType, token.DoubleQuoteType:
			run = 0
		}
		if brackets > limit || run > limit || colons > limit || len(indents) > limit {
			return normalize.Park(normalize.ReasonDepth, position(t), "nested more than %d levels deep", limit)
		}
	}
	return nil
}

// converter writes YAML nodes as JSON.
type converter struct {
	doc     *normalize.Document
	enc     *jsontext.Encoder
	anchors map[string]ast.Node
	depth   int
	nodes   int
	written int      // bytes of text
	open    []string // aliases that are being expanded
}

// value writes one node. Everything but the free-form members is text in OSV, so numbers
// keep their digits: the version 1.10 is not 1.1. free is true inside those members.
func (c *converter) value(n ast.Node, level int, free bool) error {
	if c.nodes++; c.nodes > maxYAMLNodes {
		return normalize.Park(normalize.ReasonTooLarge, nodePosition(n), "more than %d values; aliases that expand to so much are refused", maxYAMLNodes)
	}
	if level > c.depth {
		return normalize.Park(normalize.ReasonDepth, nodePosition(n), "nested more than %d levels deep", c.depth)
	}
	switch n := n.(type) {
	case nil:
		return c.write(jsontext.Null)
	case *ast.NullNode, *ast.CommentGroupNode:
		return c.write(jsontext.Null)
	case *ast.BoolNode:
		return c.write(jsontext.Bool(n.Value))
	case *ast.IntegerNode:
		return c.number(n.Token, free)
	case *ast.FloatNode:
		return c.number(n.Token, free)
	case *ast.InfinityNode:
		return c.text(n.Token.Value, n)
	case *ast.NanNode:
		return c.text(n.Token.Value, n)
	case *ast.StringNode:
		return c.text(n.Value, n)
	case *ast.LiteralNode:
		return c.text(n.Value.Value, n)
	case *ast.TagNode:
		return c.value(n.Value, level+1, free)
	case *ast.AnchorNode:
		c.anchors[n.Name.String()] = n.Value
		return c.value(n.Value, level+1, free)
	case *ast.AliasNode:
		return c.alias(n, level, free)
	case *ast.SequenceNode:
		if err := c.write(jsontext.BeginArray); err != nil {
			return err
		}
		for _, v := range n.Values {
			if err := c.value(v, level+1, free); err != nil {
				return err
			}
		}
		return c.write(jsontext.EndArray)
	case *ast.MappingNode:
		if err := c.write(jsontext.BeginObject); err != nil {
			return err
		}
		seen := make(map[string]bool, len(n.Values))
		for _, v := range n.Values {
			if name := v.Key.GetToken().Value; seen[name] {
				c.doc.Warn("duplicate-member", nodePosition(v), "the key %.60q is there twice; the last one counts", name)
			} else {
				seen[name] = true
			}
			if err := c.member(v, level, free); err != nil {
				return err
			}
		}
		return c.write(jsontext.EndObject)
	case *ast.MappingValueNode:
		if err := c.write(jsontext.BeginObject); err != nil {
			return err
		}
		if err := c.member(n, level, free); err != nil {
			return err
		}
		return c.write(jsontext.EndObject)
	}
	return normalize.Park(normalize.ReasonInvalid, nodePosition(n), "YAML of the kind %s has no counterpart in JSON", n.Type())
}

func (c *converter) member(n *ast.MappingValueNode, level int, free bool) error {
	if n.Key.IsMergeKey() {
		return normalize.Park(normalize.ReasonInvalid, nodePosition(n), "merge keys (<<) are not supported; write the members out")
	}
	var key ast.Node = n.Key
	if k, ok := key.(*ast.MappingKeyNode); ok {
		key = k.Value
	}
	var name string
	switch k := key.(type) {
	case *ast.StringNode:
		name = k.Value
	case ast.ScalarNode:
		name = k.GetToken().Value
	default:
		return normalize.Park(normalize.ReasonInvalid, nodePosition(n), "a key has to be a single word")
	}
	if err := c.text(name, n); err != nil {
		return err
	}
	return c.value(n.Value, level+1, free || name == "database_specific" || name == "ecosystem_specific")
}

func (c *converter) alias(n *ast.AliasNode, level int, free bool) error {
	name := n.Value.String()
	target, ok := c.anchors[name]
	if !ok {
		return normalize.Park(normalize.ReasonInvalid, nodePosition(n), "the alias *%.40s refers to no anchor in front of it", name)
	}
	for _, o := range c.open {
		if o == name {
			return normalize.Park(normalize.ReasonInvalid, nodePosition(n), "the alias *%.40s contains itself", name)
		}
	}
	c.open = append(c.open, name)
	err := c.value(target, level+1, free)
	c.open = c.open[:len(c.open)-1]
	return err
}

// number writes a number as it is written: as JSON's own in free-form members where
// JSON has it so, as text elsewhere.
func (c *converter) number(t *token.Token, free bool) error {
	s := strings.TrimSpace(t.Value)
	if free && len(s) < 25 {
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) && jsontext.Value(s).IsValid() {
			return c.raw(jsontext.Value(s))
		}
	}
	return c.write(jsontext.String(s))
}

func (c *converter) text(s string, n ast.Node) error {
	if strings.IndexByte(s, 0) >= 0 {
		return normalize.Park(normalize.ReasonNUL, nodePosition(n), "the NUL character cannot be stored")
	}
	if !utf8.ValidString(s) {
		return normalize.Park(normalize.ReasonSurrogate, nodePosition(n), "half a surrogate pair, or bytes that are no text, in an escape")
	}
	if c.written += len(s); c.written > maxYAMLText {
		return normalize.Park(normalize.ReasonTooLarge, nodePosition(n), "more than %d bytes of text; aliases that expand to so much are refused", maxYAMLText)
	}
	return c.write(jsontext.String(s))
}

func (c *converter) write(t jsontext.Token) error {
	if err := c.enc.WriteToken(t); err != nil {
		return normalize.Park(normalize.ReasonInvalid, "", "the YAML cannot be written as JSON: %w", err)
	}
	return nil
}

func (c *converter) raw(v jsontext.Value) error {
	if err := c.enc.WriteValue(v); err != nil {
		return normalize.Park(normalize.ReasonInvalid, "", "the YAML cannot be written as JSON: %w", err)
	}
	return nil
}

// yamlError says where and what in one line; the parser's own text quotes the document.
func yamlError(err error) error {
	var e yaml.Error
	if errors.As(err, &e) {
		return normalize.Park(normalize.ReasonSyntax, position(e.GetToken()), "not well-formed YAML: %s", e.GetMessage())
	}
	return normalize.Park(normalize.ReasonSyntax, "", "not well-formed YAML: %w", err)
}

func nodePosition(n ast.Node) string {
	if n == nil {
		return ""
	}
	return position(n.GetToken())
}

func position(t *token.Token) string {
	if t == nil || t.Position == nil {
		return ""
	}
	return fmt.Sprintf("%d:%d", t.Position.Line, t.Position.Column)
}
