package scan_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/scan"
	"github.com/sparkoo/transfergate/internal/record"
)

// A source that is asked again and again while a ledger grows gives the answers of its
// entries each time, over the ends of segments and epochs, whoever else asks meanwhile.
func TestTailFollows(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	l := ledger.New(filepath.Join(t.TempDir(), "ledger"), ledger.Options{Node: "gw-1", SegmentEntries: 16, EpochEntries: 40})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	source := scan.Of(l.Dir()).WithWindow(16)
	var open []record.ID
	for i := range 70 {
		entry := anyEntry(begin.Add(time.Duration(i)*time.Minute), pick, random, open)
		id, err := l.Append(entry)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, id)
		if random.IntN(5) > 0 {
			continue
		}
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() { asWhole(t, source) })
		}
		group.Wait()
	}
}

// asWhole holds the answers of a source to those of its entries.
func asWhole(t *testing.T, source scan.Folder) {
	ctx := context.Background()
	from, err := source.Newest(ctx)
	if err != nil {
		t.Error(err)
		return
	}
	for _, text := range []string{"", "-status:200", "country:BR bytes:>3"} {
		q, err := query.Parse(text, begin)
		if err != nil {
			continue
		}
		by, err := query.ParseGrouping("outcome,country,day")
		if err != nil {
			t.Error(err)
			return
		}
		rows, counts := answers(t, source, q, from, 1000, by)
		wantRows, wantCounts := answers(t, source.Whole(), q, from, 1000, by)
		if !slices.Equal(rows, wantRows) || counts != wantCounts {
			t.Errorf("%q from %s: %d rows, want %d; %.300s, want %.300s", text, from, len(rows), len(wantRows), counts, wantCounts)
		}
	}
}
