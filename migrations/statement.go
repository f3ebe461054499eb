package migrations

import (
	"fmt"
	"strings"
)

// statement is one statement of a script, with the line on which it begins.
type statement struct {
	text string
	line int
}

// statements cuts a script at the semicolons that end statements: not those inside of
// quotes, dollar quotes and comments. What has only blanks and comments is none.
func statements(script string) ([]statement, error) {
	var out []statement
	start, empty := 0, true // of the statement at hand; nothing but blanks and comments so far
	for i := 0; i < len(script); {
		rest := script[i:]
		if n, err := skip(rest); err != nil {
			return nil, fmt.Errorf("line %d: %w", lineAt(script, i), err)
		} else if n > 0 {
			if !blank(rest) {
				empty = false
			} else if empty {
				start = i + n
			}
			i += n
			continue
		}
		if rest[0] == ';' {
			if !empty {
				out = append(out, statement{script[start:i], lineAt(script, start)})
			}
			start, empty = i+1, true
		} else {
			empty = false
		}
		i++
	}
	if !empty {
		return nil, fmt.Errorf("line %d: a statement without a semicolon at its end", lineAt(script, start))
	}
	return out, nil
}

// blank reports whether s begins with a blank or a comment.
func blank(s string) bool {
	return strings.IndexByte(" \t\r\n\f", s[0]) >= 0 || strings.HasPrefix(s, "--") || strings.HasPrefix(s, "/*")
}

// skip is the length of the token that s begins with, where that is one in which a
// semicolon ends nothing, or a word; 0 for any other character.
func skip(s string) (int, error) {
	switch {
	case strings.IndexByte(" \t\r\n\f", s[0]) >= 0:
		return 1, nil
	case strings.HasPrefix(s, "--"):
		if n := strings.IndexByte(s, '\n'); n >= 0 {
			return n + 1, nil
		}
		return len(s), nil
	case strings.HasPrefix(s, "/*"):
		return comment(s)
	case s[0] == '"', s[0] == '\'':
		return quoted(s, false)
	case s[0] == '$':
		return dollarQuoted(s)
	case wordByte(s[0]):
		n := 1
		for n < len(s) && (wordByte(s[n]) || s[n] == '$') {
			n++
		}
		if n == 1 && (s[0] == 'e' || s[0] == 'E') && len(s) > 1 && s[1] == '\'' {
			m, err := quoted(s[1:], true)
			return m + 1, err
		}
		return n, nil
	}
	return 0, nil
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// comment is the length of a comment, which may hold others.
func comment(s string) (int, error) {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1, nil
			}
		}
	}
	return 0, fmt.Errorf("a comment that does not end")
}

// quoted is the length of a quoted name or string; a doubled quote is part of it, and
// with escapes so is what follows a backslash.
func quoted(s string, escapes bool) (int, error) {
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == s[0] && i+1 < len(s) && s[i+1] == s[0]:
			i++
		case s[i] == s[0]:
			return i + 1, nil
		}
	}
	return 0, fmt.Errorf("a quote %c that does not end", s[0])
}

// dollarQuoted is the length of a string like $tag$ ... $tag$; 0 for a dollar alone.
func dollarQuoted(s string) (int, error) {
	n := 1
	for n < len(s) && wordByte(s[n]) {
		n++
	}
	if n == len(s) || s[n] != '$' || n > 1 && s[1] >= '0' && s[1] <= '9' {
		return 0, nil
	}
	tag := s[:n+1]
	end := strings.Index(s[n+1:], tag)
	if end < 0 {
		return 0, fmt.Errorf("a quote %s that does not end", tag)
	}
	return n + 1 + end + len(tag), nil
}

func lineAt(script string, offset int) int { return 1 + strings.Count(script[:offset], "\n") }
