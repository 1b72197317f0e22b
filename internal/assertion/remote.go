package assertion

import (
	"context"
	"crypto"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/fetch"
)

const (
	fetchTimeout = 5 * time.Second
	fetchPause   = 2 * time.Second // between two fetches, whoever causes them
	maxKeySet    = 64 << 10        // bytes
)

// Remote is the key set at a URL. It is fetched when it is first needed, when it
// is [MaxAge] old, and when a key is asked for that it lacks, but never more
// often than every two seconds. Any number of goroutines may use it.
type Remote struct {
	// URL of the key set. Required.
	URL string
	// Now is the clock. Default: time.Now
	Now func() time.Time

	mu      sync.Mutex
	set     KeySet    // guarded by mu
	fetched time.Time // guarded by mu; when set was fetched
	tried   time.Time // guarded by mu; when a fetch last began
	failure error     // guarded by mu; of the last fetch
}

// Key implements [Keys]. It waits for a fetch for at most five seconds.
func (r *Remote) Key(ctx context.Context, id string) (crypto.PublicKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.Now != nil {
		now = r.Now()
	}
	if now.Sub(r.fetched) < MaxAge {
		if k, ok := r.set[id]; ok {
			return k, nil
		}
	}
	if now.Sub(r.tried) >= fetchPause {
		r.tried = now
		set, err := r.fetch(ctx)
		if r.failure = err; err == nil {
			r.set, r.fetched = set, now
		}
	}
	if r.failure != nil {
		return nil, r.failure
	}
	return r.set.Key(ctx, id)
}

// remote is the client of all of them; one fetch is rare.
var remote = fetch.New(fetch.Config{Timeout: fetchTimeout})

func (r *Remote) fetch(ctx context.Context) (KeySet, error) {
	// Others wait for the same answer, though the one who asked may leave.
	status, raw, err := remote.Read(context.WithoutCancel(ctx), fetch.Request{URL: r.URL}, maxKeySet)
	var set KeySet
	switch {
	case status != 0 && status != http.StatusOK:
		err = fetch.StatusError(status)
	case err == nil:
		set, err = ParseKeySet(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("fetching the key set from %s: %w", fetch.Host(r.URL), err)
	}
	return set, nil
}
