package report_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

// write writes a ledger over two months, an epoch each, and a class kept apart.
func write(t *testing.T) ledger.Dir {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "ledger")
	for _, class := range []string{record.DefaultClass, "support"} {
		at := time.Date(2026, 9, 29, 12, 0, 0, 0, time.UTC)
		l := ledger.New(ledger.At(folder).Of(class).Path, ledger.Options{Node: "gw-1", SegmentEntries: 16, Now: func() time.Time { return at }})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if class == "support" && i == 6 {
				break
			}
			at = at.Add(8 * time.Hour)
			e := &record.Transfer{Header: record.Header{Type: record.TypeAccepted, Node: "gw-1", Time: at}, Decision: record.Allowed}
			if i%3 == 2 {
				e.Type, e.Decision = record.TypeRefused, record.Denied
			}
			if _, err := l.Append(e.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return ledger.At(folder)
}

// of is a report of a period.
func of(t *testing.T, dir ledger.Dir, from, to string, o report.Options) *report.Completeness {
	t.Helper()
	p, err := report.ParsePeriod(from, to)
	if err != nil {
		t.Fatal(err)
	}
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	}
	c, err := report.CompletenessOf(context.Background(), dir, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The sentence names what the folder's own entries are, counted here by other means.
func TestCompleteness(t *testing.T) {
	dir := write(t)
	c := of(t, dir, "2026-10-01", "2026-10-31", report.Options{})
	if !c.Complete || len(c.Classes) != 2 || c.Period != "October 2026" {
		t.Fatalf("%+v", c)
	}
	for i, d := range []ledger.Dir{dir, dir.Of("support")} {
		var ids []record.ID
		moved, denied := uint64(0), uint64(0)
		for e, err := range d.Entries(record.ID{}) {
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(e.Data), `"time":"2026-10-`) {
				continue
			}
			ids = append(ids, e.ID)
			switch record.TypeOf(e.Data) {
			case record.TypeAccepted:
				moved++
			case record.TypeRefused:
				denied++
			}
		}
		prefix := "gw-1#"
		if i == 1 {
			prefix = "gw-1/support#"
		}
		class := c.Classes[i]
		if len(ids) == 0 {
			if class.First != "" || class.Sentence != "The ledger has no entry of October 2026." {
				t.Errorf("%+v", class)
			}
			continue
		}
		first, last := prefix+ids[0].String(), prefix+ids[len(ids)-1].String()
		begins := fmt.Sprintf("October 2026 is entries %s to %s of epoch", first, last)
		if class.First != first || class.Last != last || class.Transfers != moved || class.Denials != denied || !strings.HasPrefix(class.Sentence, begins) ||
			!strings.Contains(class.Sentence, "none missing, anchored by the checkpoints of transfergate/gw-1/") {
			t.Errorf("%+v, want %s to %s, %d and %d", class, first, last, moved, denied)
		}
	}
}

// What is not known is said: a period that is not over, keys that nobody gave, the end
// of a ledger that was cut off.
func TestCompletenessIsHonest(t *testing.T) {
	dir := write(t)
	c := of(t, dir, "2026-10-01", "2026-10-31", report.Options{Now: time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)})
	said := strings.Join(c.Classes[0].NotRuledOut, "\n")
	for _, want := range []string{"The period is not over", "No key was given"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
	view, err := dir.View(0)
	if err != nil {
		t.Fatal(err)
	}
	c = of(t, dir, "2026-10-01", "2026-10-31", report.Options{Keys: []string{view.VerifierKey()}})
	if said := strings.Join(c.Classes[0].NotRuledOut, "\n"); strings.Contains(said, "No key was given") || strings.Contains(said, "not over") {
		t.Errorf("said without need: %s", said)
	}
	early := of(t, dir, "2026-01-01", "2026-01-31", report.Options{})
	if got := early.Classes[0].Sentence; got != "The ledger has no entry of January 2026; it begins on 2026-09-29." {
		t.Error(got)
	}
}

// A changed byte anywhere is no month that can be signed; nor is one whose epoch is gone.
func TestCompletenessOfDamage(t *testing.T) {
	dir := write(t)
	files, err := filepath.Glob(filepath.Join(dir.Path, "epoch-*", "seg", "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	bad := slices.Clone(data)
	bad[200] ^= 1
	if err := os.WriteFile(files[0], bad, 0o600); err != nil {
		t.Fatal(err)
	}
	c := of(t, dir, "2026-10-01", "2026-10-31", report.Options{})
	if c.Complete || c.Classes[0].Complete || c.Classes[0].Damage == "" || !c.Classes[1].Complete || !strings.HasPrefix(c.Classes[0].Sentence, "Nothing can be signed about October 2026") {
		t.Errorf("%+v", c)
	}
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir.Path, "epoch-000001")); err != nil {
		t.Fatal(err)
	}
	if c := of(t, dir, "2026-10-01", "2026-10-31", report.Options{}); c.Complete {
		t.Errorf("an epoch is gone: %+v", c)
	}
}

// All forms say the same.
func TestCompletenessForms(t *testing.T) {
	c := of(t, write(t), "2026-10-01", "2026-10-02", report.Options{})
	c.Classes[0].NotRuledOut = append(c.Classes[0].NotRuledOut, "<script>alert(1)</script>")
	var text, page, table strings.Builder
	for _, err := range []error{c.Text(&text), c.HTML(&page), c.CSV(&table)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(table.String())).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	for _, class := range c.Classes {
		for form, all := range map[string]string{"text": text.String(), "CSV": table.String(), "HTML": page.String()} {
			if !strings.Contains(all, class.Sentence) {
				t.Errorf("%s does not say: %s\n%s", form, class.Sentence, all)
			}
		}
	}
	if got := page.String(); strings.Contains(got, "<script") || strings.Contains(got, "http") || !strings.Contains(got, "complete? Yes") {
		t.Error(got)
	}
}

func TestPeriod(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"2026-10-01", "2026-10-31"}: "October 2026", {"2026-10-01", "2026-10-30"}: "2026-10-01 to 2026-10-30",
		{"2026-10-05", "2026-10-05"}: "2026-10-05", {"2026-01-01", "2026-12-31"}: "2026-01-01 to 2026-12-31",
	} {
		p, err := report.ParsePeriod(in[0], in[1])
		if err != nil || p.String() != want {
			t.Errorf("%v is %s, %v", in, p, err)
		}
	}
	for _, in := range [][2]string{{"2026-10", "2026-11"}, {"2026-10-02", "2026-10-01"}, {"", "2026-10-01"}} {
		if p, err := report.ParsePeriod(in[0], in[1]); err == nil {
			t.Errorf("%v is %s", in, p)
		}
	}
}
