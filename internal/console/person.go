package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

// personPage is the form by which somebody asks what the ledger has about a person.
// Who it is about stands in no address, no log and no entry.
type personPage struct {
	Reason, Reference, Received string
	Wrong                       string
}

// person serves the form, and the answer, which an entry of the ledger tells of before
// anybody sees it.
func (v *visit) person() error {
	if v.r.Method != http.MethodPost {
		return v.render(http.StatusOK, "person", &personPage{})
	}
	if err := v.readForm(); err != nil {
		return err
	}
	p := &personPage{Reason: strings.TrimSpace(v.form.Get("reason")), Reference: strings.TrimSpace(v.form.Get("reference")), Received: strings.TrimSpace(v.form.Get("received"))}
	account := strings.TrimSpace(v.form.Get("account"))
	ask := report.PersonRequest{Reason: p.Reason, Reference: p.Reference}
	look := report.Look{What: record.LookPerson, Form: "html", Because: p.Reason, Reference: p.Reference}
	err := look.Check()
	switch {
	case account == "":
		p.Wrong = "Give the account id of the person."
	case err != nil:
		p.Wrong = "This cannot be recorded: " + err.Error() + "."
	case p.Received != "":
		if ask.Received, err = time.Parse(time.DateOnly, p.Received); err != nil {
			p.Wrong = "The day on which the request came is written as in 2026-11-30."
		}
	}
	if p.Wrong != "" {
		return v.render(http.StatusBadRequest, "person", p)
	}
	if ask.Subjects, look.Subject, err = v.Subjects(account, strings.TrimSpace(v.form.Get("salt"))); err != nil {
		return err
	}
	made, err := report.PersonOf(v.ctx, report.Of(v.Dir), ask, v.now)
	if err != nil {
		return err
	}
	look.Query, look.Records = made.Query, made.Records
	if made.Look, err = v.recordLook(look); err != nil {
		return err
	}
	return v.sendReport("person", "html", made)
}

// readForm reads the form of an order.
func (v *visit) readForm() error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, 64<<10)
	if err := v.r.ParseForm(); err != nil {
		return &refusal{http.StatusBadRequest, "The form could not be read", "Go back and send it again."}
	}
	v.form = v.r.PostForm
	return nil
}

// recordLook has an entry tell of a look. Without it nothing is shown.
func (v *visit) recordLook(look report.Look) (number string, err error) {
	if v.of != v.own { // the entry stands in the gateway's own ledger
		look.Query = "of the ledger " + v.of.Name + ": " + look.Query
	}
	if number, err = v.Record(v.who.Name, look); err != nil {
		v.Logger.Error("recording a look at the ledger from the console", "error", err)
		return "", &refusal{http.StatusServiceUnavailable, "This look cannot be recorded", "Nothing is shown or handed out that no entry of the ledger tells of. The gateway's log says why."}
	}
	return number, nil
}
