package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
)

// golden are entries of an earlier program, see testdata/README.md.
func golden(t testing.TB) (all [][]byte) {
	t.Helper()
	for _, file := range []string{"testdata/xfer1.ndjson", "testdata/xfer1-types.ndjson", "testdata/xfer2.ndjson"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.Split(bytes.TrimSpace(data), []byte("\n"))...)
	}
	return all
}

// usual is the record of a support request from Brazil.
func usual(t testing.TB) []byte {
	t.Helper()
	for _, line := range golden(t) {
		if bytes.Contains(line, []byte(`"withheld":["client-address","user-agent"]`)) {
			return line
		}
	}
	t.Fatal("no record of a support request")
	return nil
}

// Every entry of an earlier program is read and written again byte for byte, and
// nothing in it is unknown.
func TestGolden(t *testing.T) {
	types, versions := map[string]int{}, map[string]int{}
	for i, line := range golden(t) {
		e, err := record.Parse(line)
		if err != nil {
			t.Fatalf("entry %d: %v\n%s", i, err, line)
		}
		if got := e.Append(nil); !bytes.Equal(got, line) {
			t.Errorf("entry %d\n got %s\nwant %s", i, got, line)
		}
		h := e.Head()
		if _, other := e.(*record.Other); other || len(h.Unknown) > 0 {
			t.Errorf("entry %d is not known whole: %+v", i, h)
		}
		if got := record.TypeOf(line); got != h.Type {
			t.Errorf("entry %d is of type %s, and TypeOf says %q", i, h.Type, got)
		}
		if !record.IsOf(line, "x", h.Type) || record.IsOf(line, "x") {
			t.Errorf("entry %d is not found by its type", i)
		}
		types[h.Type]++
		versions[h.Version]++
	}
	if versions["xfer/1"] < 100 || versions["xfer/2"] < 2 || len(versions) != 2 {
		t.Errorf("entries by version: %v", versions)
	}
	for _, kind := range record.Types() {
		if types[kind.Name] == 0 {
			t.Errorf("no entry of type %s", kind.Name)
		}
		delete(types, kind.Name)
	}
	if len(types) > 0 {
		t.Errorf("types that are not listed: %v", types)
	}
}

// The type of an entry is told from those of objects in it, wherever they stand.
func TestIsOf(t *testing.T) {
	for entry, want := range map[string]bool{
		`{"type":"a","v":"xfer/1"}`:                                 true,
		`{"type":"b","v":"xfer/1"}`:                                 false,
		`{"type":"a","v":"xfer/1","withheld":["}"]}`:                true,
		`{"type":"a","v":"xfer/1","z":{"type":"b"}}`:                true,
		`{"type":"b","v":"xfer/1","z":{"type":"a"}}`:                false,
		`{"type":"b","v":"xfer/1","z":[{"type":"a","v":"xfer/1"}]}`: false,
		`{"note":"\"type\":\"a\"","type":"b","v":"xfer/1"}`:         false,
		`{"inner":{"type":"a"},"type":"b","v":"xfer/1"}`:            false,
		`{"inner":{"type":"b"},"type":"a","v":"xfer/1"}`:            true,
		`{"deleted":{"type":"a","v":"xfer/1"}}`:                     false,
		`{"v":"xfer/1"}`:                                            false,
		`no entry`:                                                  false,
	} {
		if got := record.IsOf([]byte(entry), "x", "a"); got != want || (record.TypeOf([]byte(entry)) == "a") != want {
			t.Errorf("%s: %v", entry, got)
		}
	}
}

// What the fields hold is what the entry says, here in words of its own.
func TestGoldenFields(t *testing.T) {
	all := golden(t)
	first := new(record.Transfer)
	if err := first.Parse(usual(t)); err != nil {
		t.Fatal(err)
	}
	legs, err := record.ParseLegs(first.Legs)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(first.Activity, " ", first.Country, " ", first.Time.Format(time.RFC3339Nano), " ", first.Withheld, " ", len(legs), " ", legs[2].Recipient, " ", legs[2].Laws[0].Assessment, " ", first.Bytes)
	if want := "support BR 2026-11-30T01:41:54.742337Z [client-address user-agent] 3 huawei-cloud-cn TIA-BR-CN 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	seen := map[string]bool{}
	for _, line := range all {
		e, err := record.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		switch e := e.(type) {
		case *record.Transfer:
			if e.ControllerName != "" {
				seen["name"] = e.ControllerName == "Edifício \"EZ\" <&> \\ \u2028\t Perú"
				w, err := record.ParseShadow(e.Shadow)
				seen["shadow"] = err == nil && w.Change == "passes" && w.Decision == record.Allowed && len(w.Safeguards) == 1
			}
			if e.Reason == "no_activity" {
				seen["unknown length"] = e.Bytes == -1
			}
		case *record.Outcomes:
			if len(e.Outcomes) == 4 && e.Outcomes[1].ResponseBytes == 1<<53-1 {
				seen["outcome"] = e.Outcomes[0] == record.Outcome{Record: record.ID{Epoch: 1, Index: 1}, State: record.NotSent, ResponseBytes: 1<<53 - 1}
			}
		case *record.Deleted:
			seen["deleted"] = len(e.Signature) == 64 && e.Deleted.Number > 0 && !e.Deleted.RetainUntil.IsZero() && bytes.Contains(line, e.Deleted.Append(nil))
		case *record.HoldChange:
			if e.Hold.Ref == "case-1" && e.Type == record.TypeHoldLifted {
				seen["hold"] = e.Hold.By == "dpo" && e.Hold.From.Equal(time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC))
			}
		}
	}
	for _, what := range []string{"name", "shadow", "unknown length", "outcome", "deleted", "hold"} {
		if !seen[what] {
			t.Errorf("%s: not as it was written", what)
		}
	}
}

// What a later program adds within the version is kept, wherever it stands.
func TestUnknownMembers(t *testing.T) {
	for _, text := range []string{
		`{"a":null,"decision":"denied","enforced":true,"id":"01a22a1d-a140-7741-bfda-c0ca15a29283","more":{"type":"ledger.genesis","v":"xfer/1","x":[1.5e+3,-0.25,[],{}]},"salt":"9SUqA_rOuLF7GPBxsvTSKQ","time":"2026-11-30T01:41:54.624352Z","type":"transfer.refused","v":"xfer/1","z":"\u001f"}`,
		`{"hold":{"a":1,"because":"b","by":"c","ref":"d","z":2},"id":"01a22a1d-a140-7741-bfda-c0ca15a29283","salt":"9SUqA_rOuLF7GPBxsvTSKQ","time":"2026-11-30T01:41:54.624352Z","type":"hold.set","v":"xfer/1"}`,
		// By UTF-16 code units what lies beyond the BMP comes before U+FFxx.
		`{"bytes":1,"id":"01a22a1d-a140-7741-bfda-c0ca15a29283","policy":"d","salt":"9SUqA_rOuLF7GPBxsvTSKQ","sha256":"e","time":"2026-11-30T01:41:54.624352Z","type":"policy.snapshot","v":"xfer/1","😂":1,"！":2}`,
		// A type that is not known, and a version that is not.
		`{"id":"01a22a1d-a140-7741-bfda-c0ca15a29283","salt":"9SUqA_rOuLF7GPBxsvTSKQ","time":"2026-11-30T01:41:54.624352Z","type":"gateway.started","v":"xfer/1","why":"\"x\""}`,
		`{"country":["BR"],"id":7,"time":"2026-11-30T01:41:54.624352Z","type":"transfer.accepted","v":"xfer/9"}`,
	} {
		e, err := record.Parse([]byte(text))
		if err != nil {
			t.Errorf("%v in %s", err, text)
			continue
		}
		if got := string(e.Append(nil)); got != text {
			t.Errorf("got  %s\nwant %s", got, text)
		}
		if e.Head().Time.Year() != 2026 {
			t.Errorf("no time in %s", text)
		}
		if _, other := e.(*record.Other); other != (strings.Contains(text, "gateway.started") || strings.Contains(text, "xfer/9")) {
			t.Errorf("%T of %s", e, text)
		}
		why, _ := e.Head().Text("why")
		if _, text := e.Head().Text("country"); text || why != map[string]string{"gateway.started": `"x"`}[e.Head().Type] {
			t.Errorf("unknown members %v", e.Head().Unknown)
		}
	}
}

// What Append takes for not given.
const zeroID, zeroSalt = `00000000-0000-0000-0000-000000000000`, `AAAAAAAAAAAAAAAAAAAAAA`

// Each thing wrong is an error that says what and where.
func TestMalformed(t *testing.T) {
	const good = `{"activity":"support","bytes":1,"categories":["1a"],"decision":"denied","demo":true,"enforced":true,"id":"01a22a1d-a140-7741-bfda-c0ca15a29283",` +
		`"legs":[{"kind":"edge"}],"retain_until":"2031-11-30","salt":"9SUqA_rOuLF7GPBxsvTSKQ","time":"2026-11-30T01:41:54.624352Z","type":"transfer.refused","v":"xfer/1"}`
	if _, err := record.Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ old, new, member, what string }{
		{`"support"`, `""`, "activity", "an empty text"},
		{`"support"`, `null`, "activity", "a text is wanted"},
		{`"support"`, `"a` + "\xff" + `"`, "activity", "not UTF-8"},
		{`"support"`, `"\u0061"`, "activity", "an escape that the form"},
		{`"support"`, `"\/"`, "activity", "an escape that the form"},
		{`"support"`, "\"a\nb\"", "activity", "a control character"},
		{`"bytes":1`, `"bytes":01`, "bytes", "a whole number"},
		{`"bytes":1`, `"bytes":1.0`, "", "',' is wanted"},
		{`"bytes":1`, `"bytes":-1`, "bytes", "a whole number"},
		{`"bytes":1`, `"bytes":9007199254740992`, "bytes", "a whole number"},
		{`["1a"]`, `[]`, "categories", "an empty list"},
		{`["1a"]`, `["1a",2]`, "categories", "a text is wanted"},
		{`"demo":true`, `"demo":false`, "demo", "false, which is left out"},
		{`"enforced":true,`, ``, "", "the member enforced is missing"},
		{`"id":"01a22a1d-a140-7741-bfda-c0ca15a29283",`, ``, "", "the member id is missing"},
		{`01a22a1d`, `01A22a1d`, "id", "a UUID"},
		{`-a140`, `a140-`, "id", "a UUID"},
		{`"legs":[`, `"legs":[[`, "legs", ""},
		{`2031-11-30`, `2031-11-31`, "retain_until", "a day is wanted"},
		{`SKQ"`, `SKR"`, "salt", "16 bytes"},
		{`01a22a1d-a140-7741-bfda-c0ca15a29283`, zeroID, "id", "a UUID"}, // Append makes up one that is zero,
		{`9SUqA_rOuLF7GPBxsvTSKQ`, zeroSalt, "salt", "16 bytes"},         // so that other bytes would be written
		{`54.624352Z`, `54,624352Z`, "time", "a time in UTC"},
		{`54.624352Z`, `54.62435Z`, "time", "a time in UTC"},
		{`T01`, `T25`, "time", "a time in UTC"},
		{`{"activity"`, `{ "activity"`, "", "a text is wanted"},
		{`"activity":"support"`, `"b":1,"activity":"support"`, "", "not in the order"},
		{`"demo":true`, `"demo":true,"demo":true`, "", "not in the order"},
		{`"xfer/1"}`, `"xfer/1"} `, "", ""},
		{`"xfer/1"}`, `"xfer/1"`, "", ""},
		{`,"v":"xfer/1"`, ``, "", "missing"},
	}
	for _, test := range tests {
		text := strings.Replace(good, test.old, test.new, 1)
		_, err := record.Parse([]byte(text))
		bad := new(record.Error)
		if !errors.As(err, &bad) || bad.Member != test.member || !strings.Contains(bad.What, test.what) || bad.Offset > len(text) {
			t.Errorf("%s for %s: %v", test.new, test.old, err)
		}
	}
	for _, text := range []string{"", "{}", "[]", "entry 1", `{"n":1}`, good + good, strings.Repeat("[", 1<<16), `{"a":` + strings.Repeat("[", 1<<16)} {
		if _, err := record.Parse([]byte(text)); err == nil {
			t.Errorf("%.40q is read", text)
		}
	}
	if err := new(record.Genesis).Parse([]byte(good)); err == nil {
		t.Error("a denial is read as a genesis")
	}
}

// The message names the place and nothing of the entry's content.
func TestErrorSaysWhere(t *testing.T) {
	_, err := record.ParseLegs([]byte(`[{"kind":"edge","laws":[{"law":"br"},{"law":"sg","missing":false}]}]`))
	if want := "the entry is malformed at byte 59, in its member laws.missing: false, which is left out"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Whatever is taken is written again byte for byte, so there is one way to write
// an entry.
func FuzzParse(f *testing.F) {
	for i, line := range golden(f) {
		if i%17 == 0 || i > 146 {
			f.Add(line)
		}
	}
	f.Add([]byte(`{"a":null,"id":"01a22a1d-a140-7741-bfda-c0ca15a29283","salt":"9SUqA_rOuLF7GPBxsvTSKQ","time":"2026-11-30T01:41:54.624352Z","type":"x","v":"xfer/1","z":"\u001f"}`))
	f.Add([]byte(`{"type":"x","v":"xfer/3"}`))
	f.Add([]byte(`{"bytes":1,"id":"` + zeroID + `","policy":"d","salt":"9SUqA_rOuLF7GPBxsvTSKQ","sha256":"e","time":"2026-11-30T01:41:54.624352Z","type":"policy.snapshot","v":"xfer/1"}`))
	f.Add([]byte(`{"bytes":1,"id":"01a22a1d-a140-7741-bfda-c0ca15a29283","policy":"d","salt":"` + zeroSalt + `","sha256":"e","time":"2026-11-30T01:41:54.624352Z","type":"policy.snapshot","v":"xfer/1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := record.Parse(data)
		if err != nil {
			bad := new(record.Error)
			if !errors.As(err, &bad) || bad.Offset > len(data) {
				t.Fatalf("%v", err)
			}
			return
		}
		if got := e.Append(nil); !bytes.Equal(got, data) {
			t.Fatalf("got  %s\nwant %s", got, data)
		}
		if kind := record.TypeOf(data); kind != e.Head().Type {
			t.Fatalf("type %q, and TypeOf says %q of %s", e.Head().Type, kind, data)
		}
		if r, ok := e.(*record.Transfer); ok {
			if legs, err := record.ParseLegs(r.Legs); err == nil && len(legs) > 0 && !bytes.Equal(record.AppendLegs(nil, legs), r.Legs) {
				t.Fatalf("other legs: %s", r.Legs)
			}
			if w, err := record.ParseShadow(r.Shadow); err == nil && len(r.Shadow) > 0 && !bytes.Equal(w.Append(nil), r.Shadow) {
				t.Fatalf("another shadow: %s", r.Shadow)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	line := usual(b)
	r := new(record.Transfer)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	r := new(record.Transfer)
	if err := r.Parse(usual(b)); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		r.ID, r.Salt = [16]byte{}, [16]byte{} // made up anew, as for every record
		buf = r.Append(buf[:0])
	}
}

func BenchmarkIsOf(b *testing.B) {
	line := usual(b)
	b.ReportAllocs()
	for b.Loop() {
		if record.IsOf(line, record.TypePolicy, record.TypeClosed, record.TypeDeleted) {
			b.Fatal("another type")
		}
	}
}

func BenchmarkTypeOf(b *testing.B) {
	line := usual(b)
	b.ReportAllocs()
	for b.Loop() {
		if record.TypeOf(line) != record.TypeAccepted {
			b.Fatal("another type")
		}
	}
}
