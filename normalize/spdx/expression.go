package spdx

import (
	"bytes"
	"slices"
	"strings"
)

// sortedLicense is a licence expression in a form that does not depend on the order of
// operands and on parentheses that change nothing. What is no expression stays as it is.
func sortedLicense(text []byte) []byte {
	if bytes.IndexByte(text, ' ') < 0 && bytes.IndexByte(text, '(') < 0 || len(text) > 64<<10 {
		return text
	}
	p := &expression{words: split(string(text)), ok: true}
	s := p.or(0)
	if !p.ok || p.at != len(p.words) {
		return text
	}
	return []byte(s.String())
}

// split cuts an expression into its words and parentheses.
func split(text string) []string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "(", " ( "), ")", " ) ")
	return strings.Fields(text)
}

type expression struct {
	words []string
	at    int
	ok    bool
}

// operands are what AND or OR joins; a licence alone is one without a word.
type operands struct {
	word string
	list []string // as they are written
}

func (o operands) String() string { return strings.Join(o.list, " "+o.word+" ") }

func (p *expression) next(word string) bool {
	if p.at < len(p.words) && strings.EqualFold(p.words[p.at], word) {
		p.at++
		return true
	}
	return false
}

func (p *expression) or(depth int) operands { return p.join("OR", depth, p.and) }

func (p *expression) and(depth int) operands { return p.join("AND", depth, p.one) }

// join reads operands of one operator: those of the same inside of parentheses are theirs,
// and the same twice is the same once.
func (p *expression) join(word string, depth int, inner func(int) operands) operands {
	first := inner(depth)
	if p.at >= len(p.words) || !strings.EqualFold(p.words[p.at], word) {
		return first
	}
	all := operands{word: word}
	add := func(o operands) {
		switch {
		case o.word == word || len(o.list) == 1:
			all.list = append(all.list, o.list...)
		default:
			all.list = append(all.list, "("+o.String()+")")
		}
	}
	add(first)
	for p.ok && p.next(word) {
		add(inner(depth))
	}
	slices.Sort(all.list)
	all.list = slices.Compact(all.list)
	return all
}

func (p *expression) one(depth int) operands {
	const most = 100 // parentheses
	switch {
	case p.at >= len(p.words) || depth > most:
		p.ok = false
		return operands{}
	case p.next("("):
		inner := p.or(depth + 1)
		p.ok = p.ok && p.next(")")
		return inner
	}
	word := p.words[p.at]
	switch strings.ToUpper(word) {
	case ")", "AND", "OR", "WITH":
		p.ok = false
		return operands{}
	}
	p.at++
	if p.next("WITH") {
		if p.at >= len(p.words) {
			p.ok = false
			return operands{}
		}
		word += " WITH " + p.words[p.at]
		p.at++
	}
	return operands{list: []string{word}}
}
