package recorder_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// A configuration that holds again, and cannot be said because the volume is full, is
// owed: it stands in the ledger before the next record.
func TestAConfigurationIsOwed(t *testing.T) {
	volume := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", volume).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", volume).CombinedOutput(); err != nil {
			t.Errorf("unmounting: %v: %s", err, out)
		}
	})
	settings := func(mode string) recorder.Configuration {
		return recorder.Configuration{Settings: recorder.NewSettings([]string{"mode: " + mode, "site: " + strings.Repeat("x", 400)}), Policy: "p", Program: "v"}
	}
	l := recorder.Ledger{Folder: filepath.Join(volume, "ledger")}
	before, _ := open(t, &l)
	if err := before.Declare(settings("enforce")); err != nil {
		t.Fatal(err)
	}
	after, _ := open(t, &l)
	if err := after.Declare(settings("report")); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(volume, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for err == nil { // the last page of the segment
		_, err = before.Class("").Append(entry())
	}
	if err := after.Withdraw(); !errors.Is(err, ledger.ErrFull) {
		t.Fatalf("withdrawn with %v", err)
	}
	if _, err := before.Class("").Append(entry()); !errors.Is(err, ledger.ErrFull) {
		t.Errorf("a record was taken with %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	id, err := before.Class("").Append(entry())
	if err != nil {
		t.Fatal(err)
	}
	said, err := ledger.At(l.Folder).Entry(record.ID{Epoch: id.Epoch, Index: id.Index - 1})
	if err != nil {
		t.Fatal(err)
	}
	var changed record.ConfigChanged
	if err := changed.Parse(said.Data); err != nil || changed.Configuration != settings("enforce").Settings.Digest() {
		t.Errorf("before the record stands %s, %v", said.Data, err)
	}
}
