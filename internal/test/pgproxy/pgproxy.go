// Package pgproxy stands between a test and PostgreSQL and cuts connections, at random
// or at the worst moment: around a COMMIT whose answer then never comes. It also has the
// server fail with any SQLSTATE at any statement. It is for tests.
package pgproxy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Fate is what becomes of a COMMIT.
type Fate int

// The fates of a COMMIT; all but Pass cut the connection.
const (
	Pass   Fate = iota
	Before      // the server never gets it
	During      // the server gets it, and the connection is cut at that moment
	After       // the server has committed, but its answer is lost
)

// Proxy forwards connections to a server.
type Proxy struct {
	target   string // host:port
	listener net.Listener
	fate     func() Fate
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // the clients' ends
	down  bool
	fail  func(Statement) string
}

// New starts a proxy in front of the server of a URL and returns it with the URL that
// leads through it. fate, if not nil, is asked at each COMMIT of a transaction that wrote by
// COPY or with parameters of a kilobyte; calls may overlap. It ends with the test.
func New(t testing.TB, serverURL string, fate func() Fate) (*Proxy, string) {
	t.Helper()
	u, err := url.Parse(serverURL)
	if err != nil {
		t.Fatalf("pgproxy: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("pgproxy: %v", err)
	}
	p := &Proxy{target: u.Host, listener: l, fate: fate, conns: map[net.Conn]bool{}}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.Down(true)
		p.running.Wait()
	})
	u.Host = l.Addr().String()
	return p, u.String()
}

// Sever cuts all connections of this moment.
func (p *Proxy) Sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// Down says whether new connections are cut at once; true also severs those that are there.
func (p *Proxy) Down(down bool) {
	p.mu.Lock()
	p.down = down
	p.mu.Unlock()
	if down {
		p.Sever()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	if p.down {
		p.mu.Unlock()
		return
	}
	p.conns[client] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, client)
		p.mu.Unlock()
	}()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	c := &conn{proxy: p, client: client, server: server, committed: make(chan struct{}, 1)}
	var back sync.WaitGroup
	back.Go(func() { defer client.Close(); c.backward() })
	_ = c.forward()
	server.Close()
	back.Wait()
}

// conn is one connection of a client.
type conn struct {
	proxy          *Proxy
	client, server net.Conn

	mu        sync.Mutex
	mute      bool          // the answer that comes now is not handed on
	committed chan struct{} // it came
}

var errCut = errors.New("cut")

// forward carries messages to the server, one by one.
func (c *conn) forward() error {
	r := bufio.NewReaderSize(c.client, peekable)
	if err := c.start(r); err != nil {
		return err
	}
	wrote := false
	var t transaction
	for {
		head, err := r.Peek(5)
		if err != nil {
			return err
		}
		size := int64(binary.BigEndian.Uint32(head[1:])) + 1
		switch kind := head[0]; {
		case kind == 'd', kind == 'B' && size > 1<<10: // COPY, or parameters that are more than a few keys
			wrote = true
		case kind == 'Q' && wrote && c.proxy.fate != nil && size < 64:
			text, err := r.Peek(int(size))
			if err != nil {
				return err
			}
			if strings.HasPrefix(strings.ToLower(string(text[5:])), "commit") {
				wrote = false
				if err := c.commit(r, size, c.proxy.fate()); err != nil {
					return err
				}
				continue
			}
		}
		if state, err := c.state(&t, r, size); err != nil {
			return err
		} else if state != "" {
			if err := c.inject(r, state); err != nil {
				return err
			}
			continue
		}
		if _, err := io.CopyN(c.server, r, size); err != nil {
			return err
		}
	}
}

// start carries the messages before the first ordinary one. TLS is declined: the proxy could not read it.
func (c *conn) start(r *bufio.Reader) error {
	for {
		head, err := r.Peek(8)
		if err != nil {
			return err
		}
		size := int64(binary.BigEndian.Uint32(head))
		switch code := binary.BigEndian.Uint32(head[4:]); code {
		case 80877103, 80877104: // SSLRequest, GSSENCRequest
			if _, err := r.Discard(int(size)); err != nil {
				return err
			}
			if _, err := c.client.Write([]byte{'N'}); err != nil {
				return err
			}
			continue
		}
		_, err = io.CopyN(c.server, r, size)
		return err
	}
}

// commit carries a COMMIT to its fate.
func (c *conn) commit(r *bufio.Reader, size int64, fate Fate) error {
	if fate == Before {
		return errCut
	}
	if fate == After {
		c.mu.Lock()
		c.mute = true
		c.mu.Unlock()
	}
	if _, err := io.CopyN(c.server, r, size); err != nil {
		return err
	}
	switch fate {
	case During:
		return errCut
	case After:
		<-c.committed
		return errCut
	}
	return nil
}

// backward carries the server's answers.
func (c *conn) backward() {
	buf := make([]byte, 32<<10)
	for {
		n, err := c.server.Read(buf)
		c.mu.Lock()
		mute := c.mute
		c.mu.Unlock()
		if mute {
			select {
			case c.committed <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
			continue
		}
		if n > 0 {
			if _, err := c.client.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
