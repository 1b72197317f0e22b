package token

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// checkURL makes sure that nobody on the way can replace the keys.
func checkURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("the URL of the key set cannot be read") // it may hold a secret
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the URL of the key set must begin with https:// and name a host")
	case u.User != nil || u.Fragment != "":
		return fmt.Errorf("the URL of the key set at %s may have no user and no fragment", u.Host)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("the key set at %s would come in plain text, and anybody on the way could replace the keys: use https", u.Host)
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// newClient returns a client that goes where it is sent and nowhere else.
func newClient(config *tls.Config) *http.Client {
	return &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        config,
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // one fetch in minutes
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// fetch gets the set from its service. Its errors name the service's host, and
// nothing the service said.
func (k *Keys) fetch(ctx context.Context) (*set, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.config.URL, nil)
	if err != nil {
		return nil, errors.New("fetching the key set: the URL cannot be requested")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	began := k.config.Now()
	s, err := k.get(req)
	if err != nil {
		if at, ok := errors.AsType[*url.Error](err); ok {
			err = at.Err // without the URL's query
		}
		return nil, fmt.Errorf("fetching the key set from %s: %w", req.URL.Host, err)
	}
	s.fetched = wall(began)
	return s, nil
}

func (k *Keys) get(req *http.Request) (*set, error) {
	res, err := k.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d, only 200 will do", res.StatusCode)
	}
	raw, err := readLimited(res.Body, maxSet)
	if err != nil {
		return nil, err
	}
	return parseSet(raw, k.algorithms)
}

// wall drops the monotonic reading, which stands still while a machine sleeps.
func wall(t time.Time) time.Time { return t.Round(0) }
