// Package directory reads account records from a remote Account Center over HTTP:
// one by one when a request needs them ([Lookup]), or all of them and then what
// changes ([Feed]).
//
// Both keep the last good records on disk. Both would rather say that they don't
// know than say something old: a record prevails over all a request claims, so
// that a record which was not read may be the one that counts. No account id
// stands in a URL, an error or a log line.
package directory

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/sparkoo/transfergate/internal/regular"
)

// ErrUnavailable tells that nothing can be said about an account: the directory
// can't be asked, and what was heard before is too old to be believed.
var ErrUnavailable = errors.New("the directory of accounts is not available")

// ClientConfig says how a directory is reached.
type ClientConfig struct {
	// Token is a bearer token. Default: none
	Token string

	// TokenFile holds a bearer token and is read for each request, so that it may be
	// replaced. At most one of Token and TokenFile is set. Default: none
	TokenFile string

	// TLS are the files that prove who is who.
	TLS TLSFiles

	// Connections is how many may be open at a time. Default: 32
	Connections int
}

// client goes where it is sent and nowhere else.
type client struct {
	current   atomic.Pointer[connections]
	tls       *tls.Config
	most      int
	token     string
	tokenFile string
}

// connections are left after a while, even if they are busy: what proved the
// directory's name may have been revoked, and the name may lead elsewhere.
type connections struct {
	http *http.Client
	born time.Time
}

const connectionsLast = 5 * time.Minute

func newClient(config ClientConfig) (*client, error) {
	if config.Token != "" && config.TokenFile != "" {
		return nil, errors.New("two bearer tokens, one from a file; keep one")
	}
	if config.Token != "" {
		if err := checkToken(config.Token); err != nil {
			return nil, err
		}
	}
	tlsConfig, err := config.TLS.load()
	if err != nil {
		return nil, err
	}
	c := &client{tls: tlsConfig, most: config.Connections, token: config.Token, tokenFile: config.TokenFile}
	if _, err := c.bearer(); err != nil {
		return nil, err
	}
	c.current.Store(c.connect())
	return c, nil
}

func (c *client) connect() *connections {
	return &connections{born: time.Now(), http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        c.tls.Clone(),
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    c.most,
			MaxConnsPerHost:        c.most,
			IdleConnTimeout:        time.Minute,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}}
}

// connections returns those to use now.
func (c *client) connections() *http.Client {
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

// CheckURL makes sure that nobody on the way can replace records or read who asks.
func CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("the URL of the directory cannot be read") // it may hold a secret
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the URL of the directory must begin with https:// and name a host")
	case u.User != nil || u.Fragment != "":
		return fmt.Errorf("the URL of the directory at %s may have no user and no fragment", u.Host)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("the directory at %s would be asked in plain text, and anybody on the way could read and replace records: use https", u.Host)
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// hostOf is the part of a checked URL that may be shown.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "?"
	}
	return u.Host
}

// checkToken refuses what can't stand in a field; it shows nothing of it.
func checkToken(token string) error {
	if token == "" || strings.ContainsAny(token, " \t") || !httpguts.ValidHeaderFieldValue(token) {
		return errors.New("the bearer token is empty, or holds spaces or control characters")
	}
	return nil
}

// bearer returns the token to send; empty for none.
func (c *client) bearer() (string, error) {
	if c.tokenFile == "" {
		return c.token, nil
	}
	raw, err := regular.ReadFile(c.tokenFile, regular.KeyLimit)
	if err != nil {
		return "", fmt.Errorf("reading the bearer token: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("%s: %w", c.tokenFile, err)
	}
	return token, nil
}

// statusError is an answer with a status that nobody asked for.
type statusError int

func (s statusError) Error() string {
	if s >= 300 && s < 400 && s != http.StatusNotModified {
		return fmt.Sprintf("status %d: redirects are not followed", int(s))
	}
	return fmt.Sprintf("status %d", int(s))
}

// send sends a request; a body is JSON. Its errors, and those of reading the answer,
// show neither the URL, whose query may hold a secret, nor anything that came back.
func (c *client) send(ctx context.Context, method, to string, body []byte, fields http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL cannot be requested")
	}
	if fields != nil {
		req.Header = fields
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	token, err := c.bearer()
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
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

var errNoHTTP = errors.New("what came back, from the directory or a proxy, is no valid HTTP")

// unquoted returns the error of a request if it is one of those that never repeat
// what came back. net/http quotes what it can't read, which may be anything.
func unquoted(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, http.ErrSchemeMismatch} {
		if errors.Is(err, known) {
			return err
		}
	}
	var (
		network     net.Error // of connections, names and time
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		revoked     *revokedError
	)
	if errors.As(err, &network) || errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &revoked) {
		return err
	}
	return errNoHTTP
}

// unquotedBody reads an answer with unquoted errors.
type unquotedBody struct{ io.ReadCloser }

func (b unquotedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = unquoted(err)
	}
	return n, err
}

// close ends connections nobody uses. Those in use end with their requests.
func (c *client) close() { c.current.Load().http.CloseIdleConnections() }

var errTooLarge = errors.New("the answer is larger")

// readLimited reads all of r, which may not be longer than limit.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("%w than %d bytes", errTooLarge, limit)
	}
	return raw, err
}

// wall drops the monotonic reading, which stands still while a machine sleeps.
func wall(t time.Time) time.Time { return t.Round(0) }
