// Package secret holds what no output may show, passwords above all, and fetches it from where
// its owner keeps it: a file, or a command that prints it.
//
// A Secret hides itself from every way of printing; string(s) is the way to it. Redact is for
// text that may have one inside.
package secret

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// Secret is a string that no print or log call shows.
type Secret string

// Hidden is what stands in its place.
const Hidden = "***"

// String, GoString, LogValue and MarshalText hide the secret; string(s) is the way to it.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Hidden
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// LogValue hides the secret from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Read returns what a file holds, without the newline at its end.
func Read(path string) (Secret, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	s := strings.TrimRight(string(b), "\r\n")
	if s == "" {
		return "", fmt.Errorf("secret: %s is empty", path)
	}
	return Secret(s), nil
}
