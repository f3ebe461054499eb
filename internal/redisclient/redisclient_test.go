package redisclient_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/internal/redisclient"
	"sluice/internal/test/redistest"
)

func ping(ctx context.Context, r redis.Cmdable) error { return r.Ping(ctx).Err() }

func client(t *testing.T, cfg redisclient.Config) *redisclient.Client {
	t.Helper()
	c, err := redisclient.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestKilledAndBack: a dead Redis costs one time-out and not one per question, and is used again when it is back.
func TestKilledAndBack(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, redisclient.Config{URL: server.URL, Pause: 50 * time.Millisecond})
	if err := c.Do(t.Context(), ping); err != nil || c.Away() {
		t.Fatalf("%v, away %v", err, c.Away())
	}
	missing := func(ctx context.Context, r redis.Cmdable) error { return r.Get(ctx, "none").Err() }
	if err := c.Do(t.Context(), missing); !errors.Is(err, redis.Nil) || c.Away() {
		t.Errorf("a missing key: %v, away %v", err, c.Away())
	}
	server.Kill()
	began := time.Now()
	for range 10_000 {
		if err := c.Do(t.Context(), ping); !errors.Is(err, redisclient.ErrAway) {
			t.Fatalf("of a dead Redis: %v", err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("10,000 questions to a dead Redis took %v", took)
	}
	server.Again()
	for end := time.Now().Add(10 * time.Second); c.Do(t.Context(), ping) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is back and nobody asks it")
		}
	}
}

// TestSilent: a Redis that takes the connection and says nothing is given up after the time-out.
func TestSilent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := client(t, redisclient.Config{URL: "redis://" + l.Addr().String(), Timeout: 50 * time.Millisecond, Pause: time.Minute})
	began := time.Now()
	for range 1000 {
		if err := c.Do(t.Context(), ping); !errors.Is(err, redisclient.ErrAway) {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("1,000 questions took %v", took)
	}
}

func TestNone(t *testing.T) {
	t.Parallel()
	var none *redisclient.Client
	if err := none.Do(t.Context(), ping); !errors.Is(err, redisclient.ErrAway) || !none.Away() {
		t.Error(err)
	}
	// A question that nobody waits for says nothing about Redis.
	c := client(t, redisclient.Config{URL: "redis://127.0.0.1:1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Do(ctx, ping); err == nil || c.Away() {
		t.Errorf("%v, away %v", err, c.Away())
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "localhost:6379", "http://:secret@x", "redis://:secret@x:port", "redis://:secret@x/zero"} {
		if _, err := redisclient.New(redisclient.Config{URL: url}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
