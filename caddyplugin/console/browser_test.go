package console_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// patience is how long a browser may take for anything: it only ends what hangs.
const patience = 3 * time.Minute

// browser is a tab of a real browser that looks at the console.
type browser struct {
	t      *testing.T
	ctx    context.Context
	prefix string // of the console's addresses

	mu       sync.Mutex
	asked    []string // addresses that were asked for
	troubles []string // what the browser complained of
}

// browse starts a browser in which somebody is signed in. Without scripts none run in
// pages.
func browse(t *testing.T, prefix, user string, scripts bool) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(testsupport.Chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	b := &browser{t: t, ctx: ctx, prefix: prefix}
	if err := chromedp.Do(ctx); err != nil { // the browser ends with the context that starts it
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	if user != "" {
		auth, err := json.Marshal("Basic " + base64.StdEncoding.EncodeToString([]byte(user+":secret")))
		if err != nil {
			t.Fatal(err)
		}
		call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: map[string]any{"Authorization": json.RawMessage(auth)}})
	}
	if !scripts {
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	return b
}

// hear takes what happens in the browser.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *log.EventEntryAdded:
		if !strings.Contains(e.Entry.Text, "status of 4") { // an answer that a test asks for
			b.troubles = append(b.troubles, e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		b.troubles = append(b.troubles, e.ExceptionDetails.Text)
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// open goes to a page, and waits for a text in it.
func (b *browser) open(path, want string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.prefix + path))
	b.see(want)
}

// html is the page as the browser has it. A page that is just being replaced has none.
func (b *browser) html() string {
	root, err := chromedp.Call(b.ctx, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return ""
	}
	text, err := chromedp.Call(b.ctx, dom.GetOuterHTML, dom.GetOuterHTMLParams{NodeID: root.Root.NodeID})
	if err != nil {
		return ""
	}
	return text.OuterHTML
}

// see waits until the page has a text.
func (b *browser) see(want string) {
	b.t.Helper()
	last := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if last = b.html(); strings.Contains(last, want) {
			return
		}
	}
	b.t.Fatalf("gave up waiting for %q in\n%s", want, last)
}

// has reports whether the page has what a selector names.
func (b *browser) has(selector string) bool {
	root, err := chromedp.Call(b.ctx, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return false
	}
	found, err := chromedp.Call(b.ctx, dom.QuerySelector, dom.QuerySelectorParams{NodeID: root.Root.NodeID, Selector: selector})
	return err == nil && found.NodeID != 0
}

// tab presses the tabulator until what a selector names has the focus.
func (b *browser) tab(selector string) {
	b.t.Helper()
	for range 300 {
		b.do(chromedp.KeyEvent(kb.Tab))
		if b.has(selector + ":focus") {
			return
		}
	}
	b.t.Fatalf("the keyboard does not reach %s in\n%s", selector, b.html())
}

// enter presses a key where the focus is.
func (b *browser) press(keys string) { b.t.Helper(); b.do(chromedp.KeyEvent(keys)) }

// calm tells of whatever the browser complained of, and of requests to elsewhere.
func (b *browser) calm() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.troubles {
		b.t.Errorf("the browser says: %s", text)
	}
	for _, address := range b.asked {
		if !strings.HasPrefix(address, b.prefix[:strings.LastIndexByte(strings.TrimSuffix(b.prefix, "/"), '/')+1]) { // the origin
			b.t.Errorf("%s was asked for", address)
		}
	}
}

// The six jobs of whoever reviews are done with the keyboard alone, without scripts, and
// under a prefix.
func TestJobsByKeyboard(t *testing.T) {
	b := browse(t, "http://localhost:"+start(t, site)+"/compliance/", "oscar", false)

	// Is anything wrong? The denials of a reason.
	b.open("", "<h1>Exceptions</h1>")
	b.tab(`a[href*="reason%3Acountry_unknown"]`)
	b.press(kb.Enter)
	b.see("reason:country_unknown</span>")

	// What left, from where, to whom?
	b.tab(`nav a[href="overview"]`)
	b.press(kb.Enter)
	b.see("<h1>Overview</h1>")
	b.tab(`th a.cell`)
	b.press(kb.Enter)
	b.see("<h1>Transfers</h1>")

	// The records for a question: filter, freeze, export.
	b.open("transfers", "<h1>Transfers</h1>")
	b.tab(`#q`)
	b.press("country:BR")
	b.press(kb.Enter)
	b.see("country:BR</span>")
	b.tab(`a[href*="frozen="].button`)
	b.press(kb.Enter)
	b.see("frozen at default:")
	b.tab(`a[href^="export"]`)
	b.press(kb.Enter)
	b.see("<h1>Export</h1>")
	b.tab(`#reason`)
	b.press("case 2026-17")
	b.tab(`button[value="csv"]`)

	// This record is genuine.
	b.open("transfers", "<h1>Transfers</h1>")
	b.tab(`table.rows th[scope="row"] a`)
	b.press(kb.Enter)
	b.see("<h2>Proven</h2>")

	// Which safeguards are due.
	b.tab(`nav a[href="safeguards"]`)
	b.press(kb.Enter)
	b.see("<h1>Safeguards</h1>")

	// Nothing is missing in a month.
	b.tab(`nav a[href="reports"]`)
	b.press(kb.Enter)
	b.see("<h1>Reports</h1>")
	b.tab(`a[href*="kind=completeness"]`)
	b.press(kb.Enter)
	b.see("none missing")
	b.calm()
}

// axe-core finds nothing wrong with any page by WCAG 2.2 AA, light, dark and 320 pixels
// wide, nothing is wider than the screen, and a page prints.
func TestAccessible(t *testing.T) {
	axe := testsupport.Axe(t)
	port := start(t, site)
	record := someRecord(t, port)
	b := browse(t, "http://localhost:"+port+"/compliance/", "oscar", true)
	for _, look := range []struct {
		name   string
		width  int64
		scheme string
	}{{"light", 1280, "light"}, {"dark", 1280, "dark"}, {"narrow", 320, "light"}} {
		b.do(chromedp.EmulateViewport(look.width, 900))
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}})
		for path, want := range map[string]string{
			"": "<h1>Exceptions</h1>", "overview": "<h1>Overview</h1>", "transfers": "<h1>Transfers</h1>", "transfers?q=country%3ABR": "country:BR</span>", "transfers?q=contry": "<mark>",
			"record": "Find a record</h1>", record: "<article", "safeguards": "<h1>Safeguards</h1>", "policy": "<h1>Policy</h1>", "reports": "<h1>Reports</h1>",
			"export": "<h1>Export</h1>", "person": "<h1>Person</h1>", "nothing": "There is no such page",
		} {
			if look.name != "light" && !strings.Contains(telling, want) {
				continue
			}
			b.open(path, want)
			b.do(discard(chromedp.Evaluate[bool](axe + ";true")))
			found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(r =>
				r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target + ": " + n.failureSummary)))`, chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range found {
				t.Errorf("%s, %q: %s", look.name, path, text)
			}
			wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
			if err != nil || wide > look.width {
				t.Errorf("%s, %q: the page is %d pixels wide, %v", look.name, path, wide, err)
			}
		}
	}
	b.calm()
	if printed, err := chromedp.Run(b.ctx, chromedp.PrintToPDF()); err != nil || !strings.HasPrefix(string(printed), "%PDF") {
		t.Errorf("printing: %d bytes, %v", len(printed), err)
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

// telling are the pages that have colours and widths which others have not.
const telling = "<h1>Exceptions</h1> <h1>Overview</h1> country:BR</span> <mark> <article <h1>Reports</h1> <h1>Safeguards</h1>"

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
	b.tab("button")
	b.press(kb.Enter)
	b.see("Another site sent this order")
}
