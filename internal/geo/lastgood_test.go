package geo_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sparkoo/transfergate/internal/geo"
	"github.com/sparkoo/transfergate/internal/lastgood"
)

// A restart goes on with the database that was good last, and takes the file once it is
// right.
func TestRestartGoesOnWithTheLastDatabase(t *testing.T) {
	good, err := os.ReadFile("country.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "db.mmdb")
		slot := lastgood.In(filepath.Join(dir, "kept")).Slot("geoip", path)
		write := func(data []byte) {
			t.Helper()
			if err := os.WriteFile(path+".new", data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}
		var log bytes.Buffer
		run := func(settle func(s *geo.Source)) error {
			t.Helper()
			s, err := geo.NewSource(path, slot, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { s.Watch(ctx, time.Second); close(ended) }()
			synctest.Wait()
			settle(s)
			cancel()
			<-ended
			return nil
		}
		write(good[:len(good)/2])
		if err := run(nil); err == nil || strings.Contains(err.Error(), "good last") {
			t.Errorf("what never was good: %v", err)
		}
		write(good)
		if err := run(func(s *geo.Source) {
			if since := s.Status().LastGood; !since.IsZero() {
				t.Errorf("last good since %v", since)
			}
		}); err != nil {
			t.Fatal(err)
		}
		for _, broken := range []func(){func() { write(good[:len(good)/2]) }, func() { os.Remove(path) }} {
			broken()
			log.Reset()
			err := run(func(s *geo.Source) {
				status := s.Status()
				if s.DB() == nil || status.LastError == nil || status.LastGood.IsZero() || status.Refused == 0 {
					t.Errorf("status %+v", status)
				}
				write(good)
				time.Sleep(3 * time.Second) // of the bubble's clock
				if status := s.Status(); status.LastError != nil || !status.LastGood.IsZero() {
					t.Errorf("the file is right again: %+v", status)
				}
			})
			if err != nil {
				t.Fatalf("a restart refuses what running on does not: %v", err)
			}
			if said := log.String(); !strings.Contains(said, "the one that was good last goes on") || !strings.Contains(said, "since=") {
				t.Errorf("log: %s", said)
			}
		}
	})
}
