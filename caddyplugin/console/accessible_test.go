package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

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
	b.reach("button")
	b.press(kb.Enter)
	b.see("Another site sent this order")
}
