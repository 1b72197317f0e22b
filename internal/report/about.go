package report

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// About is what stands beside a file that was taken away from a ledger: what was asked,
// by which policies its records were decided, of which state of the ledger it is, and how
// to tell that it is still what it was.
type About struct {
	File   string `json:"file"`
	Form   string `json:"form"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Head
	// Look is the entry that tells of it; empty where none does.
	Look   string `json:"look,omitempty"`
	Verify string `json:"verify"` // the command that verifies the ledger it is from
}

// verifyCommand verifies the ledger that something is from.
const verifyCommand = "transfergate transfer ledger verify --key KEY --known CHECKPOINT FOLDER"

// AboutSuffix follows the name of the file that it is about.
const AboutSuffix = ".about.json"

// Write writes it.
func (a *About) Write(w io.Writer) error {
	a.Verify = verifyCommand
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(a)
}

// Watched is a source that notes what it was asked for, for what is to stand beside an
// export.
type Watched struct {
	Ledger

	mu       sync.Mutex
	records  uint64          // guarded by mu
	policies map[string]bool // guarded by mu
}

// Watch returns the ledger as a source that is watched.
func (l Ledger) Watch() *Watched { return &Watched{Ledger: l, policies: make(map[string]bool)} }

// Rows implements query.Source.
func (w *Watched) Rows(ctx context.Context, q *query.Query, after query.Cursor) iter.Seq2[query.Row, error] {
	return func(yield func(query.Row, error) bool) {
		for row, err := range w.Ledger.Rows(ctx, q, after) {
			if !yield(row, err) {
				return
			}
			if err == nil {
				w.note(&row)
			}
		}
	}
}

func (w *Watched) note(row *query.Row) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records++
	var t record.Transfer
	if row.Damage == nil && t.Parse(row.Data) == nil && t.Policy != "" {
		w.policies[t.Policy] = true
	}
}

// Counts implements query.Source.
func (w *Watched) Counts(ctx context.Context, q *query.Query, after query.Cursor, by query.Grouping) (*query.Counts, error) {
	c, err := w.Ledger.Counts(ctx, q, after, by)
	if err == nil {
		w.mu.Lock()
		w.records = c.Total.Rows
		w.mu.Unlock()
	}
	return c, err
}

// About is what is known of it: said is what was asked, without pseudonyms.
func (w *Watched) About(said string, now time.Time) (a About, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a.Made, a.Query, a.Records = now.UTC().Format(time.RFC3339), said, w.records
	for digest := range w.policies {
		a.Policies = append(a.Policies, digest)
	}
	slices.Sort(a.Policies)
	a.Checkpoints, err = w.Checkpoints()
	return a, err
}
