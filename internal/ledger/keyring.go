package ledger

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// The files of the keyring, in the ledger's folder.
const (
	keySuffix     = ".key"     // a key in use, or of a past period
	pendingSuffix = ".pending" // a key that is being made: no record uses it yet
)

// keyring holds the keys of the pseudonyms, one for each period. A key is random
// and lies on the disk only wrapped by a master secret, so that a key which was
// destroyed does not come back. Making and destroying a key are entries of the
// log; a pending file keeps a crash from losing half of the first, and what is destroyed,
// as the entries say, goes with the next start if it is still there.
type keyring struct {
	fsys   format.FS
	dir    string // of the keys
	months int
	now    func() time.Time

	master  *master
	old     *master                   // may have wrapped keys; load wraps them anew
	current atomic.Pointer[periodKey] // nil until the log is open

	destroyed func(period string) bool // whether an entry says so

	mu       sync.Mutex   // guards the rest, and serializes changes
	keys     []*periodKey // those that exist, oldest first
	gone     []string     // periods whose destroyed keys load found
	owed     []*periodKey // made by load, or begun before a crash and not finished
	closed   bool
	rolling  bool
	notUntil time.Time // when making a key may be tried again
	work     sync.WaitGroup

	rewrapped bool // load wrapped keys anew
}

// keyRetry is how long making a key waits after it failed.
const keyRetry = time.Minute

// load reads the keys and notes those the log owes entries for. fresh
// tells that the log has no entries: only then there may be no key at all. It wants what
// stands to be known.
func (r *keyring) load(l *Log, fresh bool) error {
	r.fsys, r.dir, r.months, r.now = l.o.FS, filepath.Join(l.dir, format.KeysName), l.o.PeriodMonths, l.o.Now
	r.keys, r.owed, r.gone, r.rewrapped = nil, nil, nil, false
	r.destroyed = l.standing.destroyed
	if err := format.MkdirDurable(r.fsys, r.dir); err != nil {
		return fmt.Errorf("making the folder of the pseudonyms' keys: %w", err)
	}
	names, err := r.fsys.Names(r.dir)
	if err != nil {
		return fmt.Errorf("listing the pseudonyms' keys: %w", err)
	}
	if err := r.loadMaster(l, len(names) == 0); err != nil {
		return err
	}
	if len(names) == 0 && !fresh && !l.o.NewKey {
		return fmt.Errorf("%s is empty, but the ledger has entries, whose subjects nobody can find without their keys: "+
			"put the keys back, or go on without them with 'transfergate transfer ledger keys rotate --ledger'", r.dir)
	}
	for _, name := range names {
		if err := r.read(name, names, fresh); err != nil {
			return err
		}
	}
	slices.SortStableFunc(r.keys, func(a, b *periodKey) int { return a.From.Compare(b.From) })
	// A clock that went back goes on with the newest key.
	if n := len(r.keys); n == 0 || l.o.NewKey || !r.now().Before(r.keys[n-1].Until) {
		k := newPeriodKey(r.now(), r.months, r.taken)
		if err := r.write(k, pendingSuffix); err != nil {
			return err
		}
		r.keys, r.owed = append(r.keys, k), append(r.owed, k)
	}
	return nil
}

// loadMaster takes the operator's secret, or the one in the ledger's folder,
// which is made with the first key.
func (r *keyring) loadMaster(l *Log, first bool) (err error) {
	path := filepath.Join(l.dir, format.MasterName)
	own, err := format.ReadFile(r.fsys, path)
	own = bytes.TrimSpace(own)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return fmt.Errorf("reading the master secret: %w", err)
	}
	secret, old := l.o.Master, l.o.OldMaster
	switch {
	case secret != nil && old == nil && !missing:
		old = own // the operator has named one, and this one goes
	case secret == nil && !missing:
		secret = own
	case secret == nil && first:
		random := make([]byte, MinMaster)
		rand.Read(random)
		secret = base64.StdEncoding.AppendEncode(nil, random) // text, as an operator would make one
		if err := format.WriteDurable(r.fsys, path, append(secret, '\n')); err != nil {
			return fmt.Errorf("writing the master secret: %w", err)
		}
		l.o.Logger.Warn("made a master secret beside the keys it wraps, where whoever copies the folder has both; "+
			"keep it elsewhere and name it with 'master'", "file", path)
	case secret == nil:
		return fmt.Errorf("%s is missing, and the pseudonyms' keys cannot be read without it: put it back, or name the secret with 'master'", path)
	}
	if r.master, err = newMaster(secret); err != nil {
		return err
	}
	r.old = nil
	if old != nil {
		if r.old, err = newMaster(old); err == nil && r.old.id == r.master.id {
			r.old = nil
		}
	}
	return err
}

// read takes in one file of the folder. The rest of a write is none of ours.
func (r *keyring) read(name string, names []string, fresh bool) error {
	period, suffix := name, ""
	if at := strings.LastIndexByte(name, '.'); at >= 0 {
		period, suffix = name[:at], name[at:]
	}
	switch {
	case suffix != keySuffix && suffix != pendingSuffix:
		return nil
	case r.destroyed(period):
		r.gone = append(r.gone, period)
		return nil
	case suffix == pendingSuffix && slices.Contains(names, period+keySuffix):
		return nil // what is left of it
	}
	path := filepath.Join(r.dir, name)
	data, err := format.ReadFile(r.fsys, path)
	if err != nil {
		return fmt.Errorf("reading a key of the pseudonyms: %w", err)
	}
	k, err := r.unwrap(data, suffix)
	if err == nil && k.Period != period {
		err = fmt.Errorf("it holds the key of period %s", k.Period)
	}
	if err != nil {
		return fmt.Errorf("%s: %w; name its master secret with 'master', or put the file back as it was", path, err)
	}
	r.keys = append(r.keys, k)
	if suffix == pendingSuffix || fresh {
		r.owed = append(r.owed, k)
	}
	return nil
}

// unwrap reads a key's file, and writes it anew if the old secret wraps it.
func (r *keyring) unwrap(data []byte, suffix string) (*periodKey, error) {
	k, err := r.master.unwrap(data)
	if !errors.Is(err, errOtherMaster) || r.old == nil {
		return k, err
	}
	if k, err = r.old.unwrap(data); err != nil {
		return nil, err
	}
	r.rewrapped = true
	return k, r.write(k, suffix)
}

// settle takes the keys into use whose entries are durable, of which the newest serves.
func (r *keyring) settle() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.owed {
		if err := r.adopt(k); err != nil {
			return err
		}
	}
	r.owed = nil
	if r.old != nil { // no key needs the folder's secret any more, if there is one
		if err := r.overwrite(filepath.Join(filepath.Dir(r.dir), format.MasterName)); err != nil {
			return fmt.Errorf("destroying the old master secret: %w", err)
		}
	}
	r.current.Store(r.keys[len(r.keys)-1])
	return nil
}

// eraseGone erases what an entry says was destroyed, and was found all the same. It is used
// by nobody, so that the log opens also where it cannot be erased.
func (r *keyring) eraseGone(l *Log) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, period := range r.gone {
		err := r.erase(period)
		if err != nil {
			l.counters.fail(opKey)
		}
		l.o.Logger.Error("a key of the pseudonyms was there that an entry says was destroyed: a crash has left it, or somebody put it back; nothing uses it, and it is destroyed now",
			"folder", r.dir, "period", period, "error", err)
	}
	r.gone = nil
}

// taken reports whether a period names a key that exists, or that was destroyed.
func (r *keyring) taken(period string) bool {
	return r.destroyed(period) || slices.ContainsFunc(r.keys, func(k *periodKey) bool { return k.Period == period })
}

// write wraps a key into a file.
func (r *keyring) write(k *periodKey, suffix string) error {
	data, err := r.master.wrap(k)
	if err == nil {
		err = format.WriteDurable(r.fsys, filepath.Join(r.dir, k.Period+suffix), data)
	}
	if err != nil {
		return fmt.Errorf("writing a key of the pseudonyms: %w", err)
	}
	return nil
}

// adopt makes a pending key one in use. It may be done already. The key is
// never in one file alone whose name is not durable yet.
func (r *keyring) adopt(k *periodKey) error {
	if err := r.write(k, keySuffix); err != nil {
		return err
	}
	err := r.fsys.Remove(filepath.Join(r.dir, k.Period+pendingSuffix))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("taking a key of the pseudonyms into use: %w", err)
	}
	return r.syncDir()
}

// erase overwrites and removes a key whose destruction is in the log. What is
// left of it was overwritten where the disk writes in place, and is wrapped by
// the master secret anyway.
func (r *keyring) erase(period string) error {
	for _, suffix := range []string{keySuffix, pendingSuffix} {
		if err := r.overwrite(filepath.Join(r.dir, period+suffix)); err != nil {
			return fmt.Errorf("destroying a key of the pseudonyms: %w", err)
		}
	}
	return r.syncDir()
}

// overwrite fills a file with zeros and removes it. It may be gone already.
func (r *keyring) overwrite(path string) error {
	f, err := r.fsys.Open(path, true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err == nil {
		_, err = f.WriteAt(make([]byte, size), 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return r.fsys.Remove(path)
}

func (r *keyring) syncDir() error {
	if err := r.fsys.SyncDir(r.dir); err != nil {
		return fmt.Errorf("syncing the folder of the pseudonyms' keys: %w", err)
	}
	return nil
}
