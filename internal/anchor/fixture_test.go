package anchor_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/anchor"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles/tilestest"
)

// startWitness starts a witness of one log.
func startWitness(t *testing.T, name string, log *tilestest.Log) *testsupport.Witness {
	t.Helper()
	return testsupport.StartWitness(t, name, func(origin string) (note.Verifier, error) {
		if origin != log.Origin {
			return nil, errors.New("another log")
		}
		return log.Key(), nil
	})
}

// client is our client of a witness.
func client(t *testing.T, w *testsupport.Witness) *anchor.Witness {
	t.Helper()
	c, err := anchor.NewWitness(w.URL, w.Key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// publishing starts a publisher of one log and returns it with the file of its
// witnessed checkpoint.
func publishing(t *testing.T, log *tilestest.Log, o anchor.Options) (*anchor.Publisher, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "checkpoint.witnessed")
	o.Log = func(origin string) (anchor.Log, error) {
		if origin != log.Origin {
			return anchor.Log{}, errors.New("another log")
		}
		return anchor.Log{Source: log, Key: log.Key(), Witnessed: file}, nil
	}
	o.Pause = func(int) time.Duration { return time.Millisecond }
	pub := anchor.New(o)
	t.Cleanup(pub.Close)
	return pub, file
}

// offer signs the log at a size and offers it.
func offer(t *testing.T, pub *anchor.Publisher, log *tilestest.Log, size int) {
	t.Helper()
	log.Fill(size)
	signed, err := log.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	pub.Offer(signed)
}

// eventually polls until f holds.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
