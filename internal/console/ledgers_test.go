package console_test

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/console"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query/scan"
)

// beside is a console over the tests' ledger, with a copy beside it in which one byte is
// altered.
func beside(t *testing.T) *console.Console {
	t.Helper()
	folder, err := filled()
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	alterRecord(t, copied)
	dir := ledger.At(copied)
	c := over(t, folder)
	options := c.Options
	options.Others = []*console.Ledger{{Name: "copy", Node: "gw-br-1", Dir: dir, Source: scan.Of(dir)}}
	return console.New(options)
}

// alterRecord makes a record of a ledger say another country than it did.
func alterRecord(t *testing.T, folder string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(folder, "epoch-*", "seg", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range logs {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if altered := bytes.Replace(data, []byte(`"country":"BR"`), []byte(`"country":"AR"`), 1); !bytes.Equal(altered, data) {
			if err := os.WriteFile(file, altered, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no record to alter")
}

// Each ledger has the same pages under its name, and what is of the gateway alone is not
// among them.
func TestLedgersBesideEachOther(t *testing.T) {
	c := beside(t)
	for address, want := range map[string]string{
		"":                          `<a href="of/copy/"`,
		"overview":                  `<a href="of/copy/overview"`,
		"policy":                    `<a href="of/copy/"`,
		"of/copy/":                  `<a href="../../"`,
		"of/copy/overview":          `<a href="../../overview"`,
		"of/copy/transfers":         `<span class="node">gw-br-1</span>`,
		"of/copy/record?n=gw-1%232": "<h1>Find a record</h1>",
	} {
		w := get(c, address, console.Officer)
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q lacks %s:\n%s", address, want, w.Body)
		}
		if strings.HasPrefix(address, "of/") == strings.Contains(w.Body.String(), `<a href="person"`) {
			t.Errorf("%q has, or has not, the page of persons", address)
		}
	}
	for address, status := range map[string]int{
		"of/copy": 308, "of/copy/person": 404, "of/copy/policy": 404, "of/elsewhere/": 404, "of/": 404, "of/copy/nothing": 404,
		"of/copy/transfers": 200, "of/copy/reports": 200,
	} {
		if w := get(c, address, console.Officer); w.Code != status {
			t.Errorf("%q answers %d, not %d", address, w.Code, status)
		}
	}
	if w := get(c, "of/copy/transfers", console.Nobody); w.Code != 403 || strings.Contains(w.Body.String(), "of/copy") {
		t.Errorf("nobody gets %d:\n%s", w.Code, w.Body)
	}
	if w := get(c, "of/copy", console.Viewer); w.Header().Get("Location") != "copy/" {
		t.Errorf("without its slash it leads to %q", w.Header().Get("Location"))
	}
	looks = nil
	post(c, "of/copy/export", console.Reviewer, url.Values{"q": {"outcome:denied"}, "reason": {"case 7"}, "format": {"csv"}})
	if len(looks) != 1 || looks[0].Query != "of the ledger copy: outcome:denied" {
		t.Errorf("the export's entry says %+v", looks)
	}
}

// The exceptions say what the verifier found in each ledger, and how long ago.
func TestVerifiedInTheBackground(t *testing.T) {
	c := beside(t)
	if first := get(c, "", console.Viewer).Body.String(); !strings.Contains(first, "Being verified") && !strings.Contains(first, "Verified just now") {
		t.Errorf("at first it says\n%s", first)
	}
	c.Settle()
	own, copied := get(c, "", console.Viewer).Body.String(), get(c, "of/copy/", console.Viewer).Body.String()
	for _, want := range []string{"Verified just now", "none altered and none missing", `Something is wrong with the ledger <a href="of/copy/">copy</a>`, `<span class="status bad">copy</span>`, `<span class="status good">gw-sg-1</span>`} {
		if !strings.Contains(own, want) {
			t.Errorf("the exceptions lack %q:\n%s", want, own)
		}
	}
	for _, want := range []string{"Verified just now, and found wrong", "ledger damaged at ", "One entry of the ledger cannot be read."} {
		if !strings.Contains(copied, want) {
			t.Errorf("the copy's exceptions lack %q:\n%s", want, copied)
		}
	}
}
