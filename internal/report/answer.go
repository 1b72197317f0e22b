package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// Answer is by when a person's request is to be answered: what the statement promises
// (§7), or what a law wants if it is stricter.
type Answer struct {
	Received string `json:"received"`
	// By is the day of the answer, and By what says so.
	By     string `json:"by"`
	BySays string `json:"by_says"`
	// Notice is the day by which the person must be told that it takes longer, and
	// Limit the last day it may take then; empty if it may not take longer.
	Notice     string `json:"extension_notice_by,omitempty"`
	NoticeSays string `json:"extension_notice_says,omitempty"`
	Limit      string `json:"extended_to,omitempty"`
	LimitSays  string `json:"extended_to_says,omitempty"`
	// Laws are those that were compared.
	Laws []AnswerLaw `json:"compared"`
}

// AnswerLaw is what one law says, or the statement.
type AnswerLaw struct {
	Law       string `json:"law"`
	Says      string `json:"says"`
	Source    string `json:"source,omitempty"`
	Doubt     string `json:"doubt,omitempty"` // what is not certain
	Confirmed bool   `json:"confirmed"`
	By        string `json:"by,omitempty"` // empty if it names no figure
}

// Unsure is what counsel has yet to answer, for the page.
func (l *AnswerLaw) Unsure() string { return unsure(l.Doubt, l.Confirmed) }

// statementRights is what the statement promises in §7: an answer in 30 days, or two
// months more if the person is told within one month.
var statementRights = decision.Rights{
	Answer: decision.Term{N: 30, Unit: decision.Days}, Extension: decision.Term{N: 2, Unit: decision.Months}, Notice: decision.Term{N: 1, Unit: decision.Months},
}

// answer computes the days for a request. Each day is the strictest: where the statement
// and laws differ, the stricter requirement prevails (introduction).
//
//clause:enforces §7.1 §7.2 introduction.1; elsewhere report:person; off return &Answer{}
func answer(received time.Time, p *decision.Policy, laws []string, h *Head) *Answer {
	a := &Answer{Received: received.Format(time.DateOnly)}
	p = withClocks(p, h)
	var by, notice, limit time.Time
	slices.Sort(laws)
	for _, law := range append([]string{"§7"}, laws...) {
		rights := &statementRights
		if law != "§7" {
			c := p.ClocksAt(law, received)
			switch {
			case c == nil || c.Rights == nil:
				h.NotRuledOut = append(h.NotRuledOut, fmt.Sprintf("The registers do not say by when law %s wants a person answered.", law))
				continue
			case c.Rights.None != "":
				a.Laws = append(a.Laws, AnswerLaw{Law: law, Says: "no such right: " + c.Rights.None, Doubt: c.Rights.Doubt, Confirmed: !c.Rights.Confirm})
				continue
			case c.Rights.Answer.N == 0:
				a.Laws = append(a.Laws, AnswerLaw{Law: law, Says: c.Rights.Answer.String(), Source: c.Rights.Source, Doubt: c.Rights.Doubt, Confirmed: !c.Rights.Confirm})
				h.NotRuledOut = append(h.NotRuledOut, fmt.Sprintf("Law %s wants the person answered without delay, and names no day: the day here may be too late for it.", law))
				continue
			}
			rights = c.Rights
		}
		due := rights.Answer.After(received, rights.Off)
		longest, told := due, due
		says := rights.Answer.String()
		if rights.Extension.N > 0 {
			longest = rights.Extension.After(due, rights.Off)
			says += ", and " + rights.Extension.String() + " more"
			if rights.Notice.N > 0 {
				told = rights.Notice.After(received, rights.Off)
				says += " if told within " + rights.Notice.String()
			}
			told = earlier(told, due)
		}
		a.Laws = append(a.Laws, AnswerLaw{law, says, rights.Source, rights.Doubt, !rights.Confirm, due.Format(time.DateOnly)})
		if by.IsZero() || due.Before(by) {
			by, a.BySays = due, law
		}
		if limit.IsZero() || longest.Before(limit) {
			limit, a.LimitSays = longest, law
		}
		if notice.IsZero() || told.Before(notice) {
			notice, a.NoticeSays = told, law
		}
	}
	a.By = by.Format(time.DateOnly)
	if !limit.After(by) {
		a.NoticeSays, a.LimitSays = "", ""
		return a
	}
	a.Notice, a.Limit = notice.Format(time.DateOnly), limit.Format(time.DateOnly)
	return a
}

// withClocks is the policy, or the one that this program has in it where the policy, which
// is older than clocks are, has none.
func withClocks(p *decision.Policy, h *Head) *decision.Policy {
	if len(p.Clocks) > 0 {
		return p
	}
	shipped, err := config.Default()
	if err != nil {
		panic("report: the registers of this program cannot be read: " + err.Error())
	}
	h.NotRuledOut = append(h.NotRuledOut, "The policy of the records says nothing of times: those are of the registers that came with this program.")
	return shipped
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
