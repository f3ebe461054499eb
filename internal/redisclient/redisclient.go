// Package redisclient is the connection to Redis: a cache and a counter beside PostgreSQL, never
// in place of it.
//
// Whoever asks Redis can be answered by PostgreSQL as well, so one rule holds for all: a Redis
// that does not answer costs a moment once, not a moment per question. Time-outs are short, nothing
// is tried twice, and after a failure nobody asks for a second; then one question finds out whether
// it is back.
//
//	err := client.Do(ctx, func(ctx context.Context, r redis.Cmdable) error { … })
//	if err != nil { … ask PostgreSQL … }
//
// A nil *Client is no Redis: Do returns ErrAway.
package redisclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrAway: there is no Redis, or it did not answer a moment ago.
var ErrAway = errors.New("redis is away")

// Config tunes a Client. The zero value but for URL is usable.
type Config struct {
	// URL is redis://[user:password@]host:port/db, rediss:// with TLS, or unix://path.
	URL string
	// Timeout bounds connecting, writing and reading, each. Default 250 ms.
	Timeout time.Duration
	// Pause is how long nobody asks after a failure. Default 1 s.
	Pause time.Duration
	// Conns is how many connections there may be. Default 8.
	Conns  int
	Logger *slog.Logger
}

// Client asks Redis. It may be used by several goroutines.
type Client struct {
	cfg Config
	rdb *redis.Client

	mu    sync.Mutex
	away  bool      // the last question failed
	until time.Time // until then nobody asks
}

// New returns a client. It connects when it is asked first: a Redis that is away is no reason not to start.
func New(cfg Config) (*Client, error) {
	opt, err := redis.ParseURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("redis URL: %w; it is redis://[user:password@]host:port/db", redact(err, cfg.URL))
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 250 * time.Millisecond
	}
	if cfg.Pause <= 0 {
		cfg.Pause = time.Second
	}
	if cfg.Conns <= 0 {
		cfg.Conns = 8
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout, opt.PoolTimeout = cfg.Timeout, cfg.Timeout, cfg.Timeout, cfg.Timeout
	opt.MaxRetries, opt.DialerRetries = -1, 1
	opt.PoolSize, opt.ContextTimeoutEnabled, opt.ClientName = cfg.Conns, true, "sluice"
	opt.DisableIdentity = true
	// Notices of a managed service's upkeep: another connection's worth of handshakes for what the pause covers.
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	redis.SetLogger(quiet{}) // it writes to standard error whenever its pool cannot connect
	return &Client{cfg: cfg, rdb: redis.NewClient(opt)}, nil
}

// quiet drops what the library logs: what matters of it comes back as an error.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// redact is err without the password of a URL.
func redact(err error, raw string) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err // without the URL
	}
	if raw != "" && strings.Contains(err.Error(), raw) {
		return errors.New("it cannot be understood")
	}
	return err
}

// Do asks Redis. redis.Nil is an answer like any other; whatever else fn returns counts as
// no answer, unless it is ctx that ended. fn must not be harmed by having happened without an answer.
func (c *Client) Do(ctx context.Context, fn func(context.Context, redis.Cmdable) error) error {
	if !c.ask() {
		return ErrAway
	}
	err := fn(ctx, c.rdb)
	switch {
	case err == nil, errors.Is(err, redis.Nil):
		c.answered()
	case ctx.Err() != nil:
		// Nobody waited for the answer: it says nothing about Redis. The next one finds out.
	default:
		c.failed(err)
		err = fmt.Errorf("%w: %w", ErrAway, err)
	}
	return err
}

// ask reports whether now is a time to ask. Where the last question failed it lets one through per pause.
func (c *Client) ask() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.away {
		return true
	}
	now := time.Now()
	if now.Before(c.until) {
		return false
	}
	c.until = now.Add(c.cfg.Pause)
	return true
}

func (c *Client) answered() {
	c.mu.Lock()
	was := c.away
	c.away = false
	c.mu.Unlock()
	if was {
		c.cfg.Logger.Info("redis answers again")
	}
}

func (c *Client) failed(err error) {
	c.mu.Lock()
	was := c.away
	c.away, c.until = true, time.Now().Add(c.cfg.Pause)
	c.mu.Unlock()
	if !was {
		c.cfg.Logger.Warn("redis does not answer: PostgreSQL does meanwhile", "error", err)
	}
}

// Away reports whether the last question was not answered. A nil client is away.
func (c *Client) Away() bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away
}

// Close ends the connections.
func (c *Client) Close() error {
	if c == nil {
		return nil
	}
	return c.rdb.Close()
}
