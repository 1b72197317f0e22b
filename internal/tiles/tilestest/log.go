// Package tilestest has a log for tests, which lives in memory.
package tilestest

import (
	"fmt"
	"io/fs"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// Log is a log in memory with a key of its own. It is a tiles.Source.
type Log struct {
	// Origin names it, Secret and Public are its key.
	Origin, Secret, Public string

	t testing.TB

	mu      sync.Mutex
	entries [][]byte
	hashes  []tlog.Hash
	signed  []byte
	size    int64
}

// New returns an empty log without a checkpoint.
func New(t testing.TB, origin string) *Log {
	t.Helper()
	secret, public, err := note.GenerateKey(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	return &Log{Origin: origin, Secret: secret, Public: public, t: t}
}

// Key verifies what the log signs.
func (l *Log) Key() note.Verifier {
	l.t.Helper()
	v, err := note.NewVerifier(l.Public)
	if err != nil {
		l.t.Fatal(err)
	}
	return v
}

// Add appends entries.
func (l *Log) Add(entries ...[]byte) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, entry := range entries {
		hashes, err := tlog.StoredHashes(int64(len(l.entries)), entry, l.reader())
		if err != nil {
			l.t.Fatal(err)
		}
		l.entries = append(l.entries, entry)
		l.hashes = append(l.hashes, hashes...)
	}
}

// Len is how many entries the log has.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// Fill appends as many different entries as bring the log to size, and signs.
func (l *Log) Fill(size int) {
	l.t.Helper()
	for i := len(l.entries); i < size; i++ {
		l.Add(fmt.Appendf(nil, `{"id":"%06d","node":"gw-1","type":"transfer","v":"test"}`, i))
	}
	l.Sign()
}

// Sign publishes a checkpoint of all entries.
func (l *Log) Sign() {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.size = int64(len(l.entries))
	hash, err := tlog.TreeHash(l.size, l.reader())
	if err != nil {
		l.t.Fatal(err)
	}
	signer, err := note.NewSigner(l.Secret)
	if err != nil {
		l.t.Fatal(err)
	}
	text := tiles.Checkpoint{Origin: l.Origin, Tree: tlog.Tree{N: l.size, Hash: hash}}.String()
	if l.signed, err = note.Sign(&note.Note{Text: text}, signer); err != nil {
		l.t.Fatal(err)
	}
}

// Entry returns an entry.
func (l *Log) Entry(index int64) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[index]
}

// Checkpoint returns the latest signed checkpoint.
func (l *Log) Checkpoint() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signed == nil {
		return nil, fs.ErrNotExist
	}
	return l.signed, nil
}

// Tile returns a hash tile.
func (l *Log) Tile(t tlog.Tile) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.L < 0 || t.N*tiles.Width+int64(t.W) > l.size>>(tiles.Height*t.L) {
		return nil, fs.ErrNotExist
	}
	return tlog.ReadTileData(t, l.reader())
}

// Bundle returns an entry bundle.
func (l *Log) Bundle(n int64, width int) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := n * tiles.Width
	if first+int64(width) > l.size {
		return nil, fs.ErrNotExist
	}
	var data []byte
	for _, entry := range l.entries[first : first+int64(width)] {
		data = tiles.AppendEntry(data, entry)
	}
	return data, nil
}

func (l *Log) reader() tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = l.hashes[index]
		}
		return hashes, nil
	}
}
