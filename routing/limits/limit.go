package limits

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// What may be limited.
const (
	Documents   = "documents"
	Bytes       = "bytes"        // of documents, unpacked
	Components  = "components"   // of SBOMs
	StoredBytes = "stored_bytes" // of documents that are stored; it has no interval
)

// Keys are those that a limit may have.
var Keys = []string{Documents, Bytes, Components, StoredBytes}

// Unlimited is the amount of a limit that is none: for a tenant that the limit for all shall not bind.
const Unlimited = -1

// Limit is how much of something a tenant may have.
type Limit struct {
	Key    string `json:"key"`
	Tenant id.ID  `json:"tenant_id"` // id.Shared: for each tenant that has none of its own
	// Amount per Interval; Unlimited is no limit, 0 nothing at all.
	Amount   int64         `json:"amount"`
	Interval time.Duration `json:"-"`
	Seconds  int64         `json:"interval_seconds"` // of Interval
	Updated  time.Time     `json:"updated_at"`

	id id.ID
}

// check returns an *ask.WrongError where the limit makes no sense.
func (l Limit) check() error {
	if err := ask.OneOf("", l.Key, Keys...); err != nil || l.Key == "" {
		return ask.Wrong("", "limit %q: it is %s", l.Key, strings.Join(Keys, ", "))
	}
	switch {
	case l.Amount < Unlimited:
		return ask.Wrong("", "%d: an amount is 0 or more", l.Amount)
	case l.Key == StoredBytes && l.Interval != 0:
		return ask.Wrong("per", "%s: what is stored has no interval", l.Interval)
	case l.Key != StoredBytes && (l.Interval < time.Second || l.Interval > 366*24*time.Hour || l.Interval%time.Second != 0):
		return ask.Wrong("per", "%s: an interval is whole seconds, 1s to 8784h", l.Interval)
	}
	_, _, err := l.units()
	return err
}

// units are the amount as the table holds it: a count that fits an int, of a unit.
func (l Limit) units() (count, unit int32, err error) {
	if l.Amount <= math.MaxInt32 {
		return int32(l.Amount), 1, nil
	}
	for _, u := range []int64{1000, 1024, 1_000_000, 1 << 20, 1_000_000_000, 1 << 30} {
		if l.Amount%u == 0 && l.Amount/u <= math.MaxInt32 {
			return int32(l.Amount / u), int32(u), nil
		}
	}
	return 0, 0, ask.Wrong("", "%d: above %d an amount is a multiple of 1000 or 1024, up to 2147483647 GiB", l.Amount, math.MaxInt32)
}

var amountForm = regexp.MustCompile(`^([0-9]{1,18})\s*([kKMGT]i?)?[Bb]?$`)

// ParseAmount reads 500, 10GB, 64MiB or unlimited. K is 1000, Ki is 1024.
func ParseAmount(s string) (int64, error) {
	if s == "unlimited" {
		return Unlimited, nil
	}
	m := amountForm.FindStringSubmatch(s)
	if m == nil {
		return 0, ask.Wrong("", "amount %q: it is a number like 500, 10GB or 64MiB, or unlimited", s)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, ask.Wrong("", "amount %q: %w", s, err)
	}
	unit := int64(1)
	if m[2] != "" {
		base := int64(1000)
		if strings.HasSuffix(m[2], "i") {
			base = 1024
		}
		for range strings.Index("KMGT", strings.ToUpper(m[2][:1])) + 1 {
			unit *= base
		}
	}
	if n > math.MaxInt64/unit {
		return 0, ask.Wrong("", "amount %q is too large", s)
	}
	return n * unit, nil
}

// String says it in a few words: 500 per 1m0s.
func (l Limit) String() string {
	switch {
	case l.Amount == Unlimited:
		return "unlimited"
	case l.Interval == 0:
		return fmt.Sprint(l.Amount)
	}
	return fmt.Sprintf("%d per %s", l.Amount, l.Interval)
}

// set are the limits that bind one tenant.
type set struct {
	rates []Limit // with an interval
	quota *Limit
}

// newSet takes the limits that count: the tenant's own before that for all.
func newSet(list []Limit) *set {
	own := map[string]Limit{}
	for _, l := range list {
		if have, ok := own[l.Key]; !ok || have.Tenant == id.Shared {
			own[l.Key] = l
		}
	}
	s := &set{}
	for _, key := range Keys {
		l, ok := own[key]
		switch {
		case !ok || l.Amount == Unlimited:
		case key == StoredBytes:
			s.quota = &l
		case l.Interval > 0:
			s.rates = append(s.rates, l)
		}
	}
	return s
}

func (s *set) none() bool { return len(s.rates) == 0 && s.quota == nil }

// Item is one document that is to be stored.
type Item struct {
	Bytes      int64
	Components int64
}

// of is what an item uses of a limit.
func (i Item) of(key string) int64 {
	switch key {
	case Documents:
		return 1
	case Bytes, StoredBytes:
		return i.Bytes
	}
	return i.Components
}

// sum is what items use of a limit together.
func sum(items []Item, key string) (n int64) {
	for _, i := range items {
		n += i.of(key)
	}
	return n
}

// prefix is how many of the items, from the first, fit into what is left of a limit.
func prefix(items []Item, key string, left int64) int {
	n := slices.IndexFunc(items, func(i Item) bool { left -= i.of(key); return left < 0 })
	if n < 0 {
		return len(items)
	}
	return n
}
