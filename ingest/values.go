package ingest

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/normalize/purl"
)

type commandTag = pgconn.CommandTag

// nullTime is nil for the zero time, which stands for an unknown one.
func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func nullHash(h [32]byte) any {
	if h == ([32]byte{}) {
		return nil
	}
	return h[:]
}

func nullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// score is nil for an unknown score.
func score(tenths int16) any {
	if tenths < 0 {
		return nil
	}
	return tenths
}

// clean takes out what PostgreSQL text cannot hold.
func clean(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// cleanAll is clean for lists; never nil, so that the column is not null.
func cleanAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = clean(s)
	}
	return out
}

// clip cuts s at n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

func joinName(group, name string) string {
	if group == "" {
		return name
	}
	return group + "/" + name
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// toJSON is for values that always have a JSON form.
func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// textOf is b as a string without a copy; the bytes of a document are not changed any more.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// purlAndKey is the canonical form of a purl that a statement names, and its name key.
func purlAndKey(raw string) (canonical, key string) {
	if raw == "" {
		return "", ""
	}
	p, err := purl.Parse(raw)
	if err != nil || len(p.Purl) > purl.MaxLength {
		return "", ""
	}
	return p.Purl, p.NameKey()
}
