package version

import (
	"cmp"
	"hash/maphash"
	"slices"
	"sync"
)

// listing finds a version among those that a record lists, by the ecosystem's own
// equality: PyPI's 2.0rc1 is 2.0.0-rc.1. Some records list thousands, so it keeps eight
// bytes for each, and only once somebody has asked.
type listing struct {
	once    sync.Once
	entries []listedVersion // sorted by hash
}

type listedVersion struct {
	hash uint32 // of the key
	at   uint32 // index in AffectedPackage.Versions
}

var listingSeed = maphash.MakeSeed()

func hashKey(key string) uint32 { return uint32(maphash.String(listingSeed, key)) }

// has reports whether the record lists v. Entries that have no order match by text.
func (l *listing) has(c *Compiled, v string, at candidate) bool {
	versions := c.of.Versions
	if len(versions) == 0 {
		return false
	}
	if slices.Contains(versions, v) {
		return true
	}
	l.once.Do(func() {
		l.entries = make([]listedVersion, 0, len(versions))
		for i, w := range versions {
			if p, ok := c.order.parse(w); ok {
				l.entries = append(l.entries, listedVersion{hashKey(p.key()), uint32(i)})
			}
		}
		slices.SortFunc(l.entries, func(a, b listedVersion) int { return cmp.Compare(a.hash, b.hash) })
	})
	return l.hasKey(c, at.key()) || at.hasShort && l.hasKey(c, at.short)
}

func (l *listing) hasKey(c *Compiled, key string) bool {
	hash := hashKey(key)
	i, _ := slices.BinarySearchFunc(l.entries, hash, func(e listedVersion, h uint32) int { return cmp.Compare(e.hash, h) })
	for ; i < len(l.entries) && l.entries[i].hash == hash; i++ {
		if p, ok := c.order.parse(c.of.Versions[l.entries[i].at]); ok && p.key() == key {
			return true
		}
	}
	return false
}
