package console_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// visits are the ways in which whoever reviews may stand before the console: under a
// prefix and without scripts, or at the top with them.
var visits = []struct {
	name, at string // {port} stands for the port
	scripts  bool
}{
	{"prefix, no scripts", "http://localhost:{port}/compliance/", false},
	{"top", "http://root.localhost:{port}/", true},
}

// made are the visits that are made: the first alone by whoever waits for it.
func made() int {
	if testsupport.Full() {
		return len(visits)
	}
	return 1
}

// The jobs of whoever reviews are done with the keyboard alone; those that are reports
// are among the five questions.
func TestJobsByKeyboard(t *testing.T) {
	port := start(t, site)
	for _, visit := range visits[:made()] {
		t.Run(visit.name, func(t *testing.T) {
			b := browse(t, strings.Replace(visit.at, "{port}", port, 1), "oscar", visit.scripts)
			b.findsWhatIsWrong()
			b.findsWhatLeft()
			b.exports()
			b.findsTheProof()
			b.signsOff()
			b.calm()
		})
	}
}

// findsWhatIsWrong goes from what is wrong to the denials of a reason.
func (b *tab) findsWhatIsWrong() {
	b.open("", "<h1>Exceptions</h1>")
	b.follow(`a[href*="reason%3Acountry_unknown"]`, "reason:country_unknown</span>")
}

// findsWhatLeft goes from the overview to the records of a flow.
func (b *tab) findsWhatLeft() {
	b.menu("overview", "<h1>Overview</h1>")
	b.follow(`th a.cell`, "<h1>Transfers</h1>")
}

// exports filters, freezes and takes a file away, which has the rows that the page counted
// and of which an entry tells.
func (b *tab) exports() {
	b.menu("transfers", "<h1>Transfers</h1>")
	b.write(`#q`, "country:BR")
	b.press(kb.Enter)
	b.see("country:BR</span>")
	counted := regexp.MustCompile(`<strong>([0-9]+) records?</strong>`).FindStringSubmatch(b.html())
	b.follow(`a[href*="frozen="].button`, "frozen at default:")
	b.follow(`a[href^="export"]`, "<h1>Export</h1>")
	folder := b.t.TempDir()
	if _, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder,
	}); err != nil {
		b.t.Fatal(err)
	}
	b.write(`#reason`, "case 2026-17")
	b.reach(`button[value="csv"]`)
	b.press(kb.Enter)
	rows, err := csv.NewReader(strings.NewReader(b.downloaded(folder, "*.csv"))).ReadAll()
	if counted == nil || err != nil || fmt.Sprint(len(rows)-1) != counted[1] {
		b.t.Errorf("the file has %d rows, %v, and the page counted %v", len(rows)-1, err, counted)
	}
	b.open("transfers?q=type%3Aledger.look&columns=ledger.look.because", "case 2026-17")
}

// downloaded waits for a file, and reads it.
func (b *tab) downloaded(folder, pattern string) string {
	b.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(folder, pattern)) // it has another name until it is whole
		if err != nil {
			b.t.Fatal(err)
		}
		if len(files) > 0 {
			data, err := os.ReadFile(files[0])
			if err != nil {
				b.t.Fatal(err)
			}
			return string(data)
		}
	}
	b.t.Fatal("gave up waiting for the file")
	return ""
}

// findsTheProof sees that a record is genuine.
func (b *tab) findsTheProof() {
	b.open("transfers", "<h1>Transfers</h1>")
	b.follow(`table.rows th[scope="row"] a`, "<h2>Proven</h2>")
}

// signsOff sees which safeguards are due.
func (b *tab) signsOff() {
	b.menu("safeguards", "<h1>Safeguards</h1>")
	if !b.has(".status.soon") && !b.has(".status.bad") && !b.has(".status.idle") {
		b.t.Error("no safeguard has a status that asks for a look")
	}
}

// The five questions that authorities, people and auditors ask are answered with the
// keyboard alone, and on paper.
func TestQuestionsByKeyboard(t *testing.T) {
	port, folder := startOver(t, site, fill)
	for _, visit := range visits[:made()] {
		t.Run(visit.name, func(t *testing.T) {
			b := browse(t, strings.Replace(visit.at, "{port}", port, 1), "oscar", visit.scripts)
			b.open("", "<h1>Exceptions</h1>")
			b.asksForTheRegister(folder)
			b.asksAboutAPerson(folder)
			b.asksForTheAssessment(folder)
			b.asksAboutAnIncident()
			b.asksWhetherAllIsThere()
			b.calm()
		})
	}
}

// fields fills in a form, field by field in their order, and sends it.
func (b *tab) fields(form string, pairs ...string) {
	b.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		b.write(form+" "+pairs[i], pairs[i+1])
	}
	b.press(kb.Enter)
}

// period is the days that the tests' records are of, and one more at each end.
func period() (from, to string) {
	now := time.Now().UTC()
	return now.AddDate(0, 0, -3).Format(time.DateOnly), now.AddDate(0, 0, 1).Format(time.DateOnly)
}

// a) What did you process and transfer?
func (b *tab) asksForTheRegister(folder string) {
	b.t.Helper()
	from, to := period()
	b.open("reports", "<h1>Reports</h1>")
	b.fields(`form[aria-labelledby="register"]`, "input[name=from]", from, "input[name=to]", to)
	b.see("<h1>Register of processing and transfers")
	passed, denied := 0, 0
	for _, e := range entries(b.t, folder) {
		switch record.TypeOf(e.Data) {
		case record.TypeAccepted:
			passed++
		case record.TypeRefused:
			denied++
		}
	}
	b.paper(fmt.Sprintf("%d transfers and %d denials have records", passed, denied), "Sparkoo Technologies Do Brasil Ltda.", "br-lgpd-art33")
}

// b) Who received my data, where, under which safeguard?
func (b *tab) asksAboutAPerson(folder string) {
	b.t.Helper()
	const account = "acct-1"
	b.open("", "<h1>Exceptions</h1>")
	b.menu("person", "<h1>Person</h1>")
	b.fields("form.stack", "#account", account, "#because", "access request", "#reference", "DSR-2026-17", "#received", "2026-11-30")
	b.see("<h1>Who received the person's data")
	subjects, err := ledger.At(folder).Subjects(nil, account, "")
	if err != nil {
		b.t.Fatal(err)
	}
	passed := 0
	for _, e := range entries(b.t, folder) {
		for _, s := range subjects {
			if record.TypeOf(e.Data) == record.TypeAccepted && strings.Contains(string(e.Data), `"`+s+`"`) {
				passed++
			}
		}
	}
	b.paper("Request DSR-2026-17: access request.", fmt.Sprintf(" %d transfers and ", passed), "Sparkoo Technologies Singapore Pte. Ltd., Singapore (SG)", "answer by 2026-12-", "tells of this look")
	if strings.Contains(b.html(), account) {
		b.t.Error("the answer names the account")
	}
}

// c) Which assessment stood behind this flow?
func (b *tab) asksForTheAssessment(folder string) {
	b.t.Helper()
	id := ""
	for _, e := range entries(b.t, folder) {
		if m := regexp.MustCompile(`"assessment":"([^"]+)"`).FindSubmatch(e.Data); m != nil {
			id = string(m[1])
		}
	}
	policy, err := config.Default()
	if err != nil {
		b.t.Fatal(err)
	}
	author := ""
	for i := range policy.Assessments {
		if policy.Assessments[i].ID == id {
			author = policy.Assessments[i].Author
		}
	}
	if author == "" {
		b.t.Fatalf("the ledger leans on no assessment that the policy has: %q", id)
	}
	b.open("transfers", "<h1>Transfers</h1>")
	b.write("#q", "assessment:"+id)
	b.press(kb.Enter)
	b.see("assessment:" + id + "</span>")
	b.write("#columns", "time,country,recipient,safeguard,assessment")
	b.press(kb.Enter)
	b.see(`data-name="assessment">`)
	b.paper(id)
	b.follow(`table.rows th[scope="row"] a`, "The way of the data")
	b.paper("Assessment " + id)
	b.follow(`a[href$="#assessment-`+id+`"]`, "<h2>Assessments</h2>")
	if !b.has("tr:target") {
		b.t.Errorf("the page does not show where %s is", id)
	}
	b.paper(id, author)
}

// d) Who is affected by what happened there, and by when must whom be told?
func (b *tab) asksAboutAnIncident() {
	b.t.Helper()
	from, to := period()
	b.open("", "<h1>Exceptions</h1>")
	b.menu("reports", "<h1>Reports</h1>")
	b.fields(`form[aria-labelledby="incident"]`, "input[name=from]", from, "input[name=to]", to, "input[name=recipient]", "sparkoo-sg", "input[name=aware]", "2026-11-30")
	b.see("<h1>Who is affected by an incident")
	// Resolution CD/ANPD 15/2024, Art 6 and 9: three business days, from a Monday.
	b.paper("Whom to tell, and by when", "ANPD", "3 business days after", "2026-12-03", "Brazil (BR)")
}

// e) Was anything removed?
func (b *tab) asksWhetherAllIsThere() {
	b.t.Helper()
	b.open("", "<h1>Exceptions</h1>")
	b.menu("reports", "<h1>Reports</h1>")
	b.follow(`a[href*="kind=completeness"]`, "none missing")
	b.paper("complete? Yes", "of epoch 1:", "none missing, anchored by the checkpoint of", "Signed: ____")
}

// entries are those of a ledger's default class.
func entries(t *testing.T, folder string) (all []ledger.Entry) {
	t.Helper()
	for e, err := range ledger.At(folder).Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		e.Data = slices.Clone(e.Data)
		all = append(all, e)
	}
	return all
}

// paper prints the page, and looks for texts on what was printed.
func (b *tab) paper(wants ...string) {
	b.t.Helper()
	file, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize()))
	if err != nil {
		b.t.Fatal(err)
	}
	text := testsupport.PDFText(b.t, file)
	for _, want := range wants {
		if !strings.Contains(text, strings.ReplaceAll(want, " ", "")) {
			b.t.Errorf("the paper lacks %q:\n%s", want, text)
		}
	}
}
