// Package csvtext tells the first line of a CSV file from other text.
package csvtext

import (
	"bytes"
	"strings"
)

// maxColumns and maxName bound what a first line may be.
const maxColumns, maxName = 100, 60

// Columns are the names in the first line of a CSV file: words with commas between them. It is
// nil for a line that is something else.
func Columns(line []byte) []string {
	line = bytes.TrimPrefix(bytes.TrimRight(line, " \t\r\n"), []byte("\xef\xbb\xbf"))
	if len(line) > maxColumns*(maxName+3) || bytes.IndexByte(line, ',') < 0 {
		return nil
	}
	var names []string
	for field := range strings.SplitSeq(string(line), ",") {
		field = strings.TrimSpace(field)
		if len(field) > 1 && field[0] == '"' && field[len(field)-1] == '"' {
			field = field[1 : len(field)-1]
		}
		if !isName(field) || len(names) == maxColumns {
			return nil
		}
		names = append(names, field)
	}
	return names
}

func isName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == ' ' || c == '.') {
			return false
		}
	}
	return true
}
