package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// commandTime is what a command may take to print a secret.
const commandTime = 30 * time.Second

// Run returns what a command prints, without the newline at its end. The command is split into
// words as a shell does, with quotes, and run without one: nothing in it is expanded. What it
// prints is shown nowhere, not in an error either; what it complains of on standard error is.
func Run(ctx context.Context, command string) (Secret, error) {
	words, err := split(command)
	if err != nil {
		return "", fmt.Errorf("secret: command %q: %w", command, err)
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.WaitDelay = time.Second // a child of its own may hold the pipe
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err = cmd.Run()
	s := strings.TrimRight(out.String(), "\r\n")
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("secret: %s gave no answer: %w", words[0], ctx.Err())
	case err != nil:
		if said := strings.TrimSpace(complaint.String()); said != "" {
			return "", fmt.Errorf("secret: %s: %w: %s", words[0], err, said)
		}
		return "", fmt.Errorf("secret: %s: %w", words[0], err)
	case s == "":
		return "", fmt.Errorf("secret: %s printed nothing", words[0])
	case strings.ContainsAny(s, "\n\x00"):
		return "", fmt.Errorf("secret: %s printed more than one line", words[0])
	}
	return Secret(s), nil
}

// split cuts a command into words at blanks, outside of quotes. A backslash takes the next
// character as it is, outside of single quotes.
func split(command string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inWord, escaped := false, false
	for _, c := range command {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteRune(c)
			}
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	switch {
	case quote != 0 || escaped:
		return nil, errors.New("a quote or a backslash is left open")
	case len(words) == 0 || words[0] == "":
		return nil, errors.New("it names no program")
	}
	return words, nil
}
