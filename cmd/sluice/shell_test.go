package main

import (
	"slices"
	"strings"
	"testing"
)

// shellScript reads the commands out of shell text, each as its words: quotes, continued lines, comments,
// pipes, redirections, and what $(…) and `…` run. It knows as much of the shell as our pages use.
func shellScript(text string) (commands [][]string) {
	s := &shellReader{rest: text}
	s.read(0)
	return s.commands
}

type shellReader struct {
	rest     string
	commands [][]string

	words  []string
	word   strings.Builder
	inWord bool
	skip   bool // the word that comes is the file of a redirection
}

func (s *shellReader) endWord() {
	if s.inWord && !s.skip {
		s.words = append(s.words, s.word.String())
	}
	s.skip = s.skip && !s.inWord
	s.word.Reset()
	s.inWord = false
}

func (s *shellReader) endCommand() {
	s.endWord()
	for len(s.words) > 0 && (s.words[0] == "export" || s.words[0] == "!" || s.words[0] == "do" || s.words[0] == "then" || assigns(s.words[0])) {
		s.words = s.words[1:]
	}
	if len(s.words) > 0 {
		s.commands = append(s.commands, s.words)
	}
	s.words, s.skip = nil, false
}

func assigns(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// read goes on until the text, or what end closes, is over.
func (s *shellReader) read(end byte) {
	for s.rest != "" {
		c := s.rest[0]
		s.rest = s.rest[1:]
		switch {
		case end != 0 && c == end:
			s.endCommand()
			return
		case c == '\\' && strings.HasPrefix(s.rest, "\n"):
			s.rest = s.rest[1:]
		case c == '\\' && s.rest != "":
			s.word.WriteByte(s.rest[0])
			s.inWord, s.rest = true, s.rest[1:]
		case c == '\'':
			inner, rest, _ := strings.Cut(s.rest, "'")
			s.word.WriteString(inner)
			s.inWord, s.rest = true, rest
		case c == '"':
			s.quoted()
		case c == '$' && strings.HasPrefix(s.rest, "("):
			s.rest = s.rest[1:]
			s.nested(')')
		case c == '`':
			s.nested('`')
		case c == '#' && !s.inWord:
			if i := strings.IndexByte(s.rest, '\n'); i >= 0 {
				s.rest = s.rest[i:]
			} else {
				s.rest = ""
			}
		case c == '>' || c == '<':
			if strings.Trim(s.word.String(), "0123456789") == "" {
				s.word.Reset() // 2> is of the redirection
				s.inWord = false
			}
			s.endWord()
			s.rest = strings.TrimLeft(s.rest, ">&")
			if strings.HasPrefix(s.rest, "(") { // <(command)
				s.rest = s.rest[1:]
				s.nested(')')
				continue
			}
			s.skip = true
		case strings.IndexByte("\n;|&()", c) >= 0:
			s.endCommand()
		case c == ' ' || c == '\t':
			s.endWord()
		default:
			s.word.WriteByte(c)
			s.inWord = true
		}
	}
	s.endCommand()
}

func (s *shellReader) quoted() {
	s.inWord = true
	for s.rest != "" {
		c := s.rest[0]
		s.rest = s.rest[1:]
		switch {
		case c == '"':
			return
		case c == '\\' && s.rest != "":
			s.word.WriteByte(s.rest[0])
			s.rest = s.rest[1:]
		case c == '$' && strings.HasPrefix(s.rest, "("):
			s.rest = s.rest[1:]
			s.nested(')')
		default:
			s.word.WriteByte(c)
		}
	}
}

// nested reads a command inside of a word.
func (s *shellReader) nested(end byte) {
	inner := &shellReader{rest: s.rest}
	inner.read(end)
	s.commands = append(s.commands, inner.commands...)
	s.rest = inner.rest
	s.word.WriteString("X")
	s.inWord = true
}

func TestShellScript(t *testing.T) {
	t.Parallel()
	got := shellScript("# a comment\nA=1 sluice x 'a b' \\\n  --y \"c $(sluice database url) d\" > out 2>&1 | less # why\ncat <f && sluice z#1 &\npsql \"$(sluice url)\" -c \"select 1\"\nT=$(sluice token) sluice go\n")
	want := [][]string{
		{"sluice", "database", "url"},
		{"sluice", "x", "a b", "--y", "c X d"},
		{"less"},
		{"cat"},
		{"sluice", "z#1"},
		{"sluice", "url"},
		{"psql", "X", "-c", "select 1"},
		{"sluice", "token"},
		{"sluice", "go"},
	}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
