package console

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/report"
)

// Role is what a visitor may do. The zero Role may do nothing.
type Role int

// The roles; each may do what those before it may.
const (
	Nobody   Role = iota
	Viewer        // reads every page but those of persons
	Reviewer      // exports, makes reports, sees records as they stand and whose they are
	Officer       // looks up persons
)

var roleNames = []string{"nobody", "viewer", "reviewer", "officer"}

// ParseRole reads the name of a role; false if there is none.
func ParseRole(name string) (Role, bool) {
	for i, n := range roleNames[1:] {
		if n == name {
			return Role(i + 1), true
		}
	}
	return Nobody, false
}

// String is the role's name.
func (r Role) String() string { return roleNames[r] }

// Visitor is who looks at a page.
type Visitor struct {
	Name string // as whoever authenticated them calls them; empty for nobody
	Role Role
}

// Options are what a Console needs. All but Demo are required.
type Options struct {
	// Node is the name of the gateway whose ledger it is.
	Node string
	// Dir is the ledger's folder, and Source its rows.
	Dir    ledger.Dir
	Source query.Source
	// Others are ledgers that are shown beside it, such as copies of other nodes'.
	// Default: none
	Others []*Ledger
	// Policy is the one in force.
	Policy func() *decision.Policy
	// InForce is where that policy comes from.
	InForce func() InForce
	// Record has an entry of the ledger tell of somebody's look, and returns its number.
	Record func(who string, look report.Look) (number string, err error)
	// Subjects are the pseudonyms of an account under all keys of all classes, and the
	// one by the default class's key of now.
	Subjects func(account, salt string) (all []string, now string, err error)
	// Standing are sentences about what is wrong now or worth to know, without any
	// personal data.
	Standing func() []Notice
	// Now is the time.
	Now func() time.Time
	// Logger is told of what could not be answered.
	Logger *slog.Logger
	// Example is the address of a site that shows what the gateway does, for
	// demonstrations; empty if there is none.
	Example func() string
	// Demo tells that nothing shown stands for a real transfer.
	Demo bool
}

// Notice is a sentence about the gateway.
type Notice struct {
	Wrong bool // somebody has to do something
	Text  string
}

// Console serves the pages. It may be used by any number of goroutines.
type Console struct {
	Options
	forgery   *http.CrossOriginProtection
	ahead     aheads
	changed   changes
	covered   coverages
	own       *Ledger
	verifying sync.WaitGroup
}

// New returns a console.
func New(o Options) *Console {
	return &Console{Options: o, forgery: http.NewCrossOriginProtection(), own: &Ledger{Node: o.Node, Dir: o.Dir, Source: o.Source}}
}

// page is one of the console's pages.
type page struct {
	path  string // after the prefix
	title string
	role  Role // who may see it
	menu  bool
	own   bool // whether only the gateway's own ledger has it
	post  bool // whether it takes orders
	serve func(*visit) error
}

// pages are all of them, in the order of the menu.
func pages() []page {
	return []page{
		{path: "", title: "Exceptions", role: Viewer, menu: true, serve: (*visit).exceptions},
		{path: "overview", title: "Overview", role: Viewer, menu: true, serve: (*visit).overview},
		{path: "transfers", title: "Transfers", role: Viewer, menu: true, serve: (*visit).transfers},
		{path: "safeguards", title: "Safeguards", role: Viewer, menu: true, serve: (*visit).safeguards},
		{path: "policy", title: "Policy", role: Viewer, menu: true, own: true, serve: (*visit).policy},
		{path: "person", title: "Person", role: Officer, menu: true, own: true, post: true, serve: (*visit).person},
		{path: "reports", title: "Reports", role: Reviewer, menu: true, serve: (*visit).reports},
		{path: "report", title: "Report", role: Reviewer, serve: (*visit).report},
		{path: "start", title: "Start", role: Viewer, menu: true, own: true, post: true, serve: (*visit).start},
		{path: "record", title: "Record", role: Viewer, serve: (*visit).record},
		{path: "coverage", title: "What holds each clause", role: Viewer, own: true, serve: (*visit).coverage},
		{path: "keys", title: "What can be asked", role: Viewer, serve: (*visit).keys},
		{path: "export", title: "Export", role: Reviewer, post: true, serve: (*visit).export},
	}
}

// Paths are those of all pages, after the console's prefix.
func Paths() (all []string) {
	for _, p := range pages() {
		all = append(all, p.path)
	}
	return all
}

// timeLimit is how long a page may take: a scan of a ledger has no end of its own.
const timeLimit = 30 * time.Second

// policyHeader lets a page use its own style and forms, and nothing else.
const policyHeader = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Serve answers a request for a path after the console's prefix, without the slash
// that it begins with.
func (c *Console) Serve(w http.ResponseWriter, r *http.Request, path string, who Visitor) {
	h := w.Header()
	h.Set("Content-Security-Policy", policyHeader)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch path[strings.LastIndexByte(path, '/')+1:] {
	case styleName:
		serveFile(w, r, styleName, style)
		return
	case iconName:
		serveFile(w, r, iconName, icon)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeLimit)
	defer cancel()
	v := &visit{Console: c, of: c.own, Node: c.Node, w: w, r: r, ctx: ctx, who: who, now: c.Now().UTC(), form: r.URL.Query()}
	of, path, wanting := c.find(path)
	switch {
	case of == nil:
		path = ledgersUnder // no page has that
	case wanting:
		h.Set("Location", of.Name+"/")
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	default:
		v.of, v.Node = of, of.Node
	}
	v.Dir, v.Source = v.of.Dir, v.of.Source
	if err := v.serve(path); err != nil {
		v.fail(err)
	}
}

// visit is one request.
type visit struct {
	*Console
	of *Ledger // that the page is about; what follows is its

	Dir    ledger.Dir
	Source query.Source
	Node   string

	w    http.ResponseWriter
	r    *http.Request
	ctx  context.Context
	who  Visitor
	now  time.Time
	page page
	form url.Values
}

// refusal is an answer to a visitor that is no page.
type refusal struct {
	Status int
	Title  string
	Text   string
}

func (e *refusal) Error() string { return e.Title }

// serve finds the page.
func (v *visit) serve(path string) error {
	for _, p := range pages() {
		if p.path == path {
			v.page = p
		}
	}
	switch {
	case v.who.Role == Nobody:
		return &refusal{http.StatusForbidden, "Nobody may look at this yet", ""}
	case v.page.serve == nil:
		return &refusal{http.StatusNotFound, "There is no such page", "The menu lists all there are."}
	case v.r.Method == http.MethodPost && v.page.post:
		if err := v.forgery.Check(v.r); err != nil {
			return &refusal{http.StatusForbidden, "Another site sent this order", "It was not obeyed: only the console's own pages may give orders."}
		}
	case v.r.Method != http.MethodGet && v.r.Method != http.MethodHead:
		v.w.Header().Set("Allow", "GET, HEAD")
		return &refusal{http.StatusMethodNotAllowed, "This page takes no such request", ""}
	}
	if v.who.Role < v.page.role {
		return &refusal{http.StatusForbidden, "This is for the role " + v.page.role.String(), "You have the role " + v.who.Role.String() +
			". Whoever keeps the gateway's configuration gives roles, by the options of transfer_console."}
	}
	if v.page.own && v.of != v.own {
		return elsewhere(v.page)
	}
	return v.page.serve(v)
}

// fail answers what went wrong.
func (v *visit) fail(err error) {
	var no *refusal
	switch {
	case errors.As(err, &no):
	case errors.Is(err, context.DeadlineExceeded):
		no = &refusal{http.StatusServiceUnavailable, "This takes too long", "Ask for less: a shorter time, as in at:>-7d, is read faster."}
	case errors.Is(err, context.Canceled):
		return // who asked is gone
	default:
		v.Logger.Error("answering a page of the console", "page", v.page.path, "error", err)
		no = &refusal{http.StatusInternalServerError, "This could not be answered", "The gateway's log says why."}
	}
	v.page = page{title: no.Title}
	if err := v.render(no.Status, "refusal", no); err != nil {
		v.Logger.Error("writing a page of the console", "error", err)
		v.w.WriteHeader(http.StatusInternalServerError)
	}
}

// render writes a page, all of it or nothing. What is not seen in a text of a record, or
// turns others round, is shown as a question mark, wherever it stands.
func (v *visit) render(status int, name string, content any) error {
	var b bytes.Buffer
	err := templates[name].Execute(&b, &frame{visit: v, Content: content})
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(query.VisibleLines(b.Bytes())) // a client that left is nobody's concern
	}
	return nil
}

// frame is what stands around a page's content.
type frame struct {
	*visit
	Content any
}

// Title is the page's.
func (f *frame) Title() string { return f.page.title }

// Refused tells that the page is none of the menu's, and who sees it has no menu.
func (f *frame) Refused() bool { return f.who.Role == Nobody }

// Who and Role are the visitor's.
func (f *frame) Who() string  { return f.who.Name }
func (f *frame) Role() string { return f.who.Role.String() }

// Style and Icon are addresses.
func (f *frame) Style() string { return styleName }
func (f *frame) Icon() string  { return iconName }

// Made is when the page was made.
func (f *frame) Made() time.Time { return f.now }

// item is one of the menu.
type item struct {
	Path, Title string
	Current     bool
}

// Menu are the pages to choose from.
func (f *frame) Menu() (all []item) {
	for _, p := range pages() {
		if p.path == "start" && !f.Demo || p.own && f.of != f.own {
			continue
		}
		if p.menu && p.role <= f.who.Role {
			path := p.path
			if path == "" {
				path = "./"
			}
			all = append(all, item{path, p.title, p.path == f.page.path && p.title == f.page.title})
		}
	}
	return all
}

// to is the address of a page with some values, given as name, value pairs; those
// that are empty are left out.
func to(path string, pairs ...string) string {
	var b strings.Builder
	b.WriteString(path)
	sign := byte('?')
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		b.WriteByte(sign)
		b.WriteString(pairs[i] + "=" + escape(pairs[i+1]))
		sign = '&'
	}
	return b.String()
}
