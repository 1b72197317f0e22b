package gateway_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/decision"
)

// browser is what browsers send in Accept when a person opens a page.
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

// A denial is a page for who prefers one over JSON (RFC 9110 section 12.5.1), and JSON
// for everybody else. Either says that it depends on Accept.
func TestDenialsForBrowsers(t *testing.T) {
	up := newUpstream(t, "up", nil)
	g := startGate(t, site, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "sg": up.addr, "br": up.addr, "cn": up.addr,
	})
	for accept, page := range map[string]bool{
		browser:                          true,
		"text/html":                      true,
		"text/*, application/json;q=0.5": true,
		"TEXT/HTML;q=0.3, */*;q=0.2":     true,
		"text/html;charset=utf-8, application/problem+json;q=0": true,
		"":                                    false,
		"*/*":                                 false,
		"application/json":                    false,
		"text/html, application/json":         false, // as much: JSON
		"text/html;q=0, */*":                  false,
		"text/html;q=0.5, */*":                false,
		"text/html;q=0.9, application/*":      false,
		"text/html, application/problem+json": false,
		"text/html;q=x":                       false,
		"text/html;q=2":                       false,
		"text/plain, ;;,text/":                false,
		"*/*;q=1, text/html;q=0.1":            false,
		"text/html;level=1, */*;q=0.5":        false, // ours has no level
	} {
		fields := []string{"Registered-Country", "BR"}
		if accept != "" {
			fields = append(fields, "Accept", accept)
		}
		a := g.get("/v1/support/training/7", fields...)
		if a.StatusCode != http.StatusForbidden || !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Accept") {
			t.Errorf("Accept: %s: status %d, Vary %q", accept, a.StatusCode, a.Header.Values("Vary"))
		}
		got := a.Header.Get("Content-Type")
		if want := map[bool]string{true: "text/html; charset=utf-8", false: "application/problem+json"}[page]; got != want {
			t.Errorf("Accept: %s: %s, want %s", accept, got, want)
		}
	}
	a := g.get("/v1/support/training/7", "Registered-Country", "BR", "Accept", browser)
	number := a.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "style-src 'sha256-", "frame-ancestors 'none'", "form-action 'none'"} {
		if !strings.Contains(number, part) {
			t.Errorf("no %s in Content-Security-Policy: %s", part, number)
		}
	}
	for _, part := range []string{`<html lang="en" dir="ltr">`, "This request is not allowed", "no_safeguard", "§9", "gw-sg-1#", `name="viewport"`, "prefers-color-scheme: dark", "A law that applies is not satisfied by any safeguard."} {
		if !strings.Contains(a.Text, part) {
			t.Errorf("no %q in\n%s", part, a.Text)
		}
	}
	for _, part := range []string{"http:", "https:", "<script", "src=", "url(", "@import"} {
		if strings.Contains(a.Text, part) {
			t.Errorf("the page has %q:\n%s", part, a.Text)
		}
	}
	if a := g.do(http.MethodHead, "/v1/support/training/7", "", "Registered-Country", "BR", "Accept", browser); a.Text != "" || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("HEAD: %s, %q", a.Header.Get("Content-Type"), a.Text)
	}
	// Failures and broken credentials are pages too.
	if a := g.get("/x", "Registered-Country", "BR", "Account-Id", "a", "Account-Id", "b", "Accept", browser); a.StatusCode != http.StatusBadRequest || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("a failure: %d %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
}

// A person reads a denial in their language, if the gateway has it, and whoever asks for
// none of its languages in English.
func TestDenialsInTheVisitorsLanguage(t *testing.T) {
	up := newUpstream(t, "up", nil)
	g := startGate(t, site, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "sg": up.addr, "br": up.addr, "cn": up.addr,
	})
	for asked, want := range map[string]string{
		"pt-BR,pt;q=0.9,en;q=0.8": `<html lang="pt" dir="ltr">`,
		"es-419":                  `<html lang="es" dir="ltr">`,
		"de-AT":                   `<html lang="de" dir="ltr">`,
		"fr-CA, en;q=0.1":         `<html lang="fr" dir="ltr">`,
		"tr":                      `<html lang="tr" dir="ltr">`,
		"ar-SA":                   `<html lang="ar" dir="rtl">`,
		"zh-CN":                   `<html lang="zh" dir="ltr">`,
		"id-ID":                   `<html lang="id" dir="ltr">`,
		"th":                      `<html lang="th" dir="ltr">`,
		"fi":                      `<html lang="en" dir="ltr">`,
		"fi, th;q=0.1":            `<html lang="th" dir="ltr">`,
		"*":                       `<html lang="en" dir="ltr">`,
		"de;q=0":                  `<html lang="en" dir="ltr">`,
		strings.Repeat("x-", 500): `<html lang="en" dir="ltr">`,
	} {
		a := g.get("/v1/support/training/7", "Registered-Country", "BR", "Accept", browser, "Accept-Language", asked)
		if a.StatusCode != http.StatusForbidden || !strings.Contains(a.Text, want) {
			t.Errorf("Accept-Language: %s: %d, want %s in\n%s", asked, a.StatusCode, want, a.Text)
		}
		if vary := strings.Join(a.Header.Values("Vary"), ", "); !strings.Contains(vary, "Accept-Language") {
			t.Errorf("Vary: %s", vary)
		}
		if language := a.Header.Get("Content-Language"); !strings.Contains(want, `"`+language+`"`) {
			t.Errorf("Content-Language: %s", language)
		}
	}
}

// No language lacks a text, none has a text twice or another's, and every reason has a
// class whose texts fit its status.
func TestDenialTextsAreComplete(t *testing.T) {
	scripts := map[string]*unicode.RangeTable{"ar": unicode.Arabic, "zh": unicode.Han, "th": unicode.Thai}
	seen := map[string]string{}
	for _, tag := range gateway.DenialLanguages() {
		texts := gateway.DenialTexts(tag)
		if len(texts) != 2*7+4 {
			t.Errorf("%s has %d texts", tag, len(texts))
		}
		for _, text := range texts {
			if text == "" || strings.TrimSpace(text) != text {
				t.Errorf("%s: the text %q", tag, text)
			}
			if other := seen[text]; other != "" && !slices.Contains([]string{"Motivo", "Cláusula de la declaración de privacidad"}, text) {
				t.Errorf("%s and %s both say %q", tag, other, text)
			}
			seen[text] = tag
			if script := scripts[tag]; script != nil && !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(script, r) }) {
				t.Errorf("%s: %q is in another script", tag, text)
			}
		}
	}
	for _, reason := range decision.Reasons() {
		heading := gateway.DenialHeading(reason)
		switch status := reason.Info().Status; {
		case status == 401 && heading != "Please sign in again",
			(status >= 500 || status == 425) && heading != "Not available at the moment",
			(status == 400 || status == 405 || status == 413) && heading != "This request cannot be processed",
			status == 403 && (heading == "Please sign in again" || heading == "Not available at the moment" || heading == "This request cannot be processed"):
			t.Errorf("%s, status %d: %s", reason, status, heading)
		}
	}
}

// A site has pages of its own, in the languages that it has, and nothing of a request
// gets into them unescaped.
func TestDenialPagesOfTheSite(t *testing.T) {
	page := func(name, text string) string { return writeFile(t, name, text) }
	english := page("en.html", `<p lang="{{.Language}}" title={{.Unlock}}>{{.Status}} {{.Reason}} {{.Clause}} {{.Record}} {{.Title}}</p>`)
	portuguese := page("pt.html", `<p>Não é permitido: {{.Reason}}, {{.Language}}</p>`)
	up := newUpstream(t, "up", nil)
	g := startGate(t, replaced(t, site, "\t\tactivity storage @objects", "\t\tdenial_page "+english+"\n\t\tdenial_page "+portuguese+" pt-BR\n\t\tactivity storage @objects"), map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "sg": up.addr, "br": up.addr, "cn": up.addr,
	})
	for language, want := range map[string]string{
		"":                     `<p lang="en" title=a&#32;safeguard`,
		"de":                   `<p lang="en"`,
		"pt-BR,pt;q=0.9":       "<p>Não é permitido: no_safeguard, pt-BR</p>",
		"pt":                   "<p>Não é permitido: no_safeguard, pt-BR</p>",
		"en;q=0.5,pt-PT;q=0.9": "<p>Não é permitido",
		"en, pt;q=0.1":         `<p lang="en"`,
		`"><script>`:           `<p lang="en"`,
	} {
		fields := []string{"Registered-Country", "BR", "Accept", browser}
		if language != "" {
			fields = append(fields, "Accept-Language", language)
		}
		a := g.get("/v1/support/training/7", fields...)
		if a.StatusCode != http.StatusForbidden || !strings.HasPrefix(a.Text, want) {
			t.Errorf("Accept-Language: %s: %d %s, want %s", language, a.StatusCode, a.Text, want)
		}
		if vary := strings.Join(a.Header.Values("Vary"), ", "); !strings.Contains(vary, "Accept-Language") {
			t.Errorf("Vary: %s", vary)
		}
		if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "script-src 'unsafe") {
			t.Errorf("Content-Security-Policy: %s", policy)
		}
	}
	if a := g.get("/v1/support/training/7", "Registered-Country", "BR", "Accept-Language", "pt"); a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("without Accept: %s", a.Header.Get("Content-Type"))
	}
}

// What is wrong with a page is a load error at its place.
func TestDenialPageErrors(t *testing.T) {
	for text, want := range map[string]string{
		"denial_page":               "denial_page needs the file of a page, and may name its language, as in 'denial_page /etc/transfergate/denial.pt.html pt', at Caddyfile:11",
		"denial_page /nowhere.html": "no such file or directory, at Caddyfile:11",
		"denial_page " + filepath.ToSlash(writeFile(t, "a.html", "{{.Path}}")):       "can't evaluate field Path",
		"denial_page " + filepath.ToSlash(writeFile(t, "b.html", "{{if}}")):          "missing value for if",
		"denial_page " + filepath.ToSlash(writeFile(t, "c.html", "x")) + " klingon!": "'klingon!' is no language: write a tag such as pt or zh-Hans, at Caddyfile:11",
	} {
		c := grammarCase{block: text + "\n" + goodBlock}
		if err := validate(c.caddyfile(t)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ", at Caddyfile:11") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
