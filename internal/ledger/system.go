package ledger

import (
	"maps"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// The entries the log itself makes. Their members are those of a Record where
// they mean the same.

// genesis is entry 0 of an epoch. keys are the pseudonyms' keys the ledger begins with.
func (l *Log) genesis() []byte {
	now := l.o.Now()
	o := object("{")
	o.text("because", l.epoch.Because)
	o.number("epoch", int64(l.epoch.Number))
	o.text("format", format.EpochFormat)
	o.id("id", newID(now))
	if l.epoch.Previous == nil {
		o.texts("keys", l.keys.firstKeys())
	}
	o.text("master", l.keys.master.id)
	o.text("node", l.o.Node)
	o.text("origin", l.epoch.Origin)
	if p := l.epoch.Previous; p != nil {
		o.raw("previous", previousJSON(p))
	}
	salt := newSalt()
	o.base64("salt", salt[:])
	o.number("segment_entries", int64(l.epoch.SegmentEntries))
	o.text("settings", l.epoch.Digest())
	o.time("time", now)
	o.text("type", format.TypeGenesis)
	o.text("v", format.Schema)
	o.text("vkey", l.epoch.Key)
	return append(o, '}')
}

// previousJSON is an epoch as the entries of its neighbours carry it.
func previousJSON(p *format.Previous) []byte {
	o := object("{")
	o.text("checkpoint", p.Checkpoint)
	o.number("epoch", int64(p.Number))
	o.text("origin", p.Origin)
	o.text("vkey", p.Key)
	return append(o, '}')
}

// snapshotEntry says that a policy is kept beside the epochs.
func (l *Log) snapshotEntry(digest string, kept snapshot) []byte {
	now := l.o.Now()
	o := object("{")
	o.number("bytes", int64(kept.bytes))
	o.id("id", newID(now))
	o.text("node", l.o.Node)
	o.text("policy", digest)
	salt := newSalt()
	o.base64("salt", salt[:])
	o.text("sha256", kept.sum)
	return closing(o, now, format.TypePolicy)
}

// snapshotEntries says for each policy of this log that it is kept, which every
// epoch says of its own.
func (l *Log) snapshotEntries() (entries [][]byte) {
	l.snapshots.mu.Lock()
	defer l.snapshots.mu.Unlock()
	for _, digest := range slices.Sorted(maps.Keys(l.snapshots.kept)) {
		kept := l.snapshots.kept[digest]
		entries = append(entries, l.snapshotEntry(digest, kept))
	}
	return entries
}

// closedEntry is the last entry of an epoch: it names the next one and its key,
// so that the old key vouches for the new one.
func (l *Log) closedEntry(next *format.Previous) []byte {
	now := l.o.Now()
	o := object("{")
	o.text("because", l.because)
	o.number("epoch", int64(l.epoch.Number))
	o.id("id", newID(now))
	o.raw("next", previousJSON(next))
	o.text("node", l.o.Node)
	salt := newSalt()
	o.base64("salt", salt[:])
	return closing(o, now, format.TypeClosed)
}

// recovered says what was cut off the log after a crash. None of it was
// acknowledged: had it been, a later frame or its own checksum would say so.
func (l *Log) recovered(c cut) []byte {
	now := l.o.Now()
	o := object("{")
	o.number("bytes", c.bytes)
	o.number("epoch", int64(l.epoch.Number))
	o.text("file", c.file)
	o.text("found", c.what)
	o.id("id", newID(now))
	o.text("node", l.o.Node)
	o.number("offset", c.offset)
	o.text("quarantine", c.quarantine)
	salt := newSalt()
	o.base64("salt", salt[:])
	return closing(o, now, format.TypeRecovered)
}

// closing appends time, type and v, and ends the object.
func closing(o object, now time.Time, kind string) []byte {
	o.time("time", now)
	o.text("type", kind)
	o.text("v", format.Schema)
	return append(o, '}')
}
