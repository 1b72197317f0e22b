package ledger

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// The entries the log itself makes.

// header begins an entry of the log's own.
func (l *Log) header(kind string) record.Header {
	return record.Header{Type: kind, Node: l.o.Node, Time: l.o.Now()}
}

// firstEntries are the genesis of an epoch, and what says again what stands.
func (l *Log) firstEntries() [][]byte {
	restated := l.standing.entries(l)
	return append([][]byte{l.genesis(len(restated) > 0)}, restated...)
}

// genesis is entry 0 of an epoch, with the pseudonyms' keys the ledger begins with.
func (l *Log) genesis(restates bool) []byte {
	g := record.Genesis{
		Header: l.header(record.TypeGenesis), Because: l.epoch.Because, Epoch: l.epoch.Number, Format: format.EpochFormat,
		Master: l.keys.master.id, Origin: l.epoch.Origin, Previous: l.epoch.Previous.Entry(),
		SegmentEntries: l.epoch.SegmentEntries, Settings: l.epoch.Digest(), Key: l.epoch.Key, Lost: l.epoch.Lost, Restates: restates,
	}
	if g.Previous == nil {
		g.Keys = l.keys.firstKeys()
	}
	if g.Previous == nil || format.LedgerOf(g.Previous.Origin) != format.LedgerOf(g.Origin) {
		g.Instance = format.NewLedgerID()
	}
	return g.Append(nil)
}

// snapshotEntry says that a policy is kept beside the epochs.
func (l *Log) snapshotEntry(digest string, kept snapshot) []byte {
	p := record.Policy{Header: l.header(record.TypePolicy), Policy: digest, Bytes: int64(kept.bytes), SHA256: kept.sum, Signed: kept.signed}
	return p.Append(nil)
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
	c := record.Closed{Header: l.header(record.TypeClosed), Epoch: l.epoch.Number, Next: *next.Entry(), Because: l.because}
	return c.Append(nil)
}

// recovered says what was cut off the log after a crash. None of it was
// acknowledged: had it been, a later frame or its own checksum would say so.
func (l *Log) recovered(c cut) []byte {
	r := record.Recovered{
		Header: l.header(record.TypeRecovered), Epoch: l.epoch.Number, File: c.file, Offset: c.offset, Bytes: c.bytes,
		Found: c.what, Quarantine: c.quarantine,
	}
	return r.Append(nil)
}

// Order records that somebody ordered something, before it is done.
func (l *Log) Order(what, by string) error {
	o := record.Order{Header: l.header(record.TypeOrder), Order: what, By: by}
	if _, err := l.Append(o.Append(nil)); err != nil {
		return fmt.Errorf("recording who ordered '%s': %w", what, err)
	}
	return nil
}
