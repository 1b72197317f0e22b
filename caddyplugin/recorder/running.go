package recorder

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// This file has the ledger say when a gateway recorded, how it was set, and how much it
// counted. Each class says it of its own: it is a ledger by itself, kept for a time of
// its own and proven by itself, so that no other class could answer for it later.

// Heartbeats: how often one is due, and looked whether one is.
const (
	heartbeatInterval = time.Hour
	heartbeatLook     = 5 * time.Second
)

// Configuration is how a gateway is set, as it understands it.
type Configuration struct {
	Settings Settings
	Policy   string // digest of the one in force
	Program  string // version
}

// Declare says in every ledger that the gateway runs with this configuration: that it
// started, if it did, and what is different from before, if anything is. The ledgers must
// be open. After an error the entry is owed: it is written before the next record.
func (r *Recorder) Declare(c Configuration) error {
	var problems []error
	for _, l := range r.pooled {
		problems = append(problems, l.declare(r, c))
	}
	return errors.Join(problems...)
}

// Withdraw takes back what was declared: the configuration before holds again, if it is
// still there, as it is when Caddy could not start all of a new one.
func (r *Recorder) Withdraw() error {
	if r == nil {
		return nil
	}
	var problems []error
	for _, l := range r.pooled {
		problems = append(problems, l.withdraw(r))
	}
	return errors.Join(problems...)
}

// running is what a ledger says of the gateway that writes to it. It outlives a reload.
type running struct {
	owed atomic.Bool // the latest declaration is not written; nothing is recorded before it is

	mu       sync.Mutex // guards what follows
	declared []declaration
	started  bool
	since    time.Time // of the heartbeat before, or the start

	tally tally
}

// declaration is a configuration of the process; the latest one holds.
type declaration struct {
	by *Recorder
	c  Configuration
}

func (l *shared) declare(by *Recorder, c Configuration) error {
	r := &l.running
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.declared, func(d declaration) bool { return d.by == by })
	if i < 0 {
		r.declared, i = append(r.declared, declaration{by: by}), len(r.declared)
	}
	r.declared[i].c = c
	if i < len(r.declared)-1 {
		return nil // a later one holds
	}
	r.owed.Store(true)
	return l.pay()
}

// pay writes the latest declaration if it is owed. Whoever calls it holds running.mu.
func (l *shared) pay() error {
	r := &l.running
	if !r.owed.Load() {
		return nil
	}
	if err := l.say(r.declared[len(r.declared)-1].c); err != nil {
		return err
	}
	r.owed.Store(false)
	return nil
}

// payFirst is pay before something else is written.
func (l *shared) payFirst() error {
	if !l.running.owed.Load() {
		return nil
	}
	l.running.mu.Lock()
	defer l.running.mu.Unlock()
	return l.pay()
}

func (l *shared) withdraw(by *Recorder) error {
	r := &l.running
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.declared) - 1
	i := slices.IndexFunc(r.declared, func(d declaration) bool { return d.by == by })
	if i < 0 {
		return nil
	}
	r.declared = slices.Delete(r.declared, i, i+1)
	if last == 0 {
		r.owed.Store(false) // nobody records any more
	}
	if i < last || last == 0 {
		return nil
	}
	r.owed.Store(true)
	return l.pay()
}

// say writes what is to be said of a configuration that holds from now on. Whoever calls
// it holds running.mu.
//
//clause:enforces §5(j).3; record policy; elsewhere gateway.started config.changed
func (l *shared) say(c Configuration) error {
	standing, err := l.log.Standing()
	if err != nil {
		return err
	}
	before := standing.Gateway
	header := record.Header{Node: l.refused.node, Time: l.now()}
	digest := c.Settings.Digest()
	r := &l.running
	if !r.started {
		started := &record.Started{Header: header, Before: record.BeforeNone, Configuration: digest, Policy: c.Policy, Program: c.Program}
		switch {
		case before != nil && before.Running:
			started.Before = record.BeforeCrashed
		case before != nil:
			started.Before = record.BeforeEnded
		}
		if err := l.log.Say(started); err != nil {
			return err
		}
		r.started, r.since = true, header.Time
	}
	if before != nil && before.Configuration == digest {
		return nil
	}
	changed := &record.ConfigChanged{Header: header, Configuration: digest, Settings: c.Settings}
	if before != nil && before.Configuration != "" {
		changed.Before, changed.Changes = before.Configuration, Settings(before.Settings).Changes(c.Settings)
	}
	return l.log.Say(changed)
}

// stopped says that the gateway ends, and what it counted last.
func (l *shared) stopped() error {
	r := &l.running
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		return nil
	}
	r.started = false
	beat := l.beat(record.TypeStopped)
	if err := l.log.Say(&beat); err != nil && !errors.Is(err, ledger.ErrClosed) {
		return err
	}
	return nil
}

// beat is what was counted until now. Whoever calls it holds running.mu.
func (l *shared) beat(kind string) record.Beat {
	requests, transfers, refused := l.running.tally.take()
	return record.Beat{
		Header: record.Header{Type: kind, Node: l.refused.node, Time: l.now()}, From: l.running.since,
		Requests: requests, Transfers: transfers, Refused: refused,
	}
}

// heartbeats writes one each hour, until ctx is done.
func (l *shared) heartbeats(ctx context.Context, logger *slog.Logger) {
	ticker := time.NewTicker(cmp.Or(l.look, heartbeatLook))
	defer ticker.Stop()
	for failing := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := l.heartbeat()
		if err != nil && !failing && !errors.Is(err, ledger.ErrClosed) {
			logger.Error("writing the ledger's heartbeat; what it counts is kept, and it is tried again", "dir", l.dir, "error", err)
		}
		failing = err != nil
	}
}

// heartbeat writes one if it is due, and what is owed. A clock that was set back by more
// than an hour does not put it off. That nothing happened is told from that nobody
// recorded by it.
//
//clause:enforces §5(j).5; elsewhere gateway.heartbeat
func (l *shared) heartbeat() error {
	r := &l.running
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := l.pay(); err != nil {
		return err
	}
	now := l.now()
	if since := now.Sub(r.since); !r.started || since < heartbeatInterval && since > -heartbeatInterval {
		return nil
	}
	beat := l.beat(record.TypeHeartbeat)
	if _, err := l.log.Append(beat.Append(nil)); err != nil {
		r.tally.add(beat.Requests, beat.Transfers, beat.Refused)
		return err
	}
	r.since = beat.Time
	return nil
}

// tally counts what a heartbeat says. Cores do not wait for each other's counts.
type tally struct {
	cells [8]cell
}

type cell struct {
	requests, transfers, refused atomic.Uint64

	_ [40]byte // a cache line each
}

func (t *tally) cell() *cell { return &t.cells[rand.Uint32N(uint32(len(t.cells)))] }

func (t *tally) add(requests, transfers, refused uint64) {
	c := t.cell()
	c.requests.Add(requests)
	c.transfers.Add(transfers)
	c.refused.Add(refused)
}

// take returns what was counted and begins at 0.
func (t *tally) take() (requests, transfers, refused uint64) {
	for i := range t.cells {
		c := &t.cells[i]
		requests += c.requests.Swap(0)
		transfers += c.transfers.Swap(0)
		refused += c.refused.Swap(0)
	}
	return requests, transfers, refused
}

// Requested counts a request that belongs to the class, for its heartbeat.
func (c *Class) Requested() { c.shared.running.tally.cell().requests.Add(1) }

// Recorded counts a record of a transfer, or of a denial, for the class's heartbeat.
func (c *Class) Recorded(kind string) {
	cell := c.shared.running.tally.cell()
	if kind == record.TypeRefused {
		cell.refused.Add(1)
		return
	}
	cell.transfers.Add(1)
}
