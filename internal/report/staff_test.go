package report_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

// written is a ledger of these records, a minute apart from 3 October 2026 on, which the
// shipped policy decided.
func written(t *testing.T, records ...record.Transfer) ledger.Dir {
	t.Helper()
	registers, err := config.DefaultRegisters()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 10, 3, 12, 0, 0, 0, time.UTC)
	folder := filepath.Join(t.TempDir(), "ledger")
	l := ledger.New(folder, ledger.Options{Node: "gw-1", Now: func() time.Time { return at }})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	if err := l.Snapshot(registers.Policy.Digest, registers.Archive()); err != nil {
		t.Fatal(err)
	}
	for i := range records {
		r := &records[i]
		at = at.Add(time.Minute)
		r.Time, r.Node, r.Policy = at, "gw-1", registers.Policy.Digest
		if _, err := l.Append(r.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return ledger.At(folder)
}

// Who of whose staff read what follows from the entries, counted here by other means.
func TestStaff(t *testing.T) {
	var records []record.Transfer
	for i := range 60 {
		r := record.Transfer{
			Header: record.Header{Type: record.TypeAccepted}, Controller: "sparkoo-br", Country: []string{"BR", "CL"}[i%2], Activity: []string{"support", "security"}[i%3%2],
			Requester: []string{record.Self, "huawei-cloud-cn@CN", "sparkoo-sg@SG"}[i%3], Ticket: []string{"T-1", "T-2", ""}[i/3%3], Subject: fmt.Sprint("h1:x:", i%5), Decision: record.Allowed,
		}
		if r.Requester != record.Self {
			r.Staff = fmt.Sprint("h1:x:staff", i%4)
		}
		if i%7 == 0 {
			r.Type, r.Decision, r.Reason = record.TypeRefused, record.Denied, "minor"
		}
		records = append(records, r)
	}
	dir := written(t, records...)
	want, members := make(map[string]uint64), make(map[string]map[string]bool)
	denied, bare := uint64(0), uint64(0)
	for e, err := range dir.Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		var p struct{ Type, Requester, Ticket, Staff, Activity string }
		if err := json.Unmarshal(e.Data, &p); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(p.Requester, "@") {
			continue
		}
		if p.Type == record.TypeRefused {
			denied++
		} else if p.Ticket == "" {
			bare++
		}
		want[p.Requester+" "+p.Ticket+" "+p.Activity+" "+p.Staff]++
		if members[p.Requester] == nil {
			members[p.Requester] = make(map[string]bool)
		}
		members[p.Requester][p.Staff] = true
	}
	r, err := report.StaffOf(context.Background(), report.Of(dir), period(t, "2026-10-01", "2026-10-31"), later)
	if err != nil {
		t.Fatal(err)
	}
	got, sum := make(map[string]uint64), uint64(0)
	for _, p := range r.Places {
		who := p.Entity.ID + "@" + p.Country.ID
		if p.Members != uint64(len(members[who])) {
			t.Errorf("%s: %d members, want %d", who, p.Members, len(members[who]))
		}
		for _, a := range p.Accesses {
			got[who+" "+a.Ticket+" "+a.Activity.ID+" "+a.Member] += a.Records
			sum += a.Records
		}
	}
	if !maps.Equal(got, want) || r.Denials != denied || r.NoTicket != bare || r.Accesses+r.Denials != sum || denied == 0 || bare == 0 {
		t.Errorf("got %v %d %d\nwant %v %d %d", got, r.Denials, r.NoTicket, want, denied, bare)
	}
	var text, page, sheet strings.Builder
	for _, err := range []error{r.Text(&text), r.HTML(&page), r.CSV(&sheet)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(sheet.String())).ReadAll()
	if err != nil || len(rows) < 5 {
		t.Fatal(rows, err)
	}
	for form, all := range map[string]string{"text": text.String(), "page": page.String(), "CSV": sheet.String()} {
		if !strings.Contains(all, "Huawei Cloud Computing Technologies Co., Ltd.") || !strings.Contains(all, "T-2") || !strings.Contains(all, "China (CN)") {
			t.Errorf("%s: %s", form, all)
		}
	}
}

// What people are told is held against what happened: who is not listed, what was stored
// elsewhere, what had no safeguard; and nothing of what is as it should be.
func TestNotice(t *testing.T) {
	way := func(legs ...record.Leg) record.Transfer {
		return record.Transfer{Header: record.Header{Type: record.TypeAccepted}, Statement: "2023-11-21", Decision: record.Allowed, Legs: record.AppendLegs(nil, legs)}
	}
	store := record.Leg{Kind: "storage", Exporter: "sparkoo-br", From: "BR", Recipient: "sparkoo-sg", To: "SG", Laws: []record.Verdict{{Law: "sg", Because: "inside-territory"}}}
	collection := record.Leg{Kind: "collection", Recipient: "sparkoo-br", To: "BR"}
	elsewhere, stranger, bare := store, store, store
	elsewhere.To = "US"
	stranger.Kind, stranger.Recipient = "serving", "somebody-else"
	bare.Kind, bare.Laws = "serving", []record.Verdict{{Law: "br", Missing: true}}
	example := store
	example.Kind, example.Laws = "serving", []record.Verdict{{Law: "br", Safeguard: "br-lgpd-art33-iib-scc", Row: "br-group"}}
	for what, test := range map[string]struct {
		records []record.Transfer
		want    []string
	}{
		"as it should be": {[]record.Transfer{way(collection, store, store), way(store)}, nil},
		"stored elsewhere": {[]record.Transfer{way(elsewhere), way(store, elsewhere)}, []string{
			"2 Data was stored in United States (US), and people are told that it is stored in Singapore (§9)",
			"2 Sparkoo Technologies Singapore Pte. Ltd. received data in United States (US), which the registers do not list",
		}},
		"a stranger":   {[]record.Transfer{way(stranger)}, []string{"1 somebody-else received data in Singapore (SG), which the registers do not list"}},
		"no safeguard": {[]record.Transfer{way(bare)}, []string{"1 Data went to Sparkoo Technologies Singapore Pte. Ltd. in Singapore (SG) without a safeguard that law br asks for"}},
		"an example":   {[]record.Transfer{way(example)}, []string{"1 Data went to Sparkoo Technologies Singapore Pte. Ltd. in Singapore (SG) under br-lgpd-art33-iib-scc, whose instrument is an example or not confirmed by counsel"}},
	} {
		r, err := report.NoticeOf(context.Background(), report.Of(written(t, test.records...)), period(t, "2026-10-01", "2026-10-31"), later)
		if err != nil {
			t.Fatal(err)
		}
		if what == "as it should be" && (len(r.Countries) != 1 || r.Countries[0].Records != 2) {
			t.Errorf("two records that brought data to one place: %+v", r.Countries)
		}
		var got []string
		for _, d := range r.Differences {
			got = append(got, fmt.Sprint(d.Records, " ", d.What))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", what, got, test.want)
		}
		var text, page, sheet strings.Builder
		for _, err := range []error{r.Text(&text), r.HTML(&page), r.CSV(&sheet)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, d := range r.Differences {
			for form, all := range map[string]string{"text": text.String(), "page": page.String(), "CSV": sheet.String()} {
				if !strings.Contains(all, d.What) {
					t.Errorf("%s does not say: %s", form, d.What)
				}
			}
		}
	}
}

// Who received data where is what the entries say, counted here by other means.
func TestNoticeOfALedger(t *testing.T) {
	dir := old(t)
	want := make(map[string]uint64)
	for _, e := range plainEntries(t, dir) {
		if e.Type != record.TypeAccepted {
			continue
		}
		once := make(map[string]bool) // a record may bring data somewhere in two steps
		for _, l := range e.Legs {
			if l.Kind != "collection" {
				once[l.Recipient+" "+l.To] = true
			}
		}
		for place := range once {
			want[place]++
		}
	}
	r, err := report.NoticeOf(context.Background(), report.Of(dir), period(t, "2026-11-30", "2026-11-30"), later)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]uint64)
	for _, c := range r.Countries {
		got[c.Recipient.ID+" "+c.Country.ID] = c.Records
	}
	if !maps.Equal(got, want) || len(want) < 3 || len(r.Statements) != 1 || r.Statements[0].Title == "" {
		t.Errorf("got %v, want %v; %+v", got, want, r.Statements)
	}
}
