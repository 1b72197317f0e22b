package ledger

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
)

// KeyInfo tells about the key of a period; the key itself stays inside.
type KeyInfo struct {
	Period string    `json:"period"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	// Current tells that new records use it.
	Current bool `json:"current"`
}

// ErrNoKey: there is no key of that period, or no longer.
var ErrNoKey = errors.New("no key of that period")

// Subject is the pseudonym under which a record of time at names the account:
// h1:<period>:<16 bytes in base64url>. salt is the person's, from the account
// record; with it gone nobody can tell whose the pseudonym is, with the period's
// key gone nobody can tell for anyone. It is empty for an empty account, and
// until the log is open, when no record can be written either.
//
//clause:enforces §5(d) §5(h).2; record subject
func (l *Log) Subject(account, salt string, at time.Time) string {
	k := l.keys.current.Load()
	if account == "" || k == nil {
		return ""
	}
	if !at.Before(k.Until) {
		l.rollKey() // in the background; until it is done the old key serves
	}
	return k.pseudonyms.subject(account, salt)
}

// staffMember comes before the id of a member of staff, so that no account has the same
// pseudonym: an account id has no control characters.
const staffMember = "staff\x00"

// Staff is the pseudonym of a member of staff, made as [Log.Subject] makes those of
// accounts and with the same keys. It is empty for an empty id, and until the log is open.
//
//clause:enforces §5(f) §5(h).2; record staff
func (l *Log) Staff(member string, at time.Time) string {
	if member == "" {
		return ""
	}
	return l.Subject(staffMember+member, "", at)
}

// Subjects are the account's pseudonyms under every key that still exists,
// oldest first: what to look for when a person asks what was recorded.
func (l *Log) Subjects(account, salt string) []string {
	r := &l.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	subjects := make([]string, 0, len(r.keys))
	for _, k := range r.keys {
		subjects = append(subjects, k.pseudonyms.subject(account, salt))
	}
	return subjects
}

// Keys lists the keys that exist, oldest first.
func (l *Log) Keys() []KeyInfo {
	r := &l.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	current := r.current.Load()
	infos := make([]KeyInfo, 0, len(r.keys))
	for _, k := range r.keys {
		infos = append(infos, KeyInfo{Period: k.Period, From: k.From, Until: k.Until, Current: k == current})
	}
	return infos
}

// rollKey begins to make the next period's key, unless somebody does.
func (l *Log) rollKey() {
	r := &l.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if r.rolling || r.closed || now.Before(r.notUntil) || now.Before(r.current.Load().Until) {
		return
	}
	r.rolling = true
	r.work.Go(func() {
		_, err := l.RotateKey()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.rolling = false
		if err != nil {
			r.notUntil = now.Add(keyRetry)
			l.counters.fail(opKey)
			l.o.trouble.Error("making the next period's key of the pseudonyms; the old one serves, and it is tried again", "error", err)
		}
	})
}

// RotateKey makes a new key and returns its period. New records use it from
// then on; the keys before it stay for those who look for older records.
func (l *Log) RotateKey() (period string, err error) {
	r := &l.keys
	r.mu.Lock()
	if r.current.Load() == nil {
		r.mu.Unlock()
		return "", ErrNotOpen
	}
	defer l.counters.failed(opKey, &err)
	k := newPeriodKey(r.now(), r.months, r.taken)
	err = r.write(k, pendingSuffix)
	r.mu.Unlock()
	if err != nil {
		return "", err
	}
	if _, err := l.Append(l.keyEntry(record.TypeKeyCreated, k.Period)); err != nil {
		return "", fmt.Errorf("recording a new key of the pseudonyms: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.adopt(k); err != nil {
		return "", err
	}
	r.keys = append(r.keys, k)
	r.current.Store(k)
	return k.Period, nil
}

// DestroyKey destroys the key of a period for good, which cuts every record of
// that period loose from its person; the records stay as they are, and so do
// their proofs. The entry of it is durable first. If the key is the current
// one, another is made before. ErrNoKey if there is none of that period.
//
//clause:enforces §6.1 7-right(c); record subject
func (l *Log) DestroyKey(period string) (err error) {
	r := &l.keys
	current := r.current.Load()
	if current == nil {
		return ErrNotOpen
	}
	if current.Period == period {
		if _, err := l.RotateKey(); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.IndexFunc(r.keys, func(k *periodKey) bool { return k.Period == period })
	if at < 0 {
		return fmt.Errorf("%w: %q", ErrNoKey, period)
	}
	defer l.counters.failed(opKey, &err)
	if err := l.Say(l.keyChange(record.TypeKeyDestroyed, period)); err != nil {
		return fmt.Errorf("recording that a key of the pseudonyms is destroyed; it is not: %w", err)
	}
	r.keys = slices.Delete(r.keys, at, at+1)
	return r.erase(period)
}

// closeKeys waits for a key that is being made.
func (l *Log) closeKeys() {
	r := &l.keys
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.work.Wait()
}

// keyEntries are the entries the keyring owes. The keys a ledger begins with
// stand in its genesis.
func (l *Log) keyEntries(fresh bool) (own [][]byte) {
	if l.keys.rewrapped {
		own = append(own, l.keyEntry(record.TypeKeysRewrapped, ""))
	}
	if fresh {
		return own
	}
	for _, k := range l.keys.owed {
		own = append(own, l.keyEntry(record.TypeKeyCreated, k.Period))
	}
	return own
}

// firstKeys are the periods of the keys a ledger begins with.
func (r *keyring) firstKeys() (periods []string) {
	for _, k := range r.owed {
		periods = append(periods, k.Period)
	}
	return periods
}

// keyEntry says what happened to a key, or to all of them when period is empty.
// master names the secret that wraps it from then on.
func (l *Log) keyEntry(kind, period string) []byte { return l.keyChange(kind, period).Append(nil) }

func (l *Log) keyChange(kind, period string) *record.KeyChange {
	k := &record.KeyChange{Header: l.header(kind), Period: period}
	if kind != record.TypeKeyDestroyed {
		k.Master = l.keys.master.id
	}
	return k
}
