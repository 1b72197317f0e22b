package ledger_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// oldKey verifies the ledger in testdata, as its README says.
const oldKey = "transfergate/gw-sg-1/1c4a228d6b2f5535/epoch-000001+3b40c14b+ASwSKlsn24CO0WgYw7iYF0lTRIgndl+/XXOG8E2dpdQk"

// unpack unpacks an archive of testdata.
func unpack(t testing.TB, archive string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(z)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(name, 0o700)
		} else {
			var data []byte
			if data, err = io.ReadAll(files); err == nil {
				err = os.WriteFile(name, data, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A ledger that an earlier version wrote, and never closed, is verified, opened,
// continued and verified again, with every byte that was there.
func TestLedgerOfEarlierVersion(t *testing.T) {
	dir := filepath.Join(unpack(t, "testdata/ledger-xfer1/ledger.tar.gz"), "ledger")
	r, err := verify.Ledger(dir, verify.Options{Keys: []string{oldKey}})
	if err != nil || r.Entries != 146 || r.First != 1 || r.Epoch != 1 || r.Policies != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	before := texts(t, ledger.At(dir), record.ID{})
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	l := open(t, dir, ledger.Options{Node: "gw-sg-1", Now: func() time.Time { return now }})
	later := (&record.Transfer{Header: record.Header{Node: "gw-sg-1", Time: now}, Bytes: -1}).Append(nil)
	id, err := l.Append(later)
	if err != nil || id.Epoch != 1 || id.Index < 146 {
		t.Errorf("the next entry is %v, %v", id, err)
	}
	if keys := l.Keys(); len(keys) != 1 || keys[0].Period != "2026-11-2b55" {
		t.Errorf("keys %+v", keys)
	}
	if s := l.Subject("p1", "", now); !strings.HasPrefix(s, "h1:2026-11-2b55:") {
		t.Errorf("subject %s", s)
	}
	shut(t, l)
	after := texts(t, ledger.At(dir), record.ID{})
	if len(after) <= len(before) || strings.Join(after[:len(before)], "\n") != strings.Join(before, "\n") || after[len(after)-1] != string(later) {
		t.Errorf("%d entries were there, %d are", len(before), len(after))
	}
	if r, err := verify.Ledger(dir, verify.Options{Keys: []string{oldKey}}); err != nil || r.Signed != uint64(len(after)) || r.Torn {
		t.Errorf("%+v, %v", r, err)
	}
	versions := map[string]int{}
	for _, entry := range after {
		e, err := record.Parse([]byte(entry))
		if err != nil {
			t.Fatalf("%v in %s", err, entry)
		}
		if _, other := e.(*record.Other); other {
			t.Errorf("it is not known what %s is", entry)
		}
		versions[e.Head().Version]++
	}
	if versions["xfer/1"] != 146 || versions["xfer/2"] != len(after)-146 {
		t.Errorf("entries by version: %v", versions)
	}
}
