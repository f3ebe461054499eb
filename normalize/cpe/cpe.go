// Package cpe reads names of the Common Platform Enumeration, in the notation of version 2.3
// (cpe:2.3:a:vendor:product:…) and in the URI of 2.2 (cpe:/a:vendor:product:…).
package cpe

import (
	"net/url"
	"strings"
)

// Name is what a CPE names. A field is "" where it may be anything (*), and "-" where it does
// not apply.
type Name struct {
	Part    string // a, o, h
	Vendor  string
	Product string
	Version string
	Update  string
	// Edition of the URI notation, which Red Hat uses for its repositories.
	Edition string
	// Target is the software that it runs in: wordpress, node.js.
	Target string
}

// maxName bounds what goes into the index of keys.
const maxName = 512

// Parse reads a CPE; ok is false for what is none, or names no product.
func Parse(s string) (n Name, ok bool) {
	s = strings.TrimSpace(s)
	var fields []string
	if rest, is23 := cutPrefix(s, "cpe:2.3:"); is23 {
		if fields = split(rest); len(fields) < 3 || len(fields) > 11 {
			return n, false
		}
	} else if rest, isURI := cutPrefix(s, "cpe:/"); isURI {
		if fields = strings.Split(rest, ":"); len(fields) < 3 || len(fields) > 7 {
			return n, false
		}
		for i, f := range fields {
			if u, err := url.PathUnescape(f); err == nil {
				fields[i] = strings.ToLower(u)
			}
		}
		// Part, vendor, product, version, update, edition, language: no target of its own.
	} else {
		return n, false
	}
	for len(fields) < 11 {
		fields = append(fields, "")
	}
	n = Name{Part: wild(fields[0]), Vendor: wild(fields[1]), Product: wild(fields[2]), Version: wild(fields[3]), Update: wild(fields[4]), Edition: wild(fields[5])}
	if strings.EqualFold(s[:8], "cpe:2.3:") {
		n.Target = wild(fields[8])
	}
	ok = (n.Part == "a" || n.Part == "o" || n.Part == "h") && isName(n.Vendor) && isName(n.Product)
	return n, ok
}

func isName(s string) bool { return s != "" && s != "-" && len(s) <= maxName }

// cutPrefix is strings.CutPrefix without regard to case.
func cutPrefix(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// split cuts a name of 2.3 at the colons that no backslash stands before, and takes the
// backslashes out.
func split(s string) []string {
	var fields []string
	var field strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			field.WriteByte(s[i])
		case c == ':':
			fields = append(fields, strings.ToLower(field.String()))
			field.Reset()
		default:
			field.WriteByte(c)
		}
	}
	return append(fields, strings.ToLower(field.String()))
}

func wild(s string) string {
	if s == "*" {
		return ""
	}
	return s
}

// Key is what facts and packages meet by: cpe:PART:VENDOR:PRODUCT, and behind it the target
// where the name has one. What runs in WordPress only is not looked up by its name alone.
func (n Name) Key() string {
	key := "cpe:" + n.Part + ":" + escape(n.Vendor) + ":" + escape(n.Product)
	if n.Target != "" && n.Target != "-" {
		key += ":" + escape(n.Target)
	}
	return key
}

// Keys are what a package that somebody gives this CPE may be looked up by: what runs in WordPress
// is covered by records about the product that name no target, too.
func (n Name) Keys() []string {
	own := n.Key()
	if n.Target == "" || n.Target == "-" {
		return []string{own}
	}
	n.Target = ""
	return []string{own, n.Key()}
}

// Keys are those of a CPE as somebody wrote it; none of what is no CPE of a product. Most are cut out of
// the text, since there is one for every component of many documents.
func Keys(s string) []string {
	if rest, ok := strings.CutPrefix(s, "cpe:2.3:"); ok {
		if key, target, plain := cut(rest); plain && (target == "*" || target == "-") {
			return []string{key}
		}
	}
	n, ok := Parse(s)
	if !ok {
		return nil
	}
	return n.Keys()
}

// cut takes the key and the target out of a name of 2.3 whose first fields are words without anything
// that is written in another way than it is meant.
func cut(rest string) (key, target string, plain bool) {
	field, from, end := 0, 0, 0
	for i := 0; i <= len(rest); i++ {
		switch {
		case i == len(rest) || rest[i] == ':':
			word := rest[from:i]
			switch {
			case field == 0 && word != "a" && word != "o" && word != "h", (field == 1 || field == 2) && (!isName(word) || word == "*"):
				return "", "", false
			case field == 2:
				end = i
			case field == 8:
				target = word
			}
			field, from = field+1, i+1
		case rest[i] == '\\':
			if field < 3 {
				return "", "", false
			}
			i++
		case field < 3 && (rest[i] <= ' ' || rest[i] >= 'A' && rest[i] <= 'Z' || rest[i] >= 0x80):
			return "", "", false
		}
	}
	if field != 11 {
		return "", "", false
	}
	return "cpe:" + rest[:end], target, true
}

// escape keeps the fields of a key apart.
func escape(s string) string { return strings.ReplaceAll(s, ":", `\:`) }

// Release is the version with its update: 1.0 of update rc1 is 1.0-rc1. It is "" where the name
// means every version.
func (n Name) Release() string {
	if n.Version == "" || n.Version == "-" {
		return ""
	}
	if n.Update == "" || n.Update == "-" {
		return n.Version
	}
	return n.Version + "-" + n.Update
}
