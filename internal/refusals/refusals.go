// Package refusals tells which denials stand in full in a ledger, and counts the
// others. A denial costs whoever provokes it nothing, and its record takes space for
// years: of each minute the first few about the same stand in full, the rest as one
// number.
//
// It knows neither ledger nor gateway, and its memory is bounded whatever it is told.
package refusals

import (
	"sync"
	"sync/atomic"
	"time"
)

// About is what denials are counted by.
type About struct {
	Reason string
	Site   string
	// Requester is the entity and country of a member of staff; empty for anybody else.
	Requester string
	// Subject is the pseudonym of the person; empty if nobody is identified.
	Subject string
}

// Nobody tells that no person and no member of staff is behind it.
func (a About) Nobody() bool { return a.Subject == "" && a.Requester == "" }

// Several stands for a site, and for whoever was identified, where a minute had more of
// them than are told apart.
const Several = "*"

// Limits are how much stands in full, and how much is told apart. The zero value stands
// for the defaults.
type Limits struct {
	Nobody int // denials of nobody that stand in full, of a reason, site and minute; default 5
	Person int // the same for a person, or for staff of one entity and country; default 60

	Abouts  int // of nobody, told apart in a minute; default 256
	Persons int // the same of whoever is identified; default 16384
}

func (l Limits) withDefaults() Limits {
	for limit, standard := range map[*int]int{&l.Nobody: 5, &l.Person: 60, &l.Abouts: 256, &l.Persons: 16384} {
		if *limit == 0 {
			*limit = standard
		}
	}
	return l
}

// Summary is what is left of denials that do not stand in full.
type Summary struct {
	About
	From, To time.Time // minutes they are of
	Counted  uint64    // how many do not stand in full
	Full     uint64    // how many do
}

// Counter tells which denials stand in full. All methods may be called at the same time.
type Counter struct {
	limits Limits
	write  func(Summary) error

	// unwritten says that a minute is over and not all of its numbers are written.
	unwritten atomic.Bool
	writing   sync.Mutex // held while they are; taken before mu

	mu      sync.Mutex // held for no I/O
	minute  int64      // since 1970
	tallies map[About]*tally
	nobody  int                // of them are about nobody
	counted []*tally           // of them, those with a number to write
	over    map[About]*Summary // of minutes that are over; about as many as a minute has
}

// tally is what a minute had of one kind.
type tally struct {
	About
	full, counted uint64
}

// New returns a counter that writes its numbers with write, durably. One whose write
// failed is kept and written again.
func New(limits Limits, write func(Summary) error) *Counter {
	return &Counter{limits: limits.withDefaults(), write: write, tallies: map[About]*tally{}, over: map[About]*Summary{}}
}

// Admit notes a denial and reports whether it is to stand in full. What was counted in
// the minutes before is written then: an error is that of write, and nothing may be
// recorded. With scarce denials of nobody never stand in full, and their sites are not
// told apart.
func (c *Counter) Admit(a About, at time.Time, scarce bool) (full bool, err error) {
	if !c.note(a, at, scarce) {
		return false, nil
	}
	return true, c.settle()
}

// note counts a denial.
func (c *Counter) note(a About, at time.Time, scarce bool) (full bool) {
	scarce = scarce && a.Nobody()
	if scarce {
		a.Site = Several
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(minuteOf(at))
	t := c.tallyOf(a)
	if !scarce && t.full < c.limit(a) {
		t.full++
		return true
	}
	if t.counted == 0 {
		c.counted = append(c.counted, t)
	}
	t.counted++
	return false
}

func (c *Counter) limit(a About) uint64 {
	if a.Nobody() {
		return uint64(c.limits.Nobody)
	}
	return uint64(c.limits.Person)
}

// tallyOf is the running minute's tally of a kind, or a common one where there are too
// many. Whoever calls it holds mu.
func (c *Counter) tallyOf(a About) *tally {
	if t := c.tallies[a]; t != nil {
		return t
	}
	known, room := c.nobody, c.limits.Abouts
	common := About{Reason: a.Reason, Site: Several}
	if !a.Nobody() {
		known, room, common.Subject = len(c.tallies)-c.nobody, c.limits.Persons, Several
	}
	if known >= room {
		a = common // there are no more of these than reasons
		if t := c.tallies[a]; t != nil {
			return t
		}
	}
	t := &tally{About: a}
	c.tallies[a] = t
	if a.Nobody() {
		c.nobody++
	}
	return t
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// turn begins a minute. What comes a moment late belongs to the one that runs; a clock
// that was set back begins another. Whoever calls it holds mu.
func (c *Counter) turn(minute int64) {
	if minute == c.minute || minute == c.minute-1 {
		return
	}
	for _, t := range c.counted {
		c.keep(Summary{
			About: t.About, From: time.Unix(c.minute*60, 0), To: time.Unix(c.minute*60+60, 0), Counted: t.counted, Full: t.full,
		})
	}
	c.minute, c.tallies, c.counted, c.nobody = minute, map[About]*tally{}, nil, 0
	if len(c.over) > 0 {
		c.unwritten.Store(true)
	}
}

// keep adds a number to those that are to be written. Whoever calls it holds mu.
func (c *Counter) keep(s Summary) {
	if c.over[s.About] == nil && len(c.over) >= c.limits.Abouts+c.limits.Persons {
		if !s.Nobody() {
			s.Subject, s.Requester = Several, ""
		}
		s.Site = Several
	}
	old := c.over[s.About]
	if old == nil {
		c.over[s.About] = &s
		return
	}
	old.Counted, old.Full = old.Counted+s.Counted, old.Full+s.Full
	if s.From.Before(old.From) {
		old.From = s.From
	}
	if s.To.After(old.To) {
		old.To = s.To
	}
}

// Settle writes the numbers of minutes that are over.
func (c *Counter) Settle(at time.Time) error {
	c.mu.Lock()
	c.turn(minuteOf(at))
	c.mu.Unlock()
	return c.settle()
}

// Close writes all numbers, those of the running minute included.
func (c *Counter) Close() error {
	c.mu.Lock()
	c.turn(c.minute + 1)
	c.mu.Unlock()
	return c.settle()
}

// settle writes what is to be written. Who comes meanwhile waits for it.
func (c *Counter) settle() error {
	if !c.unwritten.Load() {
		return nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	over := c.over
	c.over = map[About]*Summary{}
	c.mu.Unlock()
	var err error
	for a, s := range over {
		if err = c.write(*s); err != nil {
			break
		}
		delete(over, a)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range over {
		c.keep(*s)
	}
	c.unwritten.Store(len(c.over) > 0)
	return err
}
