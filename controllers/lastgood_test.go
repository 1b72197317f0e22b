package controllers_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/lastgood"
)

// A restart goes on with the records that were good last, held to all that a file is held
// to, and takes the file's once they are right.
func TestRestartGoesOnWithTheLastRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "accounts.ndjson")
		slot := lastgood.In(filepath.Join(dir, "kept")).Slot("accounts", path)
		var log bytes.Buffer
		config := controllers.FileConfig{Path: path, LastGood: slot, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}
		// run runs a process over the file until settle is done.
		run := func(settle func(f *controllers.File, table *controllers.Table)) error {
			t.Helper()
			table := newTable(t)
			f, err := controllers.LoadFile(config, table)
			if err != nil {
				return err
			}
			ctx, stop := t.Context(), make(chan struct{})
			ctx, cancel := context.WithCancel(ctx)
			go func() { f.Watch(ctx, time.Second); close(stop) }()
			synctest.Wait()
			settle(f, table)
			cancel()
			<-stop
			return nil
		}
		knows := func(table *controllers.Table, id string) bool {
			_, known := table.Snapshot().Account(id)
			return known
		}

		write("{half a line\n")
		if err := run(nil); err == nil || strings.Contains(err.Error(), "good last") {
			t.Errorf("what never was good: %v", err)
		}
		write(`{"account":"a-1"}` + "\n")
		if err := run(func(f *controllers.File, _ *controllers.Table) {
			if !f.LastGood().IsZero() {
				t.Errorf("last good since %v", f.LastGood())
			}
		}); err != nil {
			t.Fatal(err)
		}

		write("{half a line\n")
		for _, again := range []bool{false, true} {
			log.Reset()
			err := run(func(f *controllers.File, table *controllers.Table) {
				synced, failures := f.Status()
				if !knows(table, "a-1") || f.LastGood().IsZero() || !synced.Equal(f.LastGood()) || failures != 1 {
					t.Errorf("again %v: since %v, synced %v, %d failures", again, f.LastGood(), synced, failures)
				}
				if !again {
					return
				}
				write(`{"account":"a-2"}` + "\n")
				time.Sleep(3 * time.Second) // of the bubble's clock
				if knows(table, "a-1") || !knows(table, "a-2") || !f.LastGood().IsZero() {
					t.Errorf("the file is right again: last good since %v", f.LastGood())
				}
			})
			if err != nil {
				t.Fatalf("a restart refuses what running on does not: %v", err)
			}
			if said := log.String(); !strings.Contains(said, "account records not taken; those that were good last go on") || !strings.Contains(said, "since=") || !strings.Contains(said, "accounts.ndjson:1") {
				t.Errorf("log: %s", said)
			}
		}

		// A missing file is a broken one, and the newest records count.
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := run(func(_ *controllers.File, table *controllers.Table) {
			if knows(table, "a-1") || !knows(table, "a-2") {
				t.Error("it goes on with other records than were good last")
			}
		}); err != nil {
			t.Error(err)
		}

		// What is kept is believed no more than the file.
		for _, forged := range []string{`{"account":"a-3","contracting_party":"nobody-knows"}` + "\n", "{half\n", ""} {
			if err := slot.Save(sha256.Sum256([]byte(forged)), strings.NewReader(forged)); err != nil {
				t.Fatal(err)
			}
			err := run(nil)
			if err == nil || !strings.Contains(err.Error(), "nor can what was good last be used") || !strings.Contains(err.Error(), "accounts.ndjson") {
				t.Errorf("%q: %v", forged, err)
			}
		}
	})
}
