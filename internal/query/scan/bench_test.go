//go:build unix

package scan_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/columns"
	"github.com/sparkoo/transfergate/internal/query/scan"
	"github.com/sparkoo/transfergate/internal/record"
)

// BenchmarkLedger asks a large ledger, which its writer makes first. How large says
// TRANSFERGATE_BENCH_RECORDS; 10000000 takes some ten minutes and 3 GB to make:
//
//	TRANSFERGATE_BENCH_RECORDS=10000000 go test ./internal/query/scan -run '^$' -bench Ledger -benchtime 20x -cpu 1 -timeout 1h
//
// With TRANSFERGATE_BENCH_FOLDER it is made there once, and asked again the next time.
// Times are of the processor (p95 of what was asked), as machines are busy.
func BenchmarkLedger(b *testing.B) {
	records, err := strconv.Atoi(os.Getenv("TRANSFERGATE_BENCH_RECORDS"))
	if err != nil {
		b.Skip("TRANSFERGATE_BENCH_RECORDS says how many records the ledger shall have")
	}
	folder := os.Getenv("TRANSFERGATE_BENCH_FOLDER")
	if folder == "" {
		folder = filepath.Join(b.TempDir(), "ledger")
	}
	if _, err := os.Stat(folder); err != nil {
		large(b, folder, records)
	}
	dir := ledger.At(folder)
	b.Run("build", func(b *testing.B) { benchmarkBuild(b, dir) })
	index := sync.OnceValue(func() error {
		_, err := columns.Update(context.Background(), dir, nil)
		return err
	})
	for _, one := range []struct{ name, query, by string }{
		{"page", "country:BR activity:support outcome:complete", ""},
		{"page, nearly nothing matches", "country:BR activity:storage recipient:huawei-cloud-cn status:>500", ""},
		{"person", "subject:h1:2026-11-2b55:0000000000000000000777", ""},
		{"number", "1.70001", ""},
		{"aggregate", "-activity:storage to:SG", "country,recipient"},
		{"aggregate by outcome and day", "decision:allowed", "outcome,controller,day"},
		{"aggregate of an hour", "at:2026-10-01T03:00Z..2026-10-01T04:00Z", "country,activity"},
	} {
		b.Run(one.name, func(b *testing.B) {
			if err := index(); err != nil {
				b.Fatal(err)
			}
			benchmarkAsk(b, dir, one.query, one.by)
		})
	}
}

// used is how long the process has used a processor.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchmarkBuild(b *testing.B, dir ledger.Dir) {
	all, err := dir.Sealed(1)
	if err != nil || len(all) == 0 {
		b.Fatalf("%d segments are full: %v", len(all), err)
	}
	maker := columns.NewMaker() // as one that goes from segment to segment
	begun, n := used(), 0
	var bytes int64
	for b.Loop() {
		s := all[n%len(all)]
		if err := maker.Build(context.Background(), dir, s); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(s.Side("parquet"))
		if err != nil {
			b.Fatal(err)
		}
		bytes += info.Size()
		n++
	}
	rows := float64(n) * float64(all[0].Entries)
	b.ReportMetric(rows/(used()-begun).Seconds(), "records/cpu-s")
	b.ReportMetric(float64(bytes)/rows, "B/record")
}

func benchmarkAsk(b *testing.B, dir ledger.Dir, text, grouping string) {
	q, err := query.Parse(text, begin)
	if err != nil {
		b.Fatal(err)
	}
	source, ctx := scan.Of(dir), context.Background()
	rows := 0
	var took []time.Duration
	for b.Loop() {
		begun := used()
		from, err := source.Newest(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if grouping == "" {
			rows, _, err = query.EachRow(ctx, source, q, from, 50, func(*query.Row) error { return nil })
		} else {
			var by query.Grouping
			if by, err = query.ParseGrouping(grouping); err == nil {
				var c *query.Counts
				if c, err = source.Counts(ctx, q, from, by); err == nil {
					rows = int(c.Total.Rows)
				}
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, used()-begun)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-cpu-ms")
	b.ReportMetric(float64(rows), "rows")
}

// unsynced is a file system that does not wait for the disk.
type unsynced struct{ format.OS }

func (unsynced) SyncDir(string) error { return nil }

func (u unsynced) Create(name string) (format.File, error) { return lazy(u.OS.Create(name)) }
func (u unsynced) Open(name string, write bool) (format.File, error) {
	return lazy(u.OS.Open(name, write))
}

type lazyFile struct{ format.File }

func (lazyFile) Sync() error { return nil }

func lazy(f format.File, err error) (format.File, error) {
	if err != nil {
		return nil, err
	}
	return lazyFile{f}, nil
}

// told gathers how transfers ended, as a gateway does, and writes that when it is much.
type told struct {
	sync.Mutex
	l *ledger.Log
	o record.Outcomes
}

func (t *told) tell(o record.Outcome, at time.Time) error {
	t.Lock()
	t.o.Outcomes = append(t.o.Outcomes, o)
	var full record.Outcomes
	if len(t.o.Outcomes) == 50 {
		full, t.o = record.Outcomes{Header: record.Header{Node: "gw-1", Time: at}, Outcomes: t.o.Outcomes}, record.Outcomes{}
	}
	t.Unlock()
	if full.Outcomes == nil {
		return nil
	}
	_, err := t.l.Append(full.Append(nil))
	return err
}

// large writes a ledger of a month whose records are as long as a gateway's, with outcomes.
func large(b *testing.B, folder string, records int) {
	b.Helper()
	l := ledger.New(folder, ledger.Options{Node: "gw-1", FS: unsynced{}, EpochEntries: 1 << 40})
	if err := l.Open(); err != nil {
		b.Fatal(err)
	}
	const writers = 256
	var group sync.WaitGroup
	each := 30 * 24 * time.Hour * writers / time.Duration(records)
	outcomes := &told{l: l}
	for w := range writers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1)) // numbers
			for i := range records / writers {
				at := begin.Add(time.Duration(i) * each)
				r := like(random, at)
				id, err := l.Append(r.Append(nil))
				if err == nil && r.Type == record.TypeAccepted {
					err = outcomes.tell(record.Outcome{Record: id, State: []string{"complete", "complete", "partial", "unknown"}[random.IntN(4)], Status: []int64{200, 200, 204, 404, 502}[random.IntN(5)], Bytes: random.Int64N(1 << 16), ResponseBytes: random.Int64N(1 << 20)}, at)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	for deadline := time.Now().Add(time.Hour); ; time.Sleep(100 * time.Millisecond) {
		all, err := l.Dir().Sealed(1)
		if err != nil {
			b.Fatal(err)
		}
		if len(all) >= records>>16 {
			break
		}
		if time.Now().After(deadline) {
			b.Fatal("full segments are not sealed")
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// like is a record as a gateway writes it.
func like(random *rand.Rand, at time.Time) *record.Transfer {
	pick := func(all ...string) string { return all[random.IntN(len(all))] }
	country := pick("BR", "FR", "DE", "SG", "CN", "ZA", "CL", "MX", "TR", "TH", "HK", "SA")
	person := random.IntN(1 + random.IntN(1_000_000))
	r := &record.Transfer{
		Header: record.Header{Type: record.TypeAccepted, Node: "gw-1", Time: at}, Decision: record.Allowed, Enforced: true,
		Country: country, CountrySource: pick("token", "account"), Activity: pick("storage", "serving", "serving", "support"), Bytes: random.Int64N(1 << 16),
		Controller: pick("sparkoo-sg", "huawei-cloud-br", "huawei-cloud-za"), Basis: pick("registered-country", "account-center"),
		Subject: fmt.Sprintf("h1:2026-11-2b55:%022d", person), Policy: "b3c1f0ad", Statement: "2026-05", Site: "developer.example.com",
		Recipient: pick("sparkoo-sg", "huawei-cloud-cn", "huawei-cloud-br"), Region: pick("ap-southeast-3", "cn-north-4", "sa-brazil-1"), Requester: pick("self", "self", "self", "huawei-cloud-cn@CN"),
		Purposes: []string{"2a", "2b"}[:1+random.IntN(2)], Categories: []string{"1a", "1b", "1c"}[:1+random.IntN(3)],
		Method: pick("GET", "GET", "POST", "PUT"), Route: pick("/v1/objects/*", "/v1/support/*", "/"), RetainUntil: at.AddDate(5, 0, 0).Format(time.DateOnly), Trace: fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64()),
		Withheld: []string{"cookie", "authorization", "referer", "user-agent"},
	}
	if random.IntN(20) == 0 {
		r.Type, r.Decision, r.Reason = record.TypeRefused, record.Denied, pick("no_safeguard", "minor", "law_unknown")
	}
	leg := func(kind, from, to string) record.Leg {
		return record.Leg{Kind: kind, Exporter: r.Controller, From: from, To: to, Recipient: r.Recipient, RecipientKind: "4c", Laws: []record.Verdict{{Law: "br", Safeguard: pick("br-lgpd-art33-iib-scc", "br-consent"), Row: "br-scc-1", Instrument: "Group agreement 2026", Assessment: "tia-br-sg"}, {Law: "sg", Because: "stored-in-singapore"}}}
	}
	r.Legs = record.AppendLegs(nil, []record.Leg{leg("collection", country, "SG"), leg("serving", "SG", pick("SG", "CN", "BR"))})
	return r
}
