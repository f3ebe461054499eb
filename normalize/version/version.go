// Package version orders versions the way each ecosystem does and says which of
// them a vulnerability record covers.
//
// An order turns a version into a key, bytes that sort as the ecosystem's own tool
// sorts and are the same for versions that the tool takes for equal. So a boundary or
// a listed version is parsed once, and comparing costs no more than comparing strings.
// The orders are ours, each in a file of its own; testdata/tools holds what dpkg, rpm,
// pip, Maven and the others answered to thousands of pairs, and TestTools compares.
//
// Start with Affected, or with Compile where many versions meet one record. Ranges
// of VEX statements in the notation "vers:npm/>=1.0|<2.0" are read by ParseVers.
package version

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid is the error for a version that its ecosystem cannot order.
var ErrInvalid = errors.New("not a version")

// Compare orders two versions of an ecosystem: -1, 0 or +1. The ecosystem is OSV's
// word, with or without a release. The error is ErrInvalid.
func Compare(ecosystem, a, b string) (int, error) {
	o := orderOf(ecosystem)
	x, ok := o.parse(a)
	if !ok {
		return 0, invalid(ecosystem, a)
	}
	y, ok := o.parse(b)
	if !ok {
		return 0, invalid(ecosystem, b)
	}
	return x.compare(y), nil
}

// Valid reports whether v is a version that the ecosystem can order. It is no strict
// check of the ecosystem's grammar: what package managers accept in practice passes,
// placeholders ("unknown", "(devel)", "${project.version}"), commits and digests do not.
func Valid(ecosystem, v string) bool {
	_, ok := orderOf(ecosystem).parse(v)
	return ok
}

// ValidBoundary reports whether v can bound a range of a record: "introduced", "fixed",
// "last_affected", "limit". It is as Valid, less what an ecosystem keeps an order for
// but its tool refuses today, such as Python's versions from before PEP 440.
func ValidBoundary(ecosystem, v string) bool {
	o := orderOf(ecosystem)
	_, ok := o.parse(v)
	return ok && (o.boundary == nil || o.boundary(trim(v)))
}

func invalid(ecosystem, v string) error {
	if len(v) > 100 {
		v = v[:100] + "..."
	}
	return fmt.Errorf("%w of %s: %q", ErrInvalid, ecosystem, v)
}

// parsed is a version that is ready to be compared.
type parsed struct {
	order  *order
	fast   semanticVersion
	isFast bool
	text   string // of a version that is not fast, the key
}

func (o *order) parse(v string) (parsed, bool) {
	v = trim(v)
	p := parsed{order: o}
	if o.fast {
		if p.fast, p.isFast = parseSemantic(v); p.isFast {
			return p, len(v) <= maxLength
		}
	}
	var ok bool
	p.text, ok = o.key(v)
	return p, ok
}

// key is what p is compared by.
func (p parsed) key() string {
	if p.isFast {
		return p.fast.key()
	}
	return p.text
}

// compare orders two versions that were parsed by the same order.
func (p parsed) compare(q parsed) int {
	switch {
	case p.isFast && q.isFast:
		return p.fast.compare(q.fast)
	case p.order.compare != nil:
		return p.order.compare(p.text, q.text)
	}
	return strings.Compare(p.key(), q.key())
}
