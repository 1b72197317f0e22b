package gateway

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // denial.html and denial.css
	"encoding/base64"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/regular"
)

// DenialPage is a page for people whose browser sees a denial.
type DenialPage struct {
	// File with the page, a template of Go's html/template. It may use {{.Status}},
	// {{.Heading}} and {{.Text}}, which are in the page's language if the gateway has it and
	// in English otherwise, {{.Title}} and {{.Unlock}}, which are in English, {{.Reason}},
	// {{.Clause}}, {{.Record}}, {{.Retry}}, {{.Language}} and {{.Direction}}; the reason's code
	// never changes, so a page can have a text of its own for it. Required.
	File string `json:"file,omitempty"`

	// Language of the page, as a tag of BCP 47 such as pt or zh-Hans. Default: en,
	// which who asks for no other gets
	Language string `json:"language,omitempty"`
}

// pages are the pages of a site, and which languages they are in.
type pages struct {
	templates []*template.Template // the first is for who asks for none of the languages
	tags      []language.Tag
	matcher   language.Matcher
	policy    string // the Content-Security-Policy
}

// page is what a page says. None of it is of the request.
type page struct {
	Status                                int
	Title, Reason, Clause, Unlock, Record string

	// Heading and Text say it in the language of the page, and Words what the facts are
	// called in it.
	Heading, Text string
	Words         struct{ Reason, Clause, Record, Details string }

	// Retry is after how many seconds it is worth a try; 0 for never.
	Retry               int
	Language, Direction string // of the page, and of its script
	Style               template.CSS
}

//go:embed denial.html
var denialPage string

//go:embed denial.css
var denialStyle string

// ownPages is the page that comes with the gateway, in each of its languages. Its style is
// known by its hash, and it asks for nothing else.
var ownPages = func() *pages {
	hash := sha256.Sum256([]byte(denialStyle))
	own := template.Must(template.New("denial").Parse(denialPage))
	return &pages{
		templates: slices.Repeat([]*template.Template{own}, len(denialLanguages)),
		tags:      denialLanguages, matcher: language.NewMatcher(denialLanguages),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}()

// sitePolicy is that of a site's own pages: what they ask for is the site's.
const sitePolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// provisionPages reads the site's own pages.
func (h *Handler) provisionPages() error {
	if h.pages = ownPages; len(h.DenialPages) == 0 {
		return nil
	}
	p := &pages{policy: sitePolicy}
	english := false
	for _, d := range h.DenialPages {
		tag := language.English
		if d.Language != "" {
			var err error
			if tag, err = language.Parse(d.Language); err != nil {
				return fmt.Errorf("denial_page: '%s' is no language: write a tag such as pt or zh-Hans", d.Language)
			}
		}
		text, err := regular.ReadText(d.File, regular.KeyLimit)
		if err != nil {
			return fmt.Errorf("denial_page: %w", err)
		}
		t, err := template.New("page").Parse(string(text))
		if err == nil {
			t.Option("missingkey=error")
			err = t.Execute(new(bytes.Buffer), page{Status: http.StatusForbidden})
		}
		if err != nil {
			return fmt.Errorf("denial_page '%s': %w", d.File, err)
		}
		english = english || tag == language.English
		p.templates, p.tags = append(p.templates, t), append(p.tags, tag)
	}
	if !english { // of the gateway, for who asks for none of these
		p.templates, p.tags = append(ownPages.templates[:1:1], p.templates...), append([]language.Tag{language.English}, p.tags...)
	}
	p.matcher = language.NewMatcher(p.tags)
	h.pages = p
	return nil
}

// write renders the page in the language that is asked for, and sets its fields.
func (p *pages) write(header http.Header, r *http.Request, of *problem) ([]byte, error) {
	asked, _, _ := language.ParseAcceptLanguage(strings.Join(r.Header["Accept-Language"], ",")) // what cannot be read asks for none
	_, i, _ := p.matcher.Match(asked...)
	texts := textsIn(p.tags[i])
	said := texts.classes[classOf(decision.Reason(of.Reason))]
	view := page{
		Heading: said.heading, Text: said.text, Direction: texts.direction,
		Status: of.Status, Title: of.Title, Reason: of.Reason, Clause: of.Clause, Unlock: of.Unlock, Record: of.Record,
		Language: p.tags[i].String(), Style: template.CSS(denialStyle), //nolint:gosec // our own
	}
	view.Words.Reason, view.Words.Clause, view.Words.Record, view.Words.Details = texts.reason, texts.clause, texts.record, texts.details
	if of.Status == http.StatusServiceUnavailable {
		view.Retry = retryAfter
	}
	var buf bytes.Buffer
	if err := p.templates[i].Execute(&buf, view); err != nil {
		return nil, err
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", view.Language)
	header.Set("Content-Security-Policy", p.policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	if len(p.tags) > 1 {
		header.Add("Vary", "Accept-Language")
	}
	return buf.Bytes(), nil
}

// prefersPage reports whether who asks prefers HTML over JSON (RFC 9110 section 12.5.1).
// Who has no preference gets JSON.
func prefersPage(r *http.Request) bool {
	html, json := quality{}, quality{}
	for _, line := range r.Header["Accept"] {
		for part := range strings.SplitSeq(line, ",") {
			kind, parameters, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			q := 1.0
			if text, said := parameters["q"]; said {
				if q, err = strconv.ParseFloat(text, 64); err != nil || !(q >= 0 && q <= 1) {
					continue
				}
				delete(parameters, "q")
			}
			if charset, said := parameters["charset"]; said && strings.EqualFold(charset, "utf-8") {
				delete(parameters, "charset")
			}
			if len(parameters) > 0 {
				continue // a kind of it that ours is not
			}
			html.take(kind, q, "text/html")
			json.take(kind, q, "application/problem+json", "application/json")
		}
	}
	return html.q > json.q
}

// quality is how welcome something is, by the most exact range that was read.
type quality struct {
	q     float64
	exact int
}

func (b *quality) take(kind string, q float64, names ...string) {
	for _, name := range names {
		exact := 0
		switch family, _, _ := strings.Cut(name, "/"); kind {
		case name:
			exact = 3
		case family + "/*":
			exact = 2
		case "*/*":
			exact = 1
		}
		if exact > b.exact || exact == b.exact && exact > 0 && q > b.q {
			b.q, b.exact = q, exact
		}
	}
}
