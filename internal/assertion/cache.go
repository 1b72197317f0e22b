package assertion

import (
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/cache"
)

// DefaultRemember is how many assertions a [Signer] keeps for reuse unless
// configured.
const DefaultRemember = 10_000

// reused keeps assertions for reuse. Those that may not be reused any more leave by
// and by, so that nothing stays of people who are gone.
type reused struct {
	limit int
	lasts time.Duration // how long an assertion is reused
	kept  *cache.Cache[Facts, kept]
	swept atomic.Int64 // when old ones were last removed, nanoseconds since 1970
}

// kept is an assertion that was made for reuse.
type kept struct {
	token string
	made  time.Time
}

func newReused(limit int, lasts time.Duration) *reused {
	return &reused{limit: limit, lasts: lasts, kept: cache.New[Facts, kept](limit)}
}

// get returns an assertion of these facts that may be reused, or "".
func (r *reused) get(f Facts, now time.Time) string {
	if k, ok := r.kept.Get(f); ok && r.good(k, now) {
		return k.token
	}
	return ""
}

// good reports whether an assertion may be reused. One from the future, made before
// the clock was set back, may not.
func (r *reused) good(k kept, now time.Time) bool {
	return !now.Before(k.made) && now.Sub(k.made) < r.lasts
}

// put keeps an assertion.
func (r *reused) put(f Facts, token string, now time.Time) {
	swept := r.swept.Load()
	if since := now.Sub(time.Unix(0, swept)); (since < 0 || since >= r.lasts) && r.swept.CompareAndSwap(swept, now.UnixNano()) {
		r.kept.DeleteFunc(func(_ Facts, k kept) bool { return !r.good(k, now) })
	}
	r.kept.Put(f, kept{token, now}, r.limit)
}
