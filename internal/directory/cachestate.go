package directory

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/fetch"
)

// sourceOf names a URL without showing it.
func sourceOf(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:16])
}

// cacheHead is the first line of a saved cache.
type cacheHead struct {
	Kind   string `json:"kind"` // lookups
	Source string `json:"source"`
}

// cacheLine is a further line.
type cacheLine struct {
	Asked  time.Time       `json:"asked"`
	Record json.RawMessage `json:"record"`
}

const cacheKind = "lookups"

// save writes all records to the state file, if there is one. That an account has
// no record is not kept: it is not believed long enough.
func (c *Cache) save() error {
	if c.state.path == "" || !c.changed.Swap(false) {
		return nil
	}
	err := c.state.write(func(w *bufio.Writer) error {
		head, err := json.Marshal(cacheHead{cacheKind, c.source})
		if err != nil {
			return err
		}
		if _, err := w.Write(append(head, '\n')); err != nil {
			return err
		}
		var line []byte
		for id, a := range c.answers.All() {
			record := a.about(id)
			if record == nil {
				continue
			}
			line = append(line[:0], `{"asked":"`...)
			line = time.Unix(0, int64(a.asked)).UTC().AppendFormat(line, time.RFC3339Nano)
			line = controllers.AppendAccount(append(line, `","record":`...), record)
			if _, err := w.Write(append(line, '}', '\n')); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.changed.Store(true)
	}
	return err
}

// load takes over what the state file holds. Whether registers have what a record
// names is looked at when it is used.
func (c *Cache) load() error {
	type kept struct {
		record controllers.Account
		asked  time.Time
	}
	var all []kept
	err := c.state.read(func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, controllers.MaxLine+256)
		var head cacheHead
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &head) != nil || head.Kind != cacheKind {
			return errors.New("it holds something else than looked-up records")
		}
		if head.Source != c.source {
			return errors.New("it is of another directory")
		}
		for lines.Scan() {
			var line cacheLine
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				return errDamaged
			}
			record, err := controllers.ParseAccount(bytes.TrimSpace(line.Record), said)
			if err != nil {
				return err
			}
			if line.Asked.After(time.Now()) {
				return errors.New("it holds a record of the future")
			}
			all = append(all, kept{record, line.Asked})
		}
		return lines.Err()
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("the account records kept in %s are not used: %w", c.state.path, err)
	}
	for _, k := range all {
		c.fill(&k.record, k.asked)
	}
	return nil
}

// keep forgets what is older than limit, and saves the rest, from time to time until
// ctx is done, and then once more. report hears how each went.
func (c *Cache) keep(ctx context.Context, limit time.Duration, now func() time.Time, report func(error)) {
	if c.state.path != "" {
		end, err := turn(ctx, c.state.path)
		if err != nil {
			return // done before it began
		}
		defer end()
	}
	pause := saveEvery
	for {
		fetch.Sleep(ctx, pause)
		began := time.Now()
		c.forget(now().Add(-limit))
		err := c.save()
		report(err)
		if ctx.Err() != nil {
			return
		}
		pause = max(saveEvery, 50*time.Since(began)) // at most 2 % of the time
		if err != nil {
			pause = time.Minute // the disk may be full
		}
	}
}

// saveEvery is how often a cache that has changed is saved: what a crash may undo.
const saveEvery = 5 * time.Second
