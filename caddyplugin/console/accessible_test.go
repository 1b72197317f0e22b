package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sparkoo/transfergate/internal/console"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// around is a site beside that of the console to which its page for newcomers sends
// requests.
const around = `http://127.0.0.1:{port} {
	bind 127.0.0.1
	transfer {
		activity serving
		region ap-southeast-3 http://127.0.0.1:9
	}
}
`

// page is an address of the console, and a text that is there.
type page struct{ path, want string }

// everyPage are addresses of all pages, in such states as look differently; those of some
// pages have other colours or widths than the rest.
func everyPage(record string) (telling, rest []page) {
	from, to := period()
	stretch := "&from=" + from + "&to=" + to
	telling = []page{
		{"", "<h1>Exceptions</h1>"},
		{"of/copy/", "and found wrong"}, // verified meanwhile
		{"overview", "<h1>Overview</h1>"},
		{"transfers?q=country%3ABR", "country:BR</span>"},
		{"transfers?q=contry", "<mark>"},
		{record, "<article"},
		{"safeguards", "<h2>Assessments</h2>"},
		{"policy", "<h1>Policy</h1>"},
		{"reports", "<h1>Reports</h1>"},
		{"report?kind=register" + stretch, "<h1>Register of processing"},
		{"report?kind=incident&recipient=sparkoo-sg&aware=2026-11-30" + stretch, "<h1>Who is affected"},
		{"coverage", "<h1>What holds each clause</h1>"},
		{"start", "<h1>What this gateway does</h1>"},
	}
	rest = []page{
		{"transfers", "<h1>Transfers</h1>"},
		{"of/copy/transfers", "<h1>Transfers</h1>"},
		{"record", "Find a record</h1>"},
		{"export", "<h1>Export</h1>"},
		{"person", "<h1>Person</h1>"},
		{"keys", "<h1>What can be asked</h1>"},
		{"report?kind=completeness" + stretch, "none missing"},
		{"report?kind=notice" + stretch, "<h1>What people are told"},
		{"report?kind=staff" + stretch, "<h1>Access by staff"},
		{"nothing", "There is no such page"},
	}
	return telling, rest
}

// axe-core finds nothing wrong with any page by WCAG 2.2 AA, light, dark and 320 pixels
// wide, and nothing is wider than the screen. No page asks for anything from elsewhere or
// has what its own policy forbids. All pages there are, are tried.
func TestAccessible(t *testing.T) {
	axe := testsupport.Axe(t)
	port := start(t, site+around)
	b := browse(t, "http://localhost:"+port+"/compliance/", "oscar", true)
	telling, rest := everyPage(someRecord(t, port))
	visited := make(map[string]bool)
	for _, p := range append(slices.Clone(telling), rest...) {
		path, _, _ := strings.Cut(p.path, "?")
		visited[path] = true
	}
	for _, path := range console.Paths() {
		if !visited[path] {
			t.Errorf("the page %q is not tried", path)
		}
	}
	b.open("", "<h1>Exceptions</h1>") // which begins to verify
	for _, look := range looks {
		b.wear(look)
		all := telling
		if look.name == "light" || testsupport.Full() {
			all = append(slices.Clone(telling), rest...)
		}
		for _, p := range all {
			b.openUntil(p.path, p.want)
			b.fit(axe, look, p.path)
		}
		b.open("person", "<h1>Person</h1>")
		b.fields("form.stack", "#account", "acct-1", "#because", "access request", "#reference", "DSR-1")
		b.see("<h1>Who received the person's data")
		b.fit(axe, look, "a person's report")
	}
	b.calm()
}

// look is what a page is looked at on.
type look struct {
	name   string
	width  int64
	scheme string
}

var looks = []look{{"light", 1280, "light"}, {"dark", 1280, "dark"}, {"narrow", 320, "light"}}

// wear changes the look.
func (b *tab) wear(l look) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(l.width, 900))
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}})
}

// openUntil opens a page again and again until it has a text.
func (b *tab) openUntil(path, want string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if b.open(path, "</html>"); strings.Contains(b.html(), want) {
			return
		}
	}
	b.t.Fatalf("gave up waiting for %q at %q in\n%s", want, path, b.html())
}

// fit checks the page that is open.
func (b *tab) fit(axe string, l look, name string) {
	b.t.Helper()
	b.do(discard(chromedp.Evaluate[bool](axe + ";true")))
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(r =>
		r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target + ": " + n.failureSummary)))`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, text := range found {
		b.t.Errorf("%s, %q: %s", l.name, name, text)
	}
	wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
	if err != nil || wide > l.width {
		b.t.Errorf("%s, %q: the page is %d pixels wide, %v", l.name, name, wide, err)
	}
}

// someRecord is the address of the newest record's page.
func someRecord(t *testing.T, port string) string {
	t.Helper()
	_, _, list := ask(t, http.MethodGet, port, "/compliance/transfers", "oscar", "localhost")
	found := regexp.MustCompile(`href="(record\?n=[^"]+)"`).FindStringSubmatch(list)
	if found == nil {
		t.Fatalf("no record in\n%s", list)
	}
	return found[1]
}

// discard leaves out what an action returns.
func discard[T any](a chromedp.Action[T]) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := a(ctx, t)
		return chromedp.Void{}, err
	}
}

// A form on another site's page, sent by somebody who is signed in, orders nothing.
func TestForgedByAPage(t *testing.T) {
	port := start(t, site)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>x</title><form method="post" action="http://localhost:%s/compliance/export"><input name="reason" value="case 7"><input name="format" value="csv"><button>Win</button></form>`, port)
	}))
	t.Cleanup(elsewhere.Close)
	b := browse(t, elsewhere.URL+"/", "oscar", false)
	b.open("", "Win")
	b.reach("button")
	b.press(kb.Enter)
	b.see("Another site sent this order")
}
