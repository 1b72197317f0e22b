// Package directory reads account records from a remote Account Center over HTTP:
// one by one when a request needs them ([Lookup]), or all of them and then what
// changes ([Feed]).
//
// Both keep the last good records on disk. Both would rather say that they don't
// know than say something old: a record prevails over all a request claims, so
// that a record which was not read may be the one that counts. No account id
// stands in a URL, an error or a log line.
//
// lookup.go is long because a look-up's steps (remembered, asked, refused, kept, too old)
// work on one state under one lock, and are read together.
package directory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/sparkoo/transfergate/internal/fetch"
	"github.com/sparkoo/transfergate/internal/regular"
)

// ErrUnavailable tells that nothing can be said about an account: the directory
// can't be asked, and what was heard before is too old to be believed.
var ErrUnavailable = errors.New("the directory of accounts is not available")

// ErrRecord tells that the directory answered, and that its answer about this account
// is none: its record breaks the rules, or its id is refused. Others are not concerned.
var ErrRecord = errors.New("the directory's answer about this account cannot be used")

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

// client asks a directory, and says who asks.
type client struct {
	http      *fetch.Client
	token     string
	tokenFile string
}

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
	c := &client{http: fetch.New(fetch.Config{TLS: tlsConfig, Connections: config.Connections}), token: config.Token, tokenFile: config.TokenFile}
	if _, err := c.bearer(); err != nil {
		return nil, err
	}
	return c, nil
}

// CheckURL makes sure that nobody on the way can replace records or read who asks.
func CheckURL(raw string) error { return fetch.CheckURL("directory", raw) }

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
	raw, err := regular.ReadText(c.tokenFile, regular.KeyLimit)
	if err != nil {
		return "", fmt.Errorf("reading the bearer token: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("%s: %w", c.tokenFile, err)
	}
	return token, nil
}

// send sends a request; a body is JSON. The client owns the header fields.
func (c *client) send(ctx context.Context, method, to string, body []byte, fields http.Header) (*http.Response, error) {
	if body != nil {
		fields.Set("Content-Type", "application/json")
	}
	token, err := c.bearer()
	if err != nil {
		return nil, err
	}
	if token != "" {
		fields.Set("Authorization", "Bearer "+token)
	}
	return c.http.Do(ctx, fetch.Request{Method: method, URL: to, Header: fields, Body: body})
}
