package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"sluice/internal/id"
	"sluice/internal/secret"
)

// delivery is a message on its way to a webhook.
type delivery struct {
	tenant, id, rule id.ID
	name             string // of the rule
	body             string
	attempts         int32
	since            time.Time // when it began to wait
	due              time.Time
	url, secret      secret.Secret
}

// outcome is what came of an attempt.
type outcome struct {
	status *int32        // of HTTP; nil: there was no answer
	err    error         // nil: it was taken
	wait   time.Duration // what the receiver asked for
	final  bool          // this message will never be taken
}

// What is read of an answer, and kept of it.
const (
	maxAnswer = 4 << 10
	maxSaid   = 200
)

// client posts webhooks. It follows no redirect, and reads no more of an answer than it needs.
type client struct {
	secure, plain *http.Client
	agent         string
}

func newClient(timeout time.Duration, allowed []netip.Prefix, roots *x509.CertPool) *client {
	make := func(plain bool) *http.Client {
		d := guard{allowed, plain}.dialer(timeout)
		return &http.Client{
			Timeout: timeout,
			// An answer that sends elsewhere would send past whoever added the rule.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			// No proxy: behind one the guard sees the proxy's address and not the receiver's.
			Transport: &http.Transport{
				DialContext: d.DialContext, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: 64 << 10,
				MaxIdleConns: 32, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true, DisableCompression: true,
				TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			},
		}
	}
	return &client{secure: make(false), plain: make(true), agent: "sluice"}
}

func (c *client) close() {
	c.secure.CloseIdleConnections()
	c.plain.CloseIdleConnections()
}

// post makes one attempt.
func (c *client) post(ctx context.Context, d delivery, now time.Time) outcome {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(d.url), strings.NewReader(d.body))
	if err != nil {
		return outcome{err: errors.New("the URL is none"), final: true} // the error quotes it
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set(headerID, d.id.String())
	req.Header.Set(headerTimestamp, strconv.FormatInt(now.Unix(), 10))
	if d.secret != "" {
		signature, err := sign(d.secret, d.id.String(), now, []byte(d.body))
		if err != nil {
			return outcome{err: err, final: true}
		}
		req.Header.Set(headerSignature, signature)
	}
	hc := c.secure
	if req.URL.Scheme == "http" {
		hc = c.plain
	}
	resp, err := hc.Do(req)
	if err != nil {
		var ue *url.Error // names the URL, which is a secret
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return outcome{err: err}
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	status := int32(resp.StatusCode)
	return judge(status, resp.Header.Get("Retry-After"), said, now)
}

// judge says what an answer means.
func judge(status int32, retryAfter string, said []byte, now time.Time) outcome {
	o := outcome{status: &status}
	if status >= 200 && status < 300 {
		return o
	}
	text := fmt.Sprintf("HTTP %d %s", status, http.StatusText(int(status)))
	if s := plainText(said); s != "" {
		text += ": " + s
	}
	switch status {
	case http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		// About this message, or for ever: the same again would be answered the same.
		o.final = true
	}
	if status >= 300 && status < 400 {
		text += " (redirects are not followed: name the URL that it leads to)"
	}
	o.err, o.wait = errors.New(text), after(retryAfter, now)
	return o
}

// after reads Retry-After: seconds, or a date.
func after(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// plainText is the begin of what a receiver says, in one line.
func plainText(b []byte) string {
	s := strings.Join(strings.FieldsFunc(string(bytes.ToValidUTF8(b, nil)), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if r := []rune(s); len(r) > maxSaid {
		s = string(r[:maxSaid]) + "…"
	}
	return s
}
