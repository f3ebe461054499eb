package pgproxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Statement is what a client is about to have executed.
type Statement struct {
	SQL string
	// Sent is what the client sent since the transaction began, this statement with its values
	// included, a mebibyte of it at most: what COPY carried is there too.
	Sent []byte
}

// Mentions reports whether text was sent in the transaction.
func (s Statement) Mentions(text string) bool { return bytes.Contains(s.Sent, []byte(text)) }

// Is reports whether the statement begins so, whatever its case and its comments.
func (s Statement) Is(begin string) bool {
	lines := strings.Split(strings.ToLower(s.SQL), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "--") })
	return strings.HasPrefix(strings.TrimSpace(strings.Join(lines, "\n")), strings.ToLower(begin))
}

// Fail has fn asked before each statement. Unless it returns "", the statement is not executed:
// the client gets an error with that SQLSTATE, by which PostgreSQL itself ends the transaction.
// A "!" after the state makes the error fatal: the session ends with it. Calls may overlap; nil
// has all statements pass.
func (p *Proxy) Fail(fn func(Statement) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = fn
}

// peekable bounds the messages whose content is looked at; larger ones are looked at in part.
const peekable = 64 << 10

// transaction is what is known of what a client sent.
type transaction struct {
	prepared map[string]string // by the name of the prepared statement
	sent     []byte
}

// state is the SQLSTATE that the message at the head of r is to end with.
func (c *conn) state(t *transaction, r *bufio.Reader, size int64) (string, error) {
	c.proxy.mu.Lock()
	fail := c.proxy.fail
	c.proxy.mu.Unlock()
	if head, err := r.Peek(1); err != nil || fail == nil && head[0] != 'P' {
		return "", err // nobody asks; what is prepared may be asked about later
	}
	message, err := r.Peek(int(min(size, peekable)))
	if err != nil {
		return "", err
	}
	if len(t.sent) < 1<<20 {
		t.sent = append(t.sent, message[5:]...)
	}
	sql := ""
	switch message[0] {
	case 'P': // Parse: name, text
		name, rest, _ := bytes.Cut(message[5:], []byte{0})
		text, _, _ := bytes.Cut(rest, []byte{0})
		if t.prepared == nil {
			t.prepared = map[string]string{}
		}
		t.prepared[string(name)] = string(text)
		return "", nil // what comes with values is what is executed
	case 'B': // Bind: portal, name of the statement
		_, rest, _ := bytes.Cut(message[5:], []byte{0})
		name, _, _ := bytes.Cut(rest, []byte{0})
		sql = t.prepared[string(name)]
	case 'Q':
		text, _, _ := bytes.Cut(message[5:], []byte{0})
		sql = string(text)
	default:
		return "", nil
	}
	s := Statement{SQL: sql, Sent: t.sent}
	if s.Is("begin") || s.Is("commit") || s.Is("rollback") {
		t.sent = nil
	}
	if s.Is("rollback") {
		return "", nil
	}
	return fail(s), nil
}

// inject swallows what belongs to the statement and lets the server fail instead of it.
func (c *conn) inject(r *bufio.Reader, state string) error {
	for {
		head, err := r.Peek(5)
		if err != nil {
			return err
		}
		kind := head[0]
		if _, err := io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint32(head[1:]))+1); err != nil {
			return err
		}
		if kind == 'Q' || kind == 'S' { // a simple statement, or the Sync after an extended one
			break
		}
	}
	if state, fatal := strings.CutSuffix(state, "!"); fatal {
		_, err := c.client.Write(errorResponse("FATAL", state))
		if err != nil {
			return err
		}
		return errCut
	}
	// The server answers with the error and with where the transaction stands.
	text := fmt.Sprintf("do $$ begin raise exception using errcode = '%s', message = 'injected by the proxy', constraint = 'injected'; end $$\x00", state)
	message := binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(len(text)+4))
	_, err := c.server.Write(append(message, text...))
	return err
}

func errorResponse(severity, state string) []byte {
	fields := fmt.Sprintf("S%s\x00V%s\x00C%s\x00Minjected by the proxy\x00\x00", severity, severity, state)
	return append(binary.BigEndian.AppendUint32([]byte{'E'}, uint32(len(fields)+4)), fields...)
}
