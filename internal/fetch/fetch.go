// Package fetch is the one client for what the gateway fetches or brings itself: key
// sets, account records, checkpoints. It goes where it is sent and nowhere else, reads no
// more than it is told to, and its errors show neither a URL, whose path or query may be
// a secret, nor anything that came back.
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// Config says how a [Client] connects. Its zero value is of use.
type Config struct {
	// TLS is how connections are secured. The client clones it. Default: the system's
	// authorities, at least TLS 1.2
	TLS *tls.Config

	// Connections is how many may be open to one host at a time, and are kept for the
	// next request. Default: a new one for each request
	Connections int

	// Timeout bounds a request and the reading of its answer. Default: none, beside the
	// request's context
	Timeout time.Duration
}

// Client sends requests. It follows no redirect: that is an answer like others. Any number
// of goroutines may use it.
type Client struct {
	config  Config
	current atomic.Pointer[connections]
}

// connections are left after a while, even if they are busy: what proved the other side's
// name may have been revoked, and the name may lead elsewhere.
type connections struct {
	http *http.Client
	born time.Time
}

const connectionsLast = 5 * time.Minute

// New returns a client. It asks nobody.
func New(config Config) *Client {
	if config.TLS == nil {
		config.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c := &Client{config: config}
	c.current.Store(c.connect())
	return c
}

func (c *Client) connect() *connections {
	return &connections{born: time.Now(), http: &http.Client{
		Timeout:       c.config.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        c.config.TLS.Clone(),
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      c.config.Connections == 0,
			MaxIdleConnsPerHost:    c.config.Connections,
			MaxConnsPerHost:        c.config.Connections,
			IdleConnTimeout:        time.Minute,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}}
}

// connections returns those to use now.
func (c *Client) connections() *http.Client {
	now := c.current.Load()
	if time.Since(now.born) > connectionsLast {
		if next := c.connect(); c.current.CompareAndSwap(now, next) {
			now.http.CloseIdleConnections()
			return next.http
		}
		now = c.current.Load()
	}
	return now.http
}

// Renew leaves the open connections; those in use end with their requests. The client
// does so itself every five minutes.
func (c *Client) Renew() {
	old := c.current.Swap(c.connect())
	old.http.CloseIdleConnections()
}

// Close ends the connections nobody uses. The client may still be used.
func (c *Client) Close() { c.current.Load().http.CloseIdleConnections() }

// Request is what is sent. Only URL is required.
type Request struct {
	Method string // Default: GET
	URL    string
	Header http.Header
	Body   []byte
}

// Do sends a request and returns the answer as soon as it begins; the caller closes its
// body.
func (c *Client) Do(ctx context.Context, r Request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, errors.New("the URL cannot be requested")
	}
	if r.Header != nil {
		req.Header = r.Header
	}
	res, err := c.connections().Do(req)
	if at, ok := errors.AsType[*url.Error](err); ok {
		err = at.Err
	}
	if err != nil {
		return nil, unquoted(err)
	}
	res.Body = unquotedBody{res.Body}
	return res, nil
}

// Read sends a request and reads the whole answer, which may not be longer than limit in
// bytes. The error is [ErrTooLarge] if it is; the status then stands, and what was read.
func (c *Client) Read(ctx context.Context, r Request, limit int64) (status int, body []byte, err error) {
	res, err := c.Do(ctx, r)
	if err != nil {
		return 0, nil, err
	}
	body, err = ReadAll(res.Body, limit)
	return res.StatusCode, body, errors.Join(err, res.Body.Close())
}

// ErrTooLarge tells that there is more than may be read.
var ErrTooLarge = errors.New("the answer is larger")

// ReadAll reads all of an answer, which may not be longer than limit in bytes. The error
// is [ErrTooLarge] if it is.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(raw)) > limit {
		return raw[:limit], fmt.Errorf("%w than %d bytes", ErrTooLarge, limit)
	}
	return raw, err
}

// StatusError is an answer with a status that nobody asked for.
type StatusError int

func (s StatusError) Error() string {
	if s >= 300 && s < 400 && s != http.StatusNotModified {
		return fmt.Sprintf("status %d: redirects are not followed", int(s))
	}
	return fmt.Sprintf("status %d", int(s))
}

// Wall drops a moment's monotonic reading, which stands still while a machine sleeps: the
// age of what was fetched is told by the wall clock.
func Wall(t time.Time) time.Time { return t.Round(0) }
