package report_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

// old is a copy of the ledger that an earlier version wrote.
func old(t *testing.T) ledger.Dir {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("tar", "-xzf", "../ledger/testdata/ledger-xfer1/ledger.tar.gz", "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return ledger.At(filepath.Join(dir, "ledger"))
}

func period(t *testing.T, from, to string) report.Period {
	t.Helper()
	p, err := report.ParsePeriod(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var later = time.Date(2027, 1, 5, 8, 0, 0, 0, time.UTC)

func registerOf(t *testing.T, dir ledger.Dir, from, to string) *report.Register {
	t.Helper()
	r, err := report.RegisterOf(context.Background(), report.Of(dir), period(t, from, to), later)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// plain is what of an entry is counted, as encoding/json reads it.
type plain struct {
	Type, Controller, Activity, Subject, Reason, Policy string
	Region, Country                                     string
	Categories                                          []string
	Legs                                                []plainLeg
}

// plainEntries are all entries of a ledger.
func plainEntries(t *testing.T, dir ledger.Dir) (all []plain) {
	t.Helper()
	for e, err := range dir.Entries(record.ID{}) {
		var p plain
		if err == nil {
			err = json.Unmarshal(e.Data, &p)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// The register's figures are those of the entries, counted here by other means, and its
// names are those of the statement.
//
//clause:tests §11.4
func TestRegister(t *testing.T) {
	dir := old(t)
	r := registerOf(t, dir, "2026-11-30", "2026-11-30")
	want, people := make(map[string]uint64), make(map[string]map[string]bool)
	moved, denied := uint64(0), uint64(0)
	for _, e := range plainEntries(t, dir) {
		if e.Type != record.TypeAccepted && e.Type != record.TypeRefused {
			continue
		}
		if people[e.Controller] == nil {
			people[e.Controller] = make(map[string]bool)
		}
		people[e.Controller][e.Subject] = true
		if e.Type == record.TypeRefused {
			denied++
			want[fmt.Sprintf("%s denied %s %s", e.Controller, e.Activity, e.Reason)]++
			continue
		}
		moved++
		want[e.Controller+" "+e.Activity]++
		for _, l := range e.Legs {
			want[fmt.Sprintf("%s %s %s to %s in %s", e.Controller, e.Activity, l.Kind, l.Recipient, l.To)]++
		}
	}
	got := make(map[string]uint64)
	for _, c := range r.Controllers {
		delete(people[c.ID], "")
		if c.People != uint64(len(people[c.ID])) {
			t.Errorf("%s has %d people, want %d", c.ID, c.People, len(people[c.ID]))
		}
		for _, p := range c.Activities {
			got[c.ID+" "+p.Activity.ID] += p.Seen.Records
			for _, f := range p.Flows {
				got[fmt.Sprintf("%s %s %s to %s in %s", c.ID, p.Activity.ID, f.Step, f.Recipient.ID, f.To.ID)] += f.Seen.Records
			}
		}
		for _, f := range c.Refusals {
			got[fmt.Sprintf("%s denied %s %s", c.ID, f.Activity.ID, f.Reason.ID)] += f.Records
		}
	}
	if !maps.Equal(got, want) || r.Transfers != moved || r.Denials != denied || moved == 0 || denied == 0 {
		t.Errorf("got %d, %d, %v\nwant %d, %d, %v", r.Transfers, r.Denials, got, moved, denied, want)
	}
	br := r.Controllers[slices.IndexFunc(r.Controllers, func(c *report.ControllerRegister) bool { return c.ID == "sparkoo-br" })]
	if br.Name != "Sparkoo Technologies Do Brasil Ltda." || !strings.Contains(br.Address, "Edifício EZ Towers") || !slices.Equal(br.Missing, []string{"dpo", "rights_portal", "email"}) {
		t.Errorf("%+v", br.Controller)
	}
	if len(r.NotRuledOut) != 0 || len(r.Checkpoints) != 1 || r.Checkpoints[0].Size != 146 || len(r.Policies) != 1 || len(r.Unreadable) != 0 {
		t.Errorf("%+v", r.Head)
	}
}

// A safeguard stands there with what an authority asks for: instrument, module,
// assessment and evidence, as the registers of that day have it.
func TestRegisterSafeguards(t *testing.T) {
	r := registerOf(t, old(t), "2026-11-30", "2026-11-30")
	found := 0
	for _, c := range r.Controllers {
		for _, p := range c.Activities {
			for _, f := range p.Flows {
				for _, l := range f.Laws {
					switch s := l.Safeguard; {
					case c.ID != "sparkoo-br" || f.Step != "onward" || l.Law.ID != "br" || s == nil:
					case s.Tag.ID != "br-lgpd-art33-iib-scc" || s.Instrument != "Support agreement, annex Brazil (ANPD standard clauses)" || s.Row == "" || !s.Example ||
						s.Assessment.ID != "TIA-BR-CN" || s.Tag.Name == "" || f.Recipient.Name != "Huawei Cloud Computing Technologies Co., Ltd." || f.To.Name != "China (CN)":
						t.Errorf("%+v %+v", f, s)
					default:
						found++
					}
				}
			}
		}
	}
	if found == 0 {
		t.Error("support from China has no safeguard")
	}
}

// Days outside the period do not count, and a period without entries is an empty register.
func TestRegisterOfAnotherPeriod(t *testing.T) {
	r := registerOf(t, old(t), "2026-10-01", "2026-10-31")
	if r.Records != 0 || len(r.Controllers) != 0 || r.Transfers != 0 {
		t.Errorf("%+v", r)
	}
	dir := write(t)
	r = registerOf(t, dir, "2026-10-01", "2026-10-01")
	want := uint64(0)
	for _, d := range []ledger.Dir{dir, dir.Of("support")} {
		for e, err := range d.Entries(record.ID{}) {
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(e.Data), `"time":"2026-10-01T`) && strings.Contains(string(e.Data), `"type":"transfer.`) {
				want++
			}
		}
	}
	if r.Records != want || r.Transfers+r.Denials != want || want == 0 {
		t.Errorf("%d records of all classes, want %d", r.Records, want)
	}
}

// What is not known is said: a policy that is not kept, an entry that cannot be read.
func TestRegisterIsHonest(t *testing.T) {
	dir := old(t)
	l := report.Of(dir)
	l.Policy = func(string, string) ([]byte, error) { return nil, os.ErrNotExist }
	r, err := report.RegisterOf(context.Background(), l, period(t, "2026-11-30", "2026-11-30"), time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(r.NotRuledOut, "\n")
	if !strings.Contains(said, "The policy b76f0d81985e cannot be read") || !strings.Contains(said, "The period is not over") {
		t.Error(said)
	}
	files, err := filepath.Glob(filepath.Join(dir.Path, "epoch-*", "seg", "*.log"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := registerOf(t, dir, "2026-11-30", "2026-11-30"); len(r.Unreadable) == 0 {
		t.Error("a byte was changed, and nothing is said")
	}
}

// All forms hold together, whatever somebody else chose as a name.
func TestRegisterForms(t *testing.T) {
	const hostile = `=HYPERLINK("http://x","<script>alert(1)</script>")`
	folder := filepath.Join(t.TempDir(), "ledger")
	at := time.Date(2026, 10, 3, 12, 0, 0, 0, time.UTC)
	l := ledger.New(folder, ledger.Options{Node: "gw-1", Now: func() time.Time { return at }})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*record.Transfer{
		{
			Header: record.Header{Type: record.TypeAccepted, Node: "gw-1", Time: at}, Controller: "unlisted", ControllerName: hostile, Activity: "serving",
			Legs: record.AppendLegs(nil, []record.Leg{{Kind: "serving", Recipient: "+1", To: "SG", Laws: []record.Verdict{{Law: "br", Safeguard: "tag", Instrument: "@x"}, {Law: "sg", Because: "inside-territory"}}}}),
		},
		{Header: record.Header{Type: record.TypeRefused, Node: "gw-1", Time: at}, Controller: "unlisted", ControllerName: hostile, Activity: "-1", Reason: "minor"},
	} {
		if _, err := l.Append(e.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r := registerOf(t, ledger.At(folder), "2026-10-01", "2026-10-31")
	var text, page, sheet strings.Builder
	for _, err := range []error{r.Text(&text), r.HTML(&page), r.CSV(&sheet)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(sheet.String())).ReadAll() // it refuses rows of other lengths
	if err != nil || len(rows) != 4 {
		t.Fatal(len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
				t.Errorf("a spreadsheet takes '%s' for a formula", cell)
			}
		}
	}
	named := func(row []string) string {
		return row[slices.Index(rows[0], "controller_name")] + " " + row[slices.Index(rows[0], "law")] + row[slices.Index(rows[0], "reason")] + " " + row[slices.Index(rows[0], "records")]
	}
	got := []string{named(rows[1]), named(rows[2]), named(rows[3])}
	if want := []string{"'" + hostile + " br 1", "'" + hostile + " sg 1", "'" + hostile + " minor 1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := page.String(); strings.Contains(got, "<script") || !strings.Contains(got, "&lt;script&gt;") || strings.Contains(got, `href="http`) {
		t.Error(got)
	}
	if got := text.String(); !strings.Contains(got, hostile) || !strings.Contains(got, "1 denial: -1, minor") {
		t.Error(got)
	}
}

// to reports whether somebody got the data in a step.
func (p plain) to(recipient string) bool {
	return slices.ContainsFunc(p.Legs, func(l plainLeg) bool { return l.Recipient == recipient })
}

type plainLeg struct {
	Kind, Recipient, To string
	Laws                []struct{ Law string }
	RecipientKind       string `json:"recipient_kind"`
}
