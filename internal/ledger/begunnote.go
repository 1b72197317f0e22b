package ledger

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"syscall"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// begunNote writes the note beside a ledger's folder: a checkpoint that lies in the
// folder, so that one that is set back is missed, see format.Begun. Where nothing can be
// written beside the folder, the ledger does without.
type begunNote struct {
	fs       format.FS
	path     string
	trouble  *slog.Logger
	counters *counters

	latest  []byte    // the epoch's latest checkpoint that is durable; nil if it has none
	written []byte    // what the note holds, as far as is known
	next    time.Time // when writeSometimes writes again
}

// noteEvery is how much older than the latest checkpoint the note may be while the ledger
// is written: to write it costs two more syncs on the disk that records wait for.
const noteEvery = 10 * time.Second

// writeSometimes writes the note if it was not for some time.
func (n *begunNote) writeSometimes() {
	if time.Now().After(n.next) {
		n.write()
	}
}

// write writes the note unless it holds the latest checkpoint.
func (n *begunNote) write() {
	if n.latest == nil || bytes.Equal(n.latest, n.written) {
		return
	}
	n.next = time.Now().Add(noteEvery)
	if was, err := format.ReadFile(n.fs, n.path); err == nil && bytes.Equal(was, n.latest) {
		n.written = n.latest
		return
	}
	err := format.WriteDurable(n.fs, n.path, n.latest)
	if err == nil {
		n.written = n.latest
		return
	}
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) { // nobody meant it to be written there
		n.counters.fail(opNote)
	}
	n.trouble.Warn("the ledger's last checkpoint cannot be noted beside its folder: "+
		"whether the folder is lost or set back, only a copy or a witness will know", "file", n.path, "error", err)
}
