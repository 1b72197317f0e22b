package ledger_test

import (
	"os"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// What a ledger shows of segments that are sealed, stored and active, in every
// epoch, is accepted by programs that are not ours.
func TestStrangersAccept(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, ledger.Options{SegmentEntries: 512, EpochEntries: 1400})
	for i := range 1500 {
		add(t, l, string(make([]byte, 1+i%300)))
	}
	within(t, 20*time.Second, "segments are sealed", func() bool {
		names, err := os.ReadDir(dir + "/epoch-000001/sealed")
		return err == nil && len(names) >= 2
	})
	shut(t, l)
	for epoch, want := range []int64{1401, 0} {
		v, err := ledger.At(dir).View(uint32(epoch + 1))
		if err != nil {
			t.Fatal(err)
		}
		key, err := note.NewVerifier(v.VerifierKey())
		if err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		x, err := tiles.Export(v, key, out)
		if err != nil {
			t.Fatal(err)
		}
		n, err := testsupport.TorchwoodFolder(os.DirFS(out), v.VerifierKey())
		if err != nil || n == 0 || want > 0 && n != want {
			t.Errorf("torchwood: epoch %d has %d entries, %v; exported %+v", epoch+1, n, err, x)
		}
		if err := testsupport.TesseraFolder(out, v.VerifierKey()); err != nil {
			t.Errorf("Tessera's fsck: epoch %d: %v", epoch+1, err)
		}
	}
}
