package columns_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/query/columns"
	"github.com/sparkoo/transfergate/internal/record"
)

var moment = time.Date(2026, 10, 31, 23, 59, 59, 999_999_000, time.UTC)

// usual are entries as programs write them, of several types.
func usual() [][]byte {
	legs := record.AppendLegs(nil, []record.Leg{
		{Kind: "collection", From: "BR", To: "SG", Recipient: "sparkoo-sg", Laws: []record.Verdict{{Law: "br", Safeguard: "br-scc", Row: "1"}, {Law: "sg", Missing: true, Lacks: []string{"proof", "people"}}}},
		{Kind: "serving", From: "SG", To: "BR", Laws: []record.Verdict{{Law: "sg", Because: "returned"}}},
	})
	header := record.Header{Node: "gw-1", Time: moment}
	full := record.Transfer{
		Header: header, Country: "BR", Activity: "support", Decision: record.Allowed, Enforced: true, Legs: legs, Bytes: 77, Subject: "h1:2026-10:abc",
		Purposes: []string{"2a", "2b"}, Withheld: []string{"cookie", "[", "]"}, Site: "Übung.example", Route: "/a\"b\\c", Reference: "consent:\u2028", Trace: "0af7651916cd43dd8448eb211c80319c", RetainUntil: "2031-10-31", Demo: true,
		Shadow: (&record.Shadow{Change: "stops", Decision: record.Denied, Policy: "12", Safeguards: []string{"x"}}).Append(nil),
	}
	empty := record.Transfer{Header: header, Bytes: -1}
	denied := full
	denied.Type, denied.Decision, denied.Reason, denied.Shadow, denied.Route = record.TypeRefused, record.Denied, "minor", nil, "/v1/*"
	denied.Withheld = []string{"cookie", "["}
	denied.Time = moment.Add(time.Microsecond)
	outcomes := record.Outcomes{Header: header, Outcomes: []record.Outcome{
		{Record: record.ID{Epoch: 1}, State: "complete", Status: 200, Bytes: 12345678901234, ResponseBytes: 1}, {Record: record.ID{Epoch: 1, Index: 2}, State: "partial"},
		{Record: record.ID{Epoch: 1, Index: 9}, State: "partial"}, {Record: record.ID{Epoch: 1, Index: 3}, State: "not-sent", Status: 502}, {Record: record.ID{Epoch: 1}, State: "unknown", Status: 204},
	}}
	counted := record.Counted{Header: header, Reason: "minor", Subject: "*", From: moment, To: moment, Counted: 5}
	beat := record.Beat{Header: header, From: moment, Requests: 1 << 53}
	changed := record.ConfigChanged{Header: header, Configuration: "x", Changes: []string{"a", "a", "b"}, Settings: []string{"[", "{"}}
	return [][]byte{full.Append(nil), empty.Append(nil), denied.Append(nil), outcomes.Append(nil), counted.Append(nil), beat.Append(nil), changed.Append(nil)}
}

// What entries say is the same whether they are cut or read one by one, and those that
// programs write are cut, all but one with an escape.
func TestCutAndReadAgree(t *testing.T) {
	entries := usual()
	agree(t, entries)
	if _, cut := columns.Read(entries, false); cut != len(entries)-1 {
		t.Errorf("of %d entries %d are cut", len(entries), cut)
	}
}

func agree(t interface {
	Helper()
	Fatalf(string, ...any)
}, entries [][]byte) {
	t.Helper()
	got, _ := columns.Read(entries, false)
	want, _ := columns.Read(entries, true)
	for i := range max(len(got), len(want)) {
		if i == len(got) || i == len(want) || got[i] != want[i] {
			t.Fatalf("of %q\ncut: %q\nread: %q", entries, got[min(i, len(got)-1)], want[min(i, len(want)-1)])
		}
	}
}

// splices are texts that an entry may have elsewhere than it should.
var splices = []string{`"`, `\`, `,`, `]`, `}`, `{`, `[`, `]}`, `}],"`, `""`, `null`, `0`, `01`, `-1`, `1.5`, `true`, `false`, ` `, "\x00", "\xff", `\u0041`, `\"`, `"v":"xfer/1"`, `"v":"xfer/9"`, `"type":"transfer.refused"`, `,"zz":[]`, `"AAAAAAAAAAAAAAAAAAAAAA"`, `2026-10-31T24`, `:60`, `[]`, `{}`, `["1.1","complete",1,1,1]`}

// So it is of entries that were tampered with.
func TestTamperedEntriesAreReadAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var entries [][]byte
		for range rapid.IntRange(1, 4).Draw(t, "entries") {
			entries = append(entries, rapid.SampledFrom(usual()).Draw(t, "entry"))
		}
		i := rapid.IntRange(0, len(entries)-1).Draw(t, "which")
		data := slices.Clone(entries[i])
		for range rapid.IntRange(0, 2).Draw(t, "times") {
			from := rapid.IntRange(0, len(data)).Draw(t, "from")
			to := min(len(data), from+rapid.IntRange(0, 12).Draw(t, "length"))
			data = slices.Concat(data[:from], []byte(rapid.SampledFrom(append(splices, "")).Draw(t, "splice")), data[to:])
		}
		entries[i] = data
		agree(t, append(entries, entries...))
	})
}

func FuzzCut(f *testing.F) {
	entries := usual()
	for _, data := range entries {
		f.Add(data)
		f.Add(bytes.Replace(data, []byte(`"v":"xfer/2"`), []byte(`"v":"xfer/1"`), 1))
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, append([][]byte{data, data}, entries...)) })
}
