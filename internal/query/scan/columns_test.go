package scan_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/columns"
	"github.com/sparkoo/transfergate/internal/query/scan"
	"github.com/sparkoo/transfergate/internal/record"
)

// odd are values that no column may take for anything else.
var odd = []string{"", "", "[", `["a"]`, "a\x00b", "none", "*", "consent:1", "CONSENT:1", "x\u2028"}

// busy writes a ledger of two classes and several epochs with entries of many types,
// some of which cannot be read, and seals what is full.
func busy(t *testing.T, seed uint64) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "ledger")
	random := rand.New(rand.NewPCG(seed, 2))
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	for _, class := range []string{record.DefaultClass, "support"} {
		at := begin
		var clock atomic.Int64 // the ledger reads it, too
		clock.Store(at.UnixMicro())
		l := ledger.New(ledger.At(folder).Of(class).Path, ledger.Options{Node: "gw-1", SegmentEntries: 16, EpochEntries: 60, Now: func() time.Time { return time.UnixMicro(clock.Load()) }})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		var open []record.ID
		for range 150 {
			at = at.Add(time.Duration(random.IntN(3000)-200) * time.Second)
			clock.Store(at.UnixMicro())
			entry := anyEntry(at, pick, random, open)
			id, err := l.Append(entry)
			if err != nil {
				t.Fatal(err)
			}
			if kind := record.TypeOf(entry); kind == record.TypeAccepted || kind == record.TypeRefused || random.IntN(4) == 0 { // some tell of what does not end
				open = append(open, id)
			}
		}
		for deadline := time.Now().Add(time.Minute); sealed(t, l.Dir()) < 6; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("full segments are not sealed")
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func sealed(t *testing.T, dir ledger.Dir) (n int) {
	epochs, err := dir.Epochs()
	if err != nil {
		t.Fatal(err)
	}
	for _, epoch := range epochs {
		all, err := dir.Sealed(epoch)
		if err != nil {
			t.Fatal(err)
		}
		n += len(all)
	}
	return n
}

func anyEntry(at time.Time, pick func(...string) string, random *rand.Rand, open []record.ID) []byte {
	switch random.IntN(12) {
	case 0: // of a later program
		o := record.Order{Header: record.Header{Node: "gw-1", Time: at}, Order: "stop", By: "socket"}
		return bytes.Replace(o.Append(nil), []byte(record.TypeOrder), []byte("order.future"), 1)
	case 1: // malformed
		entry := transfer(at, pick, random).Append(nil)
		return append(entry[:len(entry)-1], ' ', '}')
	case 2: // legs that only whoever reads them finds wanting
		r := transfer(at, pick, random)
		r.Type, r.Legs = record.TypeAccepted, []byte(`[{"kind":1}]`)
		return r.Append(nil)
	case 3:
		c := record.Counted{Header: record.Header{Node: "gw-1", Time: at}, Reason: pick("minor", "no_safeguard"), Subject: pick("", "*", "h1:x:1"), From: at, To: at, Counted: uint64(random.IntN(5))}
		return c.Append(nil)
	case 4, 5, 6:
		told := record.Outcomes{Header: record.Header{Node: "gw-1", Time: at}}
		for range min(len(open), 4) {
			of := open[random.IntN(len(open))] // twice of one, at times
			told.Outcomes = append(told.Outcomes, record.Outcome{Record: of, State: pick("complete", "partial", "unknown"), Status: int64(200 + 100*random.IntN(4)), Bytes: int64(random.IntN(9))})
		}
		return told.Append(nil)
	default:
		r := transfer(at, pick, random)
		r.Reference, r.Ticket, r.Trace = pick(odd...), pick(odd...), pick("", fmt.Sprintf("%032x", random.IntN(3)))
		r.Withheld = []string{pick("cookie", "["), pick("referer", ""), "Cookie"}[:random.IntN(4)]
		r.Site = pick("a.example", "A.example", "[")
		r.Shadow = (&record.Shadow{Change: "stops", Decision: record.Denied, Policy: "12", Region: pick("sg", "br")}).Append(nil)
		return r.Append(nil)
	}
}

// more are keys beside those of asked: such as have columns, marks in them, or neither.
var more = map[string][]string{
	"reference": {`"["`, "consent*", "consent:1", `"*"`, "*\"*"}, "ticket": {"consent:1", `"["`}, "trace": {"0000*", "00000000000000000000000000000001"}, "withheld": {"cookie", "referer", `"["`},
	"site": {"a.example", "*.EXAMPLE"}, "record": {"1.3", "gw-1#2.*", "*.7", "gw-1/support#1.5", "gw-1#*1"}, "shadow": {}, "salt": {}, "legs": {}, "missing": {"true", "false"},
	"counted": {">1", "2"}, "type": {"refusals.counted", "order.future", "order.*", "transfer.*"}, "response_bytes": {"0"}, "outcome.bytes": {">4", "3"}, "node": {"gw-1", "gw-2"},
}

func genQuery() *rapid.Generator[string] {
	values := make(map[string][]string)
	for _, m := range []map[string][]string{asked, more} {
		for key, tests := range m {
			values[key] = append(values[key], tests...)
		}
	}
	var keys []string
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return rapid.Custom(func(t *rapid.T) string {
		var terms []string
		for range rapid.IntRange(0, 4).Draw(t, "terms") {
			key := rapid.SampledFrom(keys).Draw(t, "key")
			terms = append(terms, rapid.SampledFrom([]string{"", "", "-"}).Draw(t, "not")+key+":"+rapid.SampledFrom(append([]string{"none", "*"}, values[key]...)).Draw(t, "test"))
		}
		return strings.Join(terms, " ")
	})
}

// shown is a row with all that is known of it.
func shown(row *query.Row) string {
	return fmt.Sprintf("%s %s %d %q %v %s", row.Name, row.Type, row.Time, row.Ended, row.Damage, row.Data)
}

// answers are the rows of a source from a place on, page by page, and some counts.
func answers(t interface{ Fatal(...any) }, s query.Source, q *query.Query, from query.Cursor, limit int, by query.Grouping) (rows []string, counts string) {
	ctx := context.Background()
	for after := from; after != nil; {
		_, next, err := query.EachRow(ctx, s, q, after, limit, func(row *query.Row) error {
			rows = append(rows, shown(row))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		after = next
	}
	c, err := s.Counts(ctx, q, from, by)
	if err != nil {
		t.Fatal(err)
	}
	var damaged []string
	for i := range c.Damaged {
		damaged = append(damaged, shown(&c.Damaged[i]))
	}
	slices.Sort(damaged)
	return rows, fmt.Sprintf("%+v %+v %d %q", c.Total, c.Groups, c.Uncounted, damaged)
}

// index makes the columns of some segments of a folder: so many of a hundred.
func index(t *testing.T, folder string, percent int, random *rand.Rand) (made []ledger.Sealed) {
	t.Helper()
	classes, err := ledger.At(folder).Classes()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range classes {
		epochs, err := dir.Epochs()
		if err != nil {
			t.Fatal(err)
		}
		for _, epoch := range epochs {
			all, err := dir.Sealed(epoch)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range all {
				if random.IntN(100) >= percent {
					continue
				}
				if err := columns.NewMaker().Build(context.Background(), dir, s); err != nil {
					t.Fatal(err)
				}
				made = append(made, s)
			}
		}
	}
	if len(made) == 0 {
		t.Fatal("no segment has columns")
	}
	return made
}

// Columns and the entries themselves give the same answers: rows with all that is known
// of them, newest first, from any place on and page by page, and counts; whether all
// segments have columns or some.
func TestColumnsAndEntriesAgree(t *testing.T) {
	var folders []string
	for seed, percent := range []int{100, 100, 50, 70} {
		folder := busy(t, uint64(seed))
		index(t, folder, percent, rand.New(rand.NewPCG(uint64(seed), 1)))
		folders = append(folders, folder)
	}
	rapid.Check(t, func(t *rapid.T) {
		source := scan.Of(ledger.At(rapid.SampledFrom(folders).Draw(t, "folder"))).WithWindow(16)
		text := genQuery().Draw(t, "query")
		q, err := query.Parse(text, begin)
		if err != nil {
			t.Skip(err) // no type has all of the keys
		}
		from, err := source.Newest(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for class, id := range from {
			if rapid.Bool().Draw(t, "cut") {
				from[class] = record.ID{Epoch: rapid.Uint32Range(1, id.Epoch).Draw(t, "epoch"), Index: uint64(rapid.IntRange(0, 50).Draw(t, "index"))}
			}
		}
		by, err := query.ParseGrouping(rapid.SampledFrom([]string{"country,day", "controller", "to,safeguard,week", "outcome,month", "withheld,site,hour", "reference", "status,outcome.bytes,year", "type,class"}).Draw(t, "by"))
		if err != nil {
			t.Fatal(err)
		}
		limit := rapid.SampledFrom([]int{7, 1000}).Draw(t, "limit")
		rows, counts := answers(t, source, q, from, limit, by)
		wantRows, wantCounts := answers(t, source.Whole(), q, from, limit, by)
		for i := range max(len(rows), len(wantRows)) {
			if i == len(rows) || i == len(wantRows) || rows[i] != wantRows[i] {
				t.Fatalf("%q from %s: row %d of %d is\n%s\nwant, of %d,\n%s", text, from, i, len(rows), at(rows, i), len(wantRows), at(wantRows, i))
			}
		}
		if counts != wantCounts {
			t.Fatalf("%q by %v from %s:\n%.300s, want\n%.300s", text, by.Names(), from, counts, wantCounts)
		}
	})
}

func at(rows []string, i int) string {
	if i < len(rows) {
		return rows[i]
	}
	return cmp.Or("no row")
}

// A file of columns that is damaged, cut off, of another segment or of another version
// is as good as none: the answer is that of the entries.
func TestDamagedColumnsAreNotBelieved(t *testing.T) {
	folder := busy(t, 7)
	made := index(t, folder, 100, rand.New(rand.NewPCG(1, 1)))
	files := make([][]byte, len(made))
	for i, s := range made {
		data, err := os.ReadFile(s.Side("parquet"))
		if err != nil {
			t.Fatal(err)
		}
		files[i] = data
	}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(made)-1).Draw(t, "segment")
		data := slices.Clone(files[i])
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			data = data[:rapid.IntRange(0, len(data)-1).Draw(t, "length")]
		case 1:
			data = files[rapid.IntRange(0, len(made)-1).Draw(t, "other")]
		default:
			data[rapid.IntRange(0, len(data)-1).Draw(t, "byte")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		}
		if err := os.WriteFile(made[i].Side("parquet"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := os.WriteFile(made[i].Side("parquet"), files[i], 0o600); err != nil {
				t.Fatal(err)
			}
		}()
		source := scan.Of(ledger.At(folder)).WithWindow(16)
		text := genQuery().Draw(t, "query")
		q, err := query.Parse(text, begin)
		if err != nil {
			t.Skip(err)
		}
		from, err := source.Newest(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		by, err := query.ParseGrouping("country,activity,day")
		if err != nil {
			t.Fatal(err)
		}
		rows, counts := answers(t, source, q, from, 1000, by)
		wantRows, wantCounts := answers(t, source.Whole(), q, from, 1000, by)
		if !slices.Equal(rows, wantRows) || counts != wantCounts {
			t.Fatalf("%q: %d rows, want %d; %.300s, want %.300s", text, len(rows), len(wantRows), counts, wantCounts)
		}
	})
}
