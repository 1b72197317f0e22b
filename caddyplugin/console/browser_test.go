package console_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
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

// tab is a tab of a real browser that looks at the console.
type tab struct {
	t      *testing.T
	ctx    context.Context
	prefix string // of the console's addresses

	mu       sync.Mutex
	asked    []string // addresses that were asked for
	troubles []string // what the browser complained of
}

// browse starts a browser in which somebody is signed in. Without scripts none run in
// pages.
func browse(t *testing.T, prefix, user string, scripts bool) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(testsupport.Chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	b := &tab{t: t, ctx: ctx, prefix: prefix}
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
func (b *tab) hear(event any) {
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

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
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
func (b *tab) open(path, want string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.prefix + path))
	b.see(want)
}

// html is the page as the browser has it. A page that is just being replaced has none.
func (b *tab) html() string {
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
func (b *tab) see(want string) {
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
func (b *tab) has(selector string) bool {
	root, err := chromedp.Call(b.ctx, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return false
	}
	found, err := chromedp.Call(b.ctx, dom.QuerySelector, dom.QuerySelectorParams{NodeID: root.Root.NodeID, Selector: selector})
	return err == nil && found.NodeID != 0
}

// reach presses the tabulator until what a selector names has the focus.
func (b *tab) reach(selector string) {
	b.t.Helper()
	for range 300 {
		b.do(chromedp.KeyEvent(kb.Tab))
		if b.has(selector + ":focus") {
			return
		}
	}
	b.t.Fatalf("the keyboard does not reach %s in\n%s", selector, b.html())
}

// follow goes with the keyboard to what a selector names, presses Enter, and waits for a
// text.
func (b *tab) follow(selector, want string) {
	b.t.Helper()
	b.reach(selector)
	b.press(kb.Enter)
	b.see(want)
}

// menu goes to a page by the menu.
func (b *tab) menu(page, want string) {
	b.t.Helper()
	b.follow(`nav a[href="`+page+`"]`, want)
}

// write goes to a field, whose text is selected then, and writes another.
func (b *tab) write(selector, text string) {
	b.t.Helper()
	b.reach(selector)
	b.press(text)
}

// press a key where the focus is.
func (b *tab) press(keys string) { b.t.Helper(); b.do(chromedp.KeyEvent(keys)) }

// calm tells of whatever the browser complained of, and of requests to elsewhere.
func (b *tab) calm() {
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
