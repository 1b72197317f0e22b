package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/sync/errgroup"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// clients is how many requests are under way at once.
const clients = 24

// fill runs the gateway by a clock of its own and sends it all requests.
func (d *demo) fill(ctx context.Context, until time.Time) (err error) {
	list := traffic(d.records, until)
	var now atomic.Int64 // in microseconds since 1970, and only ever later
	now.Store(list[0].at.UnixMicro())
	restore := gateway.DemoClock(func() time.Time { return time.UnixMicro(now.Load()) },
		fmt.Sprintf("a demonstration's, which ran from %s to %s in a minute or so", list[0].at.UTC().Format(time.DateTime), until.UTC().Format(time.DateTime)))
	defer restore()
	if err := d.site.load(); err != nil {
		return err
	}
	// The gateway ends here, so that the ledger says when its clock was the machine's again.
	defer func() { err = errors.Join(err, caddy.Stop()) }()
	var next atomic.Int64
	work, ctx := errgroup.WithContext(ctx)
	for range clients {
		work.Go(func() error {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: time.Minute}
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(list) {
					return nil
				}
				advance(&now, list[i].at.UnixMicro())
				if err := d.send(ctx, client, &list[i]); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return work.Wait()
}

// advance sets a clock, unless it is later already.
func advance(clock *atomic.Int64, to int64) {
	for at := clock.Load(); at < to && !clock.CompareAndSwap(at, to); at = clock.Load() {
	}
}

// send sends a request. Whatever the gateway answers is an answer, unless it says that it
// cannot.
func (d *demo) send(ctx context.Context, client *http.Client, a *asked) error {
	body := ""
	if a.method == http.MethodPut {
		body = "an object of the demonstration"
	}
	r, err := http.NewRequestWithContext(ctx, a.method, "http://localhost:"+d.site.gateway+a.path, strings.NewReader(body))
	if err != nil {
		return err
	}
	for i := 0; i < len(a.fields); i += 2 {
		r.Header.Set(a.fields[i], a.fields[i+1])
	}
	res, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("filling the ledger: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("filling the ledger: %w", err)
	}
	if res.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("filling the ledger: the gateway answered %d: %s", res.StatusCode, answer)
	}
	return nil
}
