package spdx

import (
	"regexp"
	"strings"

	"sluice/normalize"
)

// Where the version of a tool begins. The specification wants NAME-VERSION, and names have
// hyphens too: the first part that looks like a version with a dot counts, else the last that
// begins with a digit. Some write a space, and Syft built from source "[not provided]".
var (
	dottedVersion = regexp.MustCompile(`[-\s]+(v?[0-9]+\.[0-9].*)$`)
	plainVersion  = regexp.MustCompile(`[-\s]+(v?[0-9][^-\s]*)$`)
	noVersion     = regexp.MustCompile(`[-\s]+(\[not provided\]|\(devel\)|unknown)$`)
)

// tool reads what stands behind "Tool:" of a creator.
func tool(s string) normalize.Tool {
	s = strings.TrimSpace(s)
	if at := noVersion.FindStringIndex(s); at != nil {
		return normalize.Tool{Name: s[:at[0]]}
	}
	for _, version := range []*regexp.Regexp{dottedVersion, plainVersion} {
		if at := version.FindStringSubmatchIndex(s); at != nil && at[0] > 0 {
			return normalize.Tool{Name: s[:at[0]], Version: s[at[2]:]}
		}
	}
	return normalize.Tool{Name: s}
}
