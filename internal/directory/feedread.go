package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/fetch"
)

// The most that is read of one answer. Changes are smaller, because they are kept
// in memory twice.
const (
	maxSnapshot = 2 << 30
	maxChanges  = 64 << 20
)

// clockSkew is how far the directory's clock may be ahead of ours.
const clockSkew = time.Minute

var (
	errGone      = errors.New("the cursor is forgotten")
	errUnchanged = errors.New("the snapshot is unchanged")
)

// step reads the feed once: changes, or a snapshot where there is no cursor. It
// reports whether there was anything new.
func (f *Feed) step(ctx context.Context) (changed bool, err error) {
	p := f.memory.last()
	if p.end.Cursor == "" {
		return f.readSnapshot(ctx, p)
	}
	c, err := f.getChanges(ctx, p.end, f.config.Wait)
	if errors.Is(err, errGone) {
		f.config.Logger.Info("the directory has forgotten the cursor: reading the snapshot anew")
		return f.readSnapshot(ctx, p)
	}
	if err != nil {
		return false, err
	}
	if c.End.Lines == 0 {
		p.end = c.End
		f.advance(p)
		return false, nil
	}
	// On disk before it is in force: a record deleted now stays deleted.
	f.logKept(f.memory.add(c))
	if err := f.table.ChangeAccounts(c.Put, c.Removed); err != nil {
		return false, err
	}
	changed = c.End.Cursor != p.end.Cursor
	p.snapshot, p.end, p.etag = f.table.Snapshot(), c.End, ""
	f.config.Logger.Info("account records changed", "put", len(c.Put), "removed", len(c.Removed))
	f.advance(p)
	return changed, nil
}

// advance makes a position the one in force; the table holds its accounts.
func (f *Feed) advance(p position) {
	f.publish(p)
	f.memory.set(p)
	f.health.succeeded(p.asOf())
	f.logKept(f.memory.keep(p, false))
}

func (f *Feed) logKept(err error) {
	if err != nil {
		f.trouble.Error("account records could not be kept on disk; a restart may find older ones", "error", err)
	}
}

// readSnapshot reads all records, and then changes until they are as new as those in
// force.
func (f *Feed) readSnapshot(ctx context.Context, p position) (changed bool, err error) {
	began := fetch.Wall(f.config.Now())
	etag := ""
	if p.end.Cursor == "" {
		etag = p.etag
	}
	c, etag, err := f.getSnapshot(ctx, etag)
	if errors.Is(err, errUnchanged) {
		p.same = began
		f.advance(p)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	scratch, end := f.table.Empty(), c.End
	if err := scratch.ReplaceAccounts(c.Put); err != nil {
		return false, err
	}
	count := len(c.Put)
	for end.AsOf.Before(p.end.AsOf) {
		if end, err = f.catchUp(ctx, scratch, end, p.end.AsOf); err != nil {
			return false, err
		}
	}
	next := position{snapshot: scratch.Snapshot(), end: end, etag: etag}
	f.logKept(f.memory.replace(next))
	if err := f.table.ShareAccounts(next.snapshot); err != nil {
		return false, err
	}
	f.config.Logger.Info("account records replaced", "accounts", count)
	f.advance(next)
	return true, nil
}

// catchUp applies the changes after end to a snapshot that is older than what is in
// force.
func (f *Feed) catchUp(ctx context.Context, scratch *controllers.Table, end controllers.End, floor time.Time) (controllers.End, error) {
	older := fmt.Errorf("the snapshot is complete up to %s, before what is in force, %s", end.AsOf.UTC().Format(time.RFC3339), floor.UTC().Format(time.RFC3339))
	if end.Cursor == "" {
		return end, older
	}
	c, err := f.getChanges(ctx, end, 0)
	if errors.Is(err, errGone) {
		return end, older
	}
	if err != nil {
		return end, err
	}
	if c.End.Cursor == end.Cursor && !c.End.AsOf.After(end.AsOf) {
		return end, older
	}
	return c.End, scratch.ChangeAccounts(c.Put, c.Removed)
}

// getSnapshot gets all records, unless they are those of the etag.
func (f *Feed) getSnapshot(ctx context.Context, etag string) (*controllers.Changes, string, error) {
	fields := http.Header{}
	if etag != "" {
		fields.Set("If-None-Match", etag)
	}
	a, err := f.get(ctx, f.config.URL, fields, maxSnapshot, 0)
	switch {
	case err != nil:
		return nil, "", err
	case a.status == http.StatusNotModified && etag != "":
		return nil, etag, errUnchanged
	case a.status != http.StatusOK:
		return nil, "", fetch.StatusError(a.status)
	case len(a.changes.Put) == 0:
		return nil, "", errors.New("the snapshot has no account records; if there are none, configure no accounts")
	}
	return a.changes, a.etag, nil
}

// getChanges gets what changed after end. The directory may hold the request for a
// while until there is something.
func (f *Feed) getChanges(ctx context.Context, end controllers.End, wait time.Duration) (*controllers.Changes, error) {
	u, err := url.Parse(f.config.Changes)
	if err != nil {
		return nil, errors.New("the URL of the changes cannot be read")
	}
	query := u.Query()
	query.Set("cursor", end.Cursor)
	u.RawQuery = query.Encode()
	fields := http.Header{}
	if wait > 0 {
		fields.Set("Prefer", "wait="+strconv.Itoa(int((wait+time.Second-1)/time.Second))) // RFC 7240
	}
	a, err := f.get(ctx, u.String(), fields, maxChanges, wait)
	if err != nil {
		return nil, err
	}
	switch c := a.changes; {
	case a.status == http.StatusGone:
		return nil, errGone
	case a.status != http.StatusOK:
		return nil, fetch.StatusError(a.status)
	case c.End.Cursor == "":
		return nil, errors.New("changes without a cursor for what follows")
	case c.End.AsOf.Before(end.AsOf):
		return nil, fmt.Errorf("the changes are complete up to %s, before what is in force, %s", c.End.AsOf.UTC().Format(time.RFC3339), end.AsOf.UTC().Format(time.RFC3339))
	}
	return a.changes, nil
}

// feedAnswer is what the directory answered; changes only with status 200.
type feedAnswer struct {
	status  int
	etag    string
	changes *controllers.Changes
}

// get sends a request and, if the status is 200, reads the answer. It gives up when
// the directory is silent for longer than the timeout, after wait.
func (f *Feed) get(ctx context.Context, to string, fields http.Header, limit int64, wait time.Duration) (feedAnswer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := fmt.Errorf("no word for %s", f.config.Timeout)
	alarm := time.AfterFunc(wait+f.config.Timeout, func() { cancel(silent) })
	defer alarm.Stop()
	fields.Set("Accept", "application/x-ndjson")
	res, err := f.client.send(ctx, http.MethodGet, to, nil, fields)
	if err != nil {
		return feedAnswer{}, cause(ctx, err)
	}
	defer res.Body.Close()
	a := feedAnswer{status: res.StatusCode, etag: res.Header.Get("ETag")}
	if a.status != http.StatusOK {
		return a, nil
	}
	body := &limitedBody{Reader: res.Body, left: limit, limit: limit, progress: func() { alarm.Reset(f.config.Timeout) }}
	var odd controllers.OddRecords
	a.changes, err = controllers.ReadChanges(body, "line", f.table.Known(), oddUnless(f.config.Strict, odd.Add))
	if err == nil {
		odd.Report(f.config.Logger)
	}
	if err == nil && a.changes.End.AsOf.After(f.config.Now().Add(clockSkew)) {
		err = errors.New("as_of lies in the future: one of the two clocks is wrong")
	}
	return a, cause(ctx, err)
}

// cause is why ctx ended, if that is what err says.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); err != nil && why != nil {
		return why
	}
	return err
}

// limitedBody reads up to a limit, and tells that something came.
type limitedBody struct {
	io.Reader
	left, limit int64
	progress    func()
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w than %d bytes", fetch.ErrTooLarge, b.limit)
	}
	n, err := b.Reader.Read(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); n > 0 {
		b.progress()
	}
	return n, err
}
