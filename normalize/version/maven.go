package version

import (
	"cmp"
	"strings"
)

// mavenKey is Maven's ComparableVersion: numbers and qualifiers in lists, where a
// hyphen and every change between digits and letters opens a list within the list.
// Such a list is always the last of its list, so a key is flat: the items one behind
// the other and a mark where a list opens. Items that mean nothing at the end of a list
// (0, "final", "ga", "release") are dropped, so equal versions have equal keys. What
// Maven orders has cycles, so no bytes sort like it: compareMaven walks the key.
func mavenKey(s string) (string, bool) {
	if !printable(s) || !isAlnum(s[0]) || !only(s, ".-_+~") || longNumber(s) {
		return "", false
	}
	s = lower(s)
	k := mavenWriter{b: make([]byte, 0, len(s)+16), empty: true}
	digits, start := false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.' || c == '-':
			switch {
			case i == start:
				k.number("")
			case digits:
				k.number(s[start:i])
			default:
				k.qualifier(s[start:i], false)
			}
			start = i + 1
			if c == '-' {
				k.open()
			}
		case isDigit(c):
			if !digits && i > start {
				if !k.empty {
					k.open()
				}
				k.qualifier(s[start:i], true)
				k.open()
				start = i
			}
			digits = true
		default:
			if digits && i > start {
				k.number(s[start:i])
				k.open()
				start = i
			}
			digits = false
		}
	}
	switch {
	case start == len(s):
	case digits:
		k.number(s[start:])
	default:
		if !k.empty {
			k.open()
		}
		k.qualifier(s[start:], false)
	}
	return string(k.b), true
}

// The parts of a key.
const (
	mavenList   = 1
	mavenString = 2
	mavenNumber = 3
)

// mavenWriter writes a key.
type mavenWriter struct {
	b []byte
	// nothing holds the items of the list in hand that mean nothing so far, lists how
	// many lists were opened since the last item that meant something: both are written
	// before the next that does, or never.
	nothing []byte
	lists   int
	empty   bool // the list in hand has no item
}

func (k *mavenWriter) open() {
	k.nothing = k.nothing[:0]
	k.lists++
	k.empty = true
}

func (k *mavenWriter) number(digits string) {
	k.empty = false
	if trimZeros(digits) == "" {
		k.nothing = append(k.nothing, mavenNumber)
		return
	}
	k.flush()
	k.b = appendNumber(k.b, mavenNumber, digits)
}

func (k *mavenWriter) flush() {
	for ; k.lists > 0; k.lists-- {
		k.b = append(k.b, mavenList)
	}
	k.b = append(k.b, k.nothing...)
	k.nothing = k.nothing[:0]
}

// mavenRelease is the rank of no qualifier at all.
const mavenRelease = 6

func (k *mavenWriter) qualifier(text string, beforeDigit bool) {
	k.empty = false
	if beforeDigit {
		switch text {
		case "a":
			text = "alpha"
		case "b":
			text = "beta"
		case "m":
			text = "milestone"
		}
	}
	rank := byte(8)
	switch text {
	case "alpha":
		rank, text = 1, ""
	case "beta":
		rank, text = 2, ""
	case "milestone":
		rank, text = 3, ""
	case "rc", "cr":
		rank, text = 4, ""
	case "snapshot":
		rank, text = 5, ""
	case "ga", "final", "release":
		k.nothing = append(k.nothing, mavenString, mavenRelease, 0)
		return
	case "sp":
		rank, text = 7, ""
	}
	k.flush()
	k.b = append(append(append(k.b, mavenString, rank), text...), 0)
}

// mavenItem is an item at the head of a key; kind 0 means that the key has ended.
type mavenItem struct {
	kind, rank byte
	text       string
}

func cutMaven(key string) (item mavenItem, rest string) {
	if key == "" {
		return mavenItem{}, ""
	}
	switch kind := key[0]; kind {
	case mavenList:
		return mavenItem{kind: kind}, key[1:]
	case mavenString:
		end := 2 + strings.IndexByte(key[2:], 0)
		return mavenItem{kind: kind, rank: key[1], text: key[2:end]}, key[end+1:]
	default:
		end := 1 + int(kind-mavenNumber)
		return mavenItem{kind: mavenNumber, text: key[1:end]}, key[end:]
	}
}

// compareMaven is ComparableVersion.compareTo.
func compareMaven(a, b string) int {
	for {
		var x, y mavenItem
		x, a = cutMaven(a)
		y, b = cutMaven(b)
		if x.kind == 0 && y.kind == 0 {
			return 0
		}
		c := 0
		switch {
		case y.kind == 0:
			c = x.againstNothing()
		case x.kind == 0:
			c = -y.againstNothing()
		case x.kind != y.kind:
			// 1.any < 1-1 < 1.1
			c = cmp.Compare(mavenWeight[x.kind], mavenWeight[y.kind])
		case x.kind == mavenNumber:
			c = compareDigits(x.text, y.text)
		case x.kind == mavenString:
			if c = cmp.Compare(x.rank, y.rank); c == 0 {
				c = strings.Compare(x.text, y.text)
			}
		}
		if c != 0 {
			return c
		}
	}
}

var mavenWeight = [...]int{mavenString: 1, mavenList: 2, mavenNumber: 3}

// againstNothing compares with the end of the other version. A list is as its items.
func (m mavenItem) againstNothing() int {
	switch {
	case m.kind == mavenString:
		return cmp.Compare(m.rank, mavenRelease)
	case m.kind == mavenNumber && m.text != "":
		return +1
	}
	return 0
}
