package console

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// exportPage is what an export will hold, and the form that asks for it.
type exportPage struct {
	asked
	Total   uint64
	Policy  string
	Columns string
	Anchors []anchor
	Folder  string
	Command string
	Wrong   string // with the form
	Back    string
}

// anchor is a signed checkpoint of the ledger.
type anchor struct {
	Log  string
	Size int64
	Root string
}

// export serves the page, and the file to whoever says why they want it.
func (v *visit) export() error {
	if v.r.Method == http.MethodPost {
		if err := v.readForm(); err != nil {
			return err
		}
	}
	p := &exportPage{Columns: v.form.Get("columns")}
	var err error
	if p.asked, err = v.ask(); err != nil {
		return v.wrongQuery(err)
	}
	p.Frozen = p.From.String()
	p.Back = to("transfers", "q", p.Text, "columns", p.Columns, "frozen", p.Frozen)
	counts, err := v.Source.Counts(v.ctx, p.Query, p.From, query.Grouping{})
	if err != nil {
		return err
	}
	p.Total = counts.Total.Rows + uint64(len(counts.Damaged))
	if v.r.Method == http.MethodPost {
		look := report.Look{
			What: record.LookExport, Form: v.form.Get("format"), Records: p.Total, Query: query.Visible(p.Query.String()),
			Because: strings.TrimSpace(v.form.Get("reason")), Reference: strings.TrimSpace(v.form.Get("reference")),
		}
		if err := look.Check(); err == nil && look.Because != "" {
			return v.send(p, query.Format(look.Form), look)
		} else if err != nil {
			p.Wrong = "This cannot be recorded: " + err.Error() + "."
		} else {
			p.Wrong = "Say why."
		}
	}
	p.Policy = v.Policy().Digest
	p.Anchors = v.anchors()
	p.Folder = shellWord(v.Dir.Path)
	p.Command = "transfergate transfer ledger query --csv --after " + p.Frozen + " " + p.Folder + " -- " + shellWord(p.Text)
	status := http.StatusOK
	if p.Wrong != "" {
		status = http.StatusBadRequest
	}
	return v.render(status, "export", p)
}

// wrongQuery makes a refusal of what is wrong with a query.
func (v *visit) wrongQuery(err error) error {
	if wrong, ok := errors.AsType[*query.Error](err); ok {
		return &refusal{http.StatusBadRequest, "The query cannot be read", wrong.What + "; " + wrong.Fix + "."}
	}
	return err
}

// send has an entry tell of the export, and sends the rows. When a file cannot be finished the connection breaks, so that
// nobody takes it for whole.
func (v *visit) send(p *exportPage, f query.Format, look report.Look) error {
	name, kind := "transfers.csv", "text/csv; charset=utf-8; header=present"
	switch f {
	case query.CSV:
	case query.JSON:
		name, kind = "transfers.ndjson", "application/x-ndjson"
	case query.Parquet:
		name, kind = "transfers.parquet", "application/vnd.apache.parquet"
	default:
		return &refusal{http.StatusBadRequest, "There is no such format", "Choose CSV, NDJSON or Parquet."}
	}
	columns := p.Query.Columns(f)
	if p.Columns != "" && f != query.JSON {
		var err error
		if columns, err = query.ParseColumns("record," + p.Columns); err != nil {
			return &refusal{http.StatusBadRequest, "There is no such column", query.Visible(err.Error()) + "."}
		}
	}
	if _, err := v.recordLook(look); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", kind)
	v.w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, v.now.Format("2006-01-02-150405-")+name))
	w, err := query.NewWriter(v.w, f, columns)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for row, err := range v.Source.Rows(v.r.Context(), p.Query, p.From) {
		if err == nil {
			err = w.Row(&row)
		}
		if err != nil {
			v.Logger.Error("an export from the console ended early", "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	if w.Close() != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// anchors are the latest checkpoints of all classes, as far as there are any.
func (v *visit) anchors() (all []anchor) {
	classes, err := v.Dir.Classes()
	if err != nil {
		return nil
	}
	for _, dir := range classes {
		view, err := dir.View(0)
		if err != nil {
			continue
		}
		signed, err := view.Checkpoint()
		if err != nil {
			continue
		}
		if at, err := tiles.ReadCheckpoint(signed); err == nil {
			all = append(all, anchor{view.Origin(), at.N, at.Hash.String()})
		}
	}
	return all
}

// shellWord quotes a word for a shell.
func shellWord(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
