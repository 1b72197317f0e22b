package fleettest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"iter"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/fleet"
	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// Log is a ledger in memory that never seals: entries as a node writes them, epochs that
// follow each other, and signed checkpoints, all of it the same each time.
type Log struct {
	Origin fleet.Origin
	seed   [32]byte
	epochs []epoch
	made   uint64
}

type epoch struct {
	entries [][]byte
	hashes  []tlog.Hash
	signed  []byte
}

// NewLog returns a ledger with one epoch that has its genesis. The same node has the same
// key in all of its ledgers.
func NewLog(node, instance string, now time.Time) *Log {
	l := &Log{Origin: fleet.Origin{Node: node, Class: record.DefaultClass, Instance: instance}, seed: sha256.Sum256([]byte(node))}
	l.begin(now, nil)
	return l
}

// Clone is a copy of the ledger, with its key.
func (l *Log) Clone() *Log {
	c := *l
	c.epochs = nil
	for _, e := range l.epochs {
		c.epochs = append(c.epochs, epoch{append([][]byte(nil), e.entries...), append([]tlog.Hash(nil), e.hashes...), e.signed})
	}
	c.made += 1 << 32 // what it writes is something else
	return &c
}

// Key is the node's verifier key.
func (l *Log) Key() string { return l.keyOf("transfergate/" + l.Origin.Node) }

func (l *Log) keyOf(name string) string {
	key, err := note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(l.seed[:]).Public().(ed25519.PublicKey))
	must(err)
	return key
}

// Add appends entries of a moment.
func (l *Log) Add(now time.Time, n int) {
	for range n {
		b := &record.Beat{From: now}
		l.add(b.Append, &b.Header, now)
	}
}

// NextEpoch closes the epoch and begins another.
func (l *Log) NextEpoch(now time.Time) {
	number := uint32(len(l.epochs))
	next := l.Origin.Log(number + 1)
	c := &record.Closed{Epoch: number, Next: record.Epoch{Number: number + 1, Origin: next, Key: l.keyOf(next)}}
	l.add(c.Append, &c.Header, now)
	l.Sign()
	name := l.Origin.Log(number)
	l.begin(now, &record.Epoch{Number: number, Origin: name, Key: l.keyOf(name), Checkpoint: string(l.epochs[number-1].signed)})
}

func (l *Log) begin(now time.Time, previous *record.Epoch) {
	l.epochs = append(l.epochs, epoch{})
	number := uint32(len(l.epochs))
	name := l.Origin.Log(number)
	g := &record.Genesis{Epoch: number, Origin: name, Key: l.keyOf(name), Format: format.EpochFormat, SegmentEntries: format.MaxSegmentEntries, Settings: "none", Previous: previous}
	l.add(g.Append, &g.Header, now)
}

// add appends an entry to the newest epoch.
func (l *Log) add(encode func([]byte) []byte, head *record.Header, now time.Time) {
	l.made++
	binary.BigEndian.PutUint64(head.ID[8:], l.made)
	binary.BigEndian.PutUint64(head.Salt[:], l.made)
	head.ID[6], head.ID[8] = 0x70, 0x80
	head.Node, head.Time = l.Origin.Node, now
	e := &l.epochs[len(l.epochs)-1]
	data := encode(nil)
	hashes, err := tlog.StoredHashes(int64(len(e.entries)), data, e.reader())
	must(err)
	e.entries, e.hashes = append(e.entries, data), append(e.hashes, hashes...)
}

// Sign signs a checkpoint of the newest epoch.
func (l *Log) Sign() {
	number := uint32(len(l.epochs))
	e := &l.epochs[number-1]
	root, err := tlog.TreeHash(int64(len(e.entries)), e.reader())
	must(err)
	name := l.Origin.Log(number)
	hash := strings.SplitN(l.keyOf(name), "+", 3)[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, l.seed[:]...)))
	must(err)
	e.signed, err = note.Sign(&note.Note{Text: tiles.Checkpoint{Origin: name, Tree: tlog.Tree{N: int64(len(e.entries)), Hash: root}}.String()}, signer)
	must(err)
}

func (e *epoch) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) (hashes []tlog.Hash, err error) {
		for _, i := range indexes {
			hashes = append(hashes, e.hashes[i])
		}
		return hashes, nil
	})
}

// All are the entries, by place.
func (l *Log) All() map[record.ID]string {
	all := make(map[record.ID]string)
	for e := range l.from(record.ID{}) {
		all[e.ID] = string(e.Data)
	}
	return all
}

// Read implements [fleet.Log].
func (l *Log) Read(from record.ID) iter.Seq2[format.Entry, error] {
	return func(yield func(format.Entry, error) bool) {
		for e := range l.from(from) {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (l *Log) from(from record.ID) iter.Seq[format.Entry] {
	return func(yield func(format.Entry) bool) {
		for number := max(from.Epoch, 1); int(number) <= len(l.epochs); number++ {
			entries := l.epochs[number-1].entries
			first := uint64(0)
			if number == from.Epoch {
				first = min(from.Index, uint64(len(entries)))
			}
			for i := first; i < uint64(len(entries)); i++ {
				if !yield(format.Entry{ID: record.ID{Epoch: number, Index: i}, Data: entries[i]}) {
					return
				}
			}
		}
	}
}

// End implements [fleet.Log].
func (l *Log) End() record.ID {
	n := len(l.epochs)
	return record.ID{Epoch: uint32(n), Index: uint64(len(l.epochs[n-1].entries))}
}

// Behind implements [fleet.Log].
func (l *Log) Behind(from record.ID) (n uint64, err error) {
	for range l.from(from) {
		n++
	}
	return n, nil
}

// Checkpoint implements [fleet.Log].
func (l *Log) Checkpoint(epoch uint32) ([]byte, error) {
	if int(epoch) > len(l.epochs) {
		return nil, nil
	}
	return l.epochs[epoch-1].signed, nil
}

// Segment implements [fleet.Log].
func (l *Log) Segment(uint32, uint64) (*fleet.Segment, error) { return nil, nil }

// Settings implements [fleet.Log].
func (l *Log) Settings(uint32) ([]byte, error) { return nil, nil }

// must ends what cannot go on: nothing here fails.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

var _ fleet.Log = (*Log)(nil)
