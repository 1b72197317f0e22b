package ledger

import (
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// AtFS and GenerateKeyFS are At and GenerateKey on another file system.
var (
	AtFS          = at
	GenerateKeyFS = generateKey
)

// Now is the log's clock.
func (l *Log) Now() time.Time { return l.o.Now() }

// NewPeriod is the name of a key that is made at a time.
func NewPeriod(at time.Time, taken func(period string) bool) string {
	return newPeriodKey(at, 1, taken).Period
}

// SignTree signs a checkpoint of a tree as the ledger in the folder would.
func SignTree(t *format.Tree, dir, origin string) (signed []byte, err error) {
	key, err := readKey(format.OS{}, Options{FS: format.OS{}}.keyFile(dir))
	if err != nil {
		return nil, err
	}
	signer, _, err := signerOf(key, origin)
	if err != nil {
		return nil, err
	}
	signed, _, err = signTree(t, origin, signer)
	return signed, err
}

// SetUnsignedLasts sets how long checkpoints may fail before a log that is
// opened afterwards is not ready.
func SetUnsignedLasts(t testing.TB, d time.Duration) {
	old := patience
	patience = d
	t.Cleanup(func() { patience = old })
}
