package token

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sparkoo/transfergate/internal/fetch"
)

// fetch gets the set from its service. Its errors name the service's host, and
// nothing the service said.
func (k *Keys) fetch(ctx context.Context) (*set, error) {
	began := k.config.Now()
	s, err := k.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetching the key set from %s: %w", fetch.Host(k.config.URL), err)
	}
	s.fetched = fetch.Wall(began)
	return s, nil
}

func (k *Keys) get(ctx context.Context) (*set, error) {
	accept := http.Header{"Accept": {"application/jwk-set+json, application/json"}}
	status, raw, err := k.client.Read(ctx, fetch.Request{URL: k.config.URL, Header: accept}, maxSet)
	switch {
	case status != 0 && status != http.StatusOK:
		return nil, fetch.StatusError(status)
	case err != nil:
		return nil, err
	}
	return parseSet(raw, k.algorithms)
}
