package report_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
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

func personOf(t *testing.T, dir ledger.Dir, ask report.PersonRequest) *report.Person {
	t.Helper()
	r, err := report.PersonOf(context.Background(), report.Of(dir), ask, later)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The recipients of a person are those of the entries with their pseudonym, counted here
// by other means.
func TestPerson(t *testing.T) {
	dir := old(t)
	entries := plainEntries(t, dir)
	subjects := make(map[string]bool)
	for _, e := range entries {
		if e.Subject != "" {
			subjects[e.Subject] = true
		}
	}
	if len(subjects) < 4 {
		t.Fatalf("%d people", len(subjects))
	}
	for subject := range subjects {
		want := make(map[string]uint64)
		moved, denied := uint64(0), uint64(0)
		for _, e := range entries {
			switch {
			case e.Subject != subject:
			case e.Type == record.TypeRefused:
				denied++
			case e.Type == record.TypeAccepted:
				moved++
				once := make(map[string]bool)
				for _, l := range e.Legs {
					once[l.Recipient+" "+l.RecipientKind+" in "+l.To] = true
				}
				for key := range once {
					want[key]++
				}
			}
		}
		r := personOf(t, dir, report.PersonRequest{Subjects: []string{subject, "h1:none:none"}})
		got := make(map[string]uint64)
		for _, f := range r.Recipients {
			got[f.Recipient.ID+" "+f.Kind.ID+" in "+f.Country.ID] = f.Records
			if f.Recipient.Name == "" || f.First.IsZero() || len(f.Categories) == 0 || len(f.Purposes) == 0 {
				t.Errorf("%+v", f)
			}
		}
		if !maps.Equal(got, want) || r.Transfers != moved || r.Denials != denied || uint64(len(r.Entries)) != moved+denied {
			t.Errorf("%s: got %v, %d, %d\nwant %v, %d, %d", subject, got, r.Transfers, r.Denials, want, moved, denied)
		}
	}
	if r := personOf(t, dir, report.PersonRequest{Subjects: []string{"h1:none:none"}}); r.Records != 0 || len(r.Recipients) != 0 {
		t.Errorf("nobody has %d records", r.Records)
	}
	if r := personOf(t, dir, report.PersonRequest{}); r.Records != 0 || len(r.Entries) != 0 {
		t.Errorf("without a pseudonym there are %d records, which are everybody's", r.Records)
	}
}

// people is a ledger with a person's transfers: one that was sent and one that was not, a
// look by somebody, and a key that is destroyed.
func people(t *testing.T) (dir ledger.Dir, subject string) {
	t.Helper()
	registers, err := config.DefaultRegisters()
	if err != nil {
		t.Fatal(err)
	}
	return peopleUnder(t, registers)
}

// peopleUnder has them decided by those registers.
func peopleUnder(t *testing.T, registers *config.Registers) (dir ledger.Dir, subject string) {
	t.Helper()
	at := time.Date(2026, 10, 3, 12, 0, 0, 0, time.UTC)
	folder := filepath.Join(t.TempDir(), "ledger")
	l := ledger.New(folder, ledger.Options{Node: "gw-1", Now: func() time.Time { return at }})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	gone := l.Keys()[0].Period
	if _, err := l.RotateKey(); err != nil {
		t.Fatal(err)
	}
	if err := l.DestroyKey(gone); err != nil {
		t.Fatal(err)
	}
	if err := l.Snapshot(registers.Policy.Digest, registers.Archive()); err != nil {
		t.Fatal(err)
	}
	subject = l.Subject("acct-17", "", at)
	legs := func(recipient, to string) []byte {
		return record.AppendLegs(nil, []record.Leg{
			{Kind: "collection", From: "BR", Recipient: "sparkoo-br", To: "BR", Laws: []record.Verdict{{Law: "br", Because: "direct-collection"}}},
			{Kind: "serving", Exporter: "sparkoo-br", From: "BR", Recipient: recipient, RecipientKind: "9-operator", To: to, Laws: []record.Verdict{{Law: "br", Safeguard: "br-lgpd-art33-iib-scc"}, {Law: "sg", Because: "inside-territory"}}},
		})
	}
	transfer := record.Transfer{
		Header: record.Header{Type: record.TypeAccepted, Node: "gw-1", Time: at}, Controller: "sparkoo-br", Country: "BR", Activity: "serving", Policy: registers.Policy.Digest,
		Subject: subject, Requester: record.Self, Decision: record.Allowed, Categories: []string{"1a"}, Purposes: []string{"2a"}, Legs: legs("sparkoo-sg", "SG"),
	}
	if _, err := l.Append(transfer.Append(nil)); err != nil {
		t.Fatal(err)
	}
	transfer.ID, transfer.Salt, transfer.Legs, transfer.Requester = [16]byte{}, [16]byte{}, legs("sparkoo-cl", "CL"), "huawei-cloud-cn@CN"
	unsent, err := l.Append(transfer.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	end := record.Outcomes{Header: record.Header{Node: "gw-1", Time: at}, Outcomes: []record.Outcome{{Record: unsent, State: record.NotSent}}}
	look := report.Look{What: record.LookPerson, Because: "a <b>request</b>", Reference: "DSR-1", Subject: subject}
	if err := look.Check(); err != nil {
		t.Fatal(err)
	}
	for _, entry := range [][]byte{end.Append(nil), look.Entry("gw-1", at)} {
		if _, err := l.Append(entry); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return ledger.At(folder), subject
}

// Who was only meant to get data got none; who looked is told; what nobody can know any
// more is said.
func TestPersonIsHonest(t *testing.T) {
	dir, subject := people(t)
	r := personOf(t, dir, report.PersonRequest{Subjects: []string{subject}, Reason: "=1+1", Reference: "DSR-2"})
	var got []string
	for _, f := range r.Recipients {
		got = append(got, fmt.Sprint(f.Recipient.ID, " ", f.Country.ID, " ", f.Records))
	}
	if want := []string{"sparkoo-br BR 2", "sparkoo-sg SG 1"}; !slices.Equal(got, want) {
		t.Errorf("recipients %q, want %q", got, want)
	}
	if len(r.Looks) != 1 || r.Looks[0].Reference != "DSR-1" || len(r.Entries) != 2 || r.Entries[0].Outcome != record.NotSent ||
		r.Entries[0].By != "staff of Huawei Cloud Computing Technologies Co., Ltd. in China (CN)" || r.Entries[1].By != "the person" {
		t.Errorf("%+v %+v", r.Looks, r.Entries)
	}
	if !strings.Contains(strings.Join(r.NotRuledOut, "\n"), "was destroyed") {
		t.Error(r.NotRuledOut)
	}
	var text, page, sheet strings.Builder
	for _, err := range []error{r.Text(&text), r.HTML(&page), r.CSV(&sheet)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(sheet.String())).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	for form, all := range map[string]string{"text": text.String(), "page": page.String(), "CSV": sheet.String()} {
		if strings.Contains(all, "h1:") || form == "page" && strings.Contains(all, "<b>request") || !strings.Contains(all, "Sparkoo Technologies Singapore Pte. Ltd.") {
			t.Errorf("%s: %s", form, all)
		}
	}
}

// The days are those of a calendar: §7 gives 30, the law of Brazil 15 and no more.
//
//clause:tests §7.1 §7.2 introduction.1
func TestPersonAnswer(t *testing.T) {
	dir, subject := people(t)
	r := personOf(t, dir, report.PersonRequest{Subjects: []string{subject}, Received: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)})
	a := r.Answer
	if a.By != "2026-12-15" || a.BySays != "br" || a.Limit != "" || a.Notice != "" || len(a.Laws) != 3 {
		t.Errorf("%+v", a)
	}
	r = personOf(t, dir, report.PersonRequest{Subjects: []string{"h1:none:none"}, Received: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)})
	// 30 days after 31 January are 2 March; a month is the end of February; two months after 2 March are 2 May.
	if a = r.Answer; a.By != "2027-03-02" || a.BySays != "§7" || a.Notice != "2027-02-28" || a.Limit != "2027-05-02" {
		t.Errorf("%+v", a)
	}
}

// shippedBut are the shipped registers but for one file, changed.
func shippedBut(t *testing.T, name string, change func(text string) string) *config.Registers {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "policy")
	if err := config.Export(dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(change(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	registers, err := config.LoadRegisters(os.DirFS(dir), "policy")
	if err != nil {
		t.Fatal(err)
	}
	return registers
}

// withClocksOf are the shipped registers but for one law's times.
func withClocksOf(t *testing.T, law, instead string) *config.Registers {
	t.Helper()
	return shippedBut(t, "laws.yaml", func(text string) string {
		laws, clocks, _ := strings.Cut(text, "\nclocks:\n")
		rows := strings.Split(clocks, "\n\n")
		i := slices.IndexFunc(rows, func(row string) bool { return strings.HasPrefix(row, "  - law: "+law+"\n") })
		rows[i] = "  - law: " + law + "\n" + instead
		return laws + "\nclocks:\n" + strings.Join(rows, "\n\n")
	})
}

// Whoever answers for people can be reached: each contact that the operator set stands in
// what people, authorities and auditors are handed.
//
//clause:tests §11.4
func TestControllersCanBeReached(t *testing.T) {
	const dpo, portal, email = "https://example.com/dpo", "https://example.com/rights", "privacy@example.com"
	dir, subject := peopleUnder(t, shippedBut(t, "controllers.yaml", func(text string) string {
		return strings.Replace(text, "  - id: sparkoo-br\n", "  - id: sparkoo-br\n    dpo: "+dpo+"\n    rights_portal: "+portal+"\n    email: "+email+"\n", 1)
	}))
	var person, registerText, registerPage strings.Builder
	r := personOf(t, dir, report.PersonRequest{Subjects: []string{subject}})
	register := registerOf(t, dir, "2026-10-01", "2026-10-31")
	for _, err := range []error{r.HTML(&person), register.CSV(&registerText), register.HTML(&registerPage)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for form, text := range map[string]string{"a person's answer": person.String(), "the register as a table": registerText.String(), "the register as a page": registerPage.String()} {
		for _, contact := range []string{dpo, portal, email} {
			if !strings.Contains(text, contact) {
				t.Errorf("%s lacks %s:\n%s", form, contact, text)
			}
		}
	}
}

// A law that wants an answer without delay names no day: none is made up for it, the
// day of the others stands, and both are said. So is what is not certain.
func TestPersonAnswerWithoutDelay(t *testing.T) {
	dir, subject := peopleUnder(t, withClocksOf(t, "br", `    rights: {answer: without delay, source: a book, doubt: which day}`))
	r := personOf(t, dir, report.PersonRequest{Subjects: []string{subject}, Received: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)})
	if a := r.Answer; a.By != "2026-12-30" || a.BySays != "§7" || a.Laws[1].Says != "without delay" || a.Laws[1].By != "" || a.Laws[1].Doubt != "which day" || a.Laws[1].Confirmed {
		t.Errorf("%+v", a)
	}
	var page strings.Builder
	if err := r.HTML(&page); err != nil || !strings.Contains(page.String(), "not certain: which day") {
		t.Errorf("%v: %s", err, page.String())
	}
	if all := strings.Join(r.NotRuledOut, "\n"); !strings.Contains(all, "Law br wants the person answered without delay, and names no day: the day here may be too late for it.") {
		t.Error(all)
	}
}

// Records of a policy that is older than clocks are have those of the program, which is
// said.
func TestPersonAnswerByAnOldPolicy(t *testing.T) {
	dir := old(t)
	subject := ""
	for _, e := range plainEntries(t, dir) {
		if e.Subject != "" && e.Controller == "sparkoo-br" {
			subject = e.Subject
		}
	}
	r := personOf(t, dir, report.PersonRequest{Subjects: []string{subject}, Received: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)})
	if a := r.Answer; a.By != "2026-12-15" || a.BySays != "br" || !strings.Contains(strings.Join(r.NotRuledOut, "\n"), "came with this program") {
		t.Errorf("%+v %q", a, r.NotRuledOut)
	}
}

// What could name a person is not recorded, and not repeated.
func TestLookCheck(t *testing.T) {
	good := report.Look{What: record.LookPerson, Because: "access request", Reference: "DSR-2026/17", Office: "dpo", Subject: "h1:2026-11-2b55:5QxZEaC2FRglENhKYG8f6A", Query: "at:2026-10"}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*report.Look){
		"no reason": func(l *report.Look) { l.Because = " " }, "a long reason": func(l *report.Look) { l.Because = strings.Repeat("secret", 50) },
		"no reference": func(l *report.Look) { l.Reference = "" }, "a name": func(l *report.Look) { l.Reference = "secret name" }, "an office of two words": func(l *report.Look) { l.Office = "secret name" },
		"an account": func(l *report.Look) { l.Subject = "secret-17" }, "another kind": func(l *report.Look) { l.What = "secret" }, "a control character": func(l *report.Look) { l.Because = "secret\x1b[31m" },
		"a long query": func(l *report.Look) { l.Query = strings.Repeat("secret", 1000) },
	} {
		bad := good
		change(&bad)
		if err := bad.Check(); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", what, err)
		}
	}
	export := report.Look{What: record.LookExport, Query: "at:2026-10", Form: "csv"}
	if err := export.Check(); err != nil {
		t.Errorf("an export needs no reason: %v", err)
	}
}
