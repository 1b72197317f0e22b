package columns_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query/columns"
	"github.com/sparkoo/transfergate/internal/record"
)

// full is a ledger with full segments, of 16 entries each.
func full(t *testing.T, segments int) ledger.Dir {
	t.Helper()
	l := ledger.New(filepath.Join(t.TempDir(), "ledger"), ledger.Options{Node: "gw-1", SegmentEntries: 16})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 16*segments + 3 {
		r := record.Transfer{Header: record.Header{Node: "gw-1", Time: time.Date(2026, 10, 1, i, 0, 0, 0, time.UTC)}, Decision: record.Allowed, Country: "BR"}
		if _, err := l.Append(r.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); len(sealed(t, l.Dir())) < segments; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("full segments are not sealed")
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Dir()
}

func sealed(t *testing.T, dir ledger.Dir) []ledger.Sealed {
	t.Helper()
	all, err := dir.Sealed(1)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func update(t *testing.T, dir ledger.Dir) int {
	t.Helper()
	u, err := columns.Update(context.Background(), dir, nil)
	if err != nil || u.Segments != len(sealed(t, dir)) {
		t.Fatalf("%+v: %v", u, err)
	}
	return u.Made
}

// What is missing is made, and what is damaged, of another segment or of another
// version is made anew; nothing else.
func TestUpdate(t *testing.T) {
	dir := full(t, 3)
	all := sealed(t, dir)
	if n := update(t, dir); n != 3 {
		t.Fatalf("%d files were made of none", n)
	}
	if n := update(t, dir); n != 0 {
		t.Fatalf("%d files were made that were there", n)
	}
	path := all[1].Side("parquet")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(all[0].Side("parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"missing":   func() error { return os.Remove(path) },
		"cut off":   func() error { return os.WriteFile(path, good[:len(good)/2], 0o600) },
		"empty":     func() error { return os.WriteFile(path, nil, 0o600) },
		"another's": func() error { return os.WriteFile(path, other, 0o600) },
		"another version": func() error {
			return os.WriteFile(path, bytes.Replace(good, fmt.Appendf(nil, `"version":%d`, columns.Version), []byte(`"version":9`), 1), 0o600)
		},
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if f, err := columns.Open(dir.Class, all[1]); err == nil {
			t.Errorf("%s: it is opened", name)
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
		if n := update(t, dir); n != 1 {
			t.Errorf("%s: %d files were made", name, n)
		}
	}
	again, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(again, good) {
		t.Errorf("the same segment gives another file: %v", err)
	}
}

// A file is of the segment whose tree has the root that it names, and of no other.
func TestFileOfOtherEntries(t *testing.T) {
	dir := full(t, 1)
	update(t, dir)
	s := sealed(t, dir)[0]
	s.Root[0] ^= 1
	if _, err := columns.Open(dir.Class, s); !errors.Is(err, columns.ErrUnfit) {
		t.Errorf("another root: %v", err)
	}
}

// A segment that cannot be read has no columns, and keeps no other from having them.
func TestSegmentThatCannotBeRead(t *testing.T) {
	dir := full(t, 2)
	all := sealed(t, dir)
	data, err := os.ReadFile(all[1].Archive)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(all[1].Archive, data, 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := columns.Update(context.Background(), dir, nil)
	if damage := new(ledger.CorruptError); !errors.As(err, &damage) || u.Made != 1 {
		t.Errorf("%+v: %v", u, err)
	}
	if _, err := columns.Open(dir.Class, all[1]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("columns of a damaged segment: %v", err)
	}
}

// The files are Parquet: a row for each entry, its time and what is recorded by name.
func TestFilesAreParquet(t *testing.T) {
	dir := full(t, 1)
	update(t, dir)
	type row struct {
		Time    time.Time `parquet:"time,timestamp(microsecond)"`
		Type    string    `parquet:"type"`
		Country string    `parquet:"country"`
		Outcome string    `parquet:"outcome"`
	}
	rows, err := parquet.ReadFile[row](sealed(t, dir)[0].Side("parquet"))
	if err != nil || len(rows) != 16 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	if rows[0].Type != record.TypeGenesis || rows[0].Country != "" {
		t.Errorf("the first is %+v", rows[0])
	}
	want := row{time.Date(2026, 10, 1, 14, 0, 0, 0, time.UTC), record.TypeAccepted, "BR", "pending"}
	if got := rows[15]; !got.Time.Equal(want.Time) || got.Type != want.Type || got.Country != want.Country || got.Outcome != want.Outcome {
		t.Errorf("the last is %+v, want %+v", got, want)
	}
}
