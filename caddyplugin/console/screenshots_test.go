package console_test

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sparkoo/transfergate/internal/console/consoletest"
)

// screenshots is where pictures of all pages are put, to be looked at before a change of
// their design is committed; those of deploy are two of them.
var screenshots = flag.String("screenshots", "", "put pictures of all pages into this `folder`, for somebody to look at")

// Every page is pictured, as long as it is, at the widths of a screen and of a telephone, light and dark.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("without -screenshots FOLDER no pictures are made")
	}
	port, _ := startOver(t, site+around, func(folder string) error { return consoletest.Fill(folder, 4000, 20*time.Minute, time.Now()) })
	b := browse(t, "http://localhost:"+port+"/compliance/", "oscar", true)
	telling, rest := everyPage(someRecord(t, port))
	b.open("", "<h1>Exceptions</h1>")
	for _, look := range []look{{"light", 1280, "light"}, {"dark", 1280, "dark"}, {"narrow", 390, "light"}, {"narrow-dark", 390, "dark"}} {
		b.wear(look)
		for _, p := range append(telling, rest...) {
			b.openUntil(p.path, p.want)
			b.picture(nameOf(p.path)+"-"+look.name, look)
		}
	}
}

// nameOf is the file's name for a page.
func nameOf(path string) string {
	text, err := url.QueryUnescape(path)
	if err != nil {
		text = path
	}
	switch {
	case strings.HasPrefix(text, "record?"):
		text = "record"
	case text == "record":
		text = "find"
	}
	text, _, _ = strings.Cut(text, "&from=")
	if name := strings.Trim(regexp.MustCompile(`[^a-z]+`).ReplaceAllString(text, "-"), "-"); name != "" {
		return name
	}
	return "exceptions"
}

// picture pictures the page, as long as it is.
func (b *tab) picture(name string, l look) {
	b.t.Helper()
	high, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(l.width, min(max(high, 900), 8000)))
	data, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, "console-"+name+".png"), data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.wear(l)
}
