package console

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/query"
)

// Ledger is one that the pages show: that of the gateway itself, or another node's beside
// it.
type Ledger struct {
	// Name stands in addresses: letters, digits and '-'. Empty for the gateway's own.
	Name   string
	Node   string // whose records it has
	Dir    ledger.Dir
	Source query.Source

	checked verified
}

// ledgersUnder is where the pages of the other ledgers stand, each under its name.
const ledgersUnder = "of/"

// find is the ledger that a path is about, and the rest of the path. A path without the
// slash after a name is wanting.
func (c *Console) find(path string) (l *Ledger, rest string, wanting bool) {
	under, ok := strings.CutPrefix(path, ledgersUnder)
	if !ok {
		return c.own, path, false
	}
	name, rest, whole := strings.Cut(under, "/")
	for _, l := range c.Others {
		if l.Name == name {
			return l, rest, !whole
		}
	}
	return nil, "", false
}

// shelf is a ledger to choose.
type shelf struct {
	Path, Name string
	Current    bool
	State      string // of its verification: good, bad or idle
}

// Ledgers are those to choose from, if there are several. Their addresses are those of
// the same page, where that is one of the menu's that all of them have.
func (f *frame) Ledgers() (all []shelf) {
	if len(f.Others) == 0 || f.Refused() {
		return nil
	}
	page, home := f.page.path, ""
	if f.page.own || !f.page.menu {
		page = ""
	}
	if f.of != f.own {
		home = "../../"
	}
	for _, l := range append([]*Ledger{f.own}, f.Others...) {
		path := home + page
		if l != f.own {
			path = home + ledgersUnder + l.Name + "/" + page
		}
		if path == "" {
			path = "./"
		}
		name := l.Node
		if l.Name != "" {
			name = l.Name
		}
		all = append(all, shelf{path, name, l == f.of, l.checked.look(f.now).State})
	}
	return all
}

// verified is what the verifier found last in a ledger. It runs when somebody looks, in
// the background, and at most once an hour: a large ledger takes minutes.
type verified struct {
	mu      sync.Mutex // guards what follows
	running time.Time  // since when; zero if it is not
	at      time.Time  // when it ended last; zero if it never did
	report  verify.Report
	err     error
}

// verifyEvery is for how long what was found is not sought again.
const verifyEvery = time.Hour

// seek has the verifier run if it is time. Whoever reads its answer asks look.
func (c *Console) seek(l *Ledger) {
	s := &l.checked
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running.IsZero() || !s.at.IsZero() && c.Now().Sub(s.at) < verifyEvery {
		return
	}
	s.running = c.Now()
	c.verifying.Go(func() {
		// One worker leaves the other processors to the gateway.
		report, err := verify.Ledger(l.Dir.Path, verify.Options{Workers: 1})
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running, s.at, s.report, s.err = time.Time{}, c.Now(), report, err
	})
}

// verification is what a page says of it.
type verification struct {
	State       string // good, bad, or idle if nothing is known
	Title, Text string
	At          time.Time
}

// look says what was found last, and how old that is.
func (s *verified) look(now time.Time) verification {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.at.IsZero() && s.running.IsZero():
		return verification{State: "idle", Title: "Not verified yet"}
	case s.at.IsZero():
		return verification{State: "idle", Title: "Being verified", Text: "Since " + moment(s.running) + " UTC. Load this page again to see what is found."}
	}
	v := verification{State: "good", At: s.at, Title: "Verified " + ago(now.Sub(s.at))}
	if s.err != nil {
		v.State, v.Title = "bad", "Verified "+ago(now.Sub(s.at))+", and found wrong"
		v.Text = query.Visible(s.err.Error())
		return v
	}
	v.Text = counted(s.report.Entries, "entry", "entries") + ", none altered and none missing; " + number(s.report.Signed) + " of them signed."
	if n := len(s.report.Losses); n > 0 {
		v.State, v.Text = "soon", v.Text+" "+counted(uint64(n), "stretch was", "stretches were")+" given up for lost before, as the ledger says."
	}
	if n := len(s.report.Differences); n > 0 {
		v.State, v.Text = "soon", v.Text+" "+counted(uint64(n), "file beside it says", "files beside it say")+" something else: 'transfergate transfer ledger verify' says what."
	}
	return v
}

// ago says how long something is past.
func ago(d time.Duration) string {
	switch minutes := int(d.Minutes()); {
	case minutes < 1:
		return "just now"
	case minutes == 1:
		return "a minute ago"
	case minutes < 120:
		return fmt.Sprintf("%d minutes ago", minutes)
	}
	return fmt.Sprintf("%d hours ago", int(d.Hours()))
}

// elsewhere is the refusal of a page that only the gateway's own ledger has.
func elsewhere(p page) error {
	return &refusal{http.StatusNotFound, p.title + " is a page of the gateway's own ledger", "This ledger is another's: its policy, its keys and its persons are known to its own gateway."}
}
