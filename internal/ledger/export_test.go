package ledger

import (
	"testing"
	"time"
)

// OS is the operating system's file system.
var OS FS = osFS{}

// ReadFS and VerifyFS are Read and Verify on another file system.
var (
	ReadFS     = read
	VerifyFS   = func(fsys FS, dir string) (Report, error) { return verify(fsys, dir, VerifyOptions{}) }
	VerifyWith = verify
	OpenViewFS = openView
)

// Now is the log's clock.
func (l *Log) Now() time.Time { return l.o.Now() }

// AppendString is the encoder of JSON strings.
var AppendString = appendString

// HeaderSize is the length of a frame's header.
const HeaderSize = headerSize

// SetUnsignedLasts sets how long checkpoints may fail before a log that is
// opened afterwards is not ready.
func SetUnsignedLasts(t testing.TB, d time.Duration) {
	old := patience
	patience = d
	t.Cleanup(func() { patience = old })
}
