package console

import (
	"fmt"
	"net/http"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// exceptionsPage is whatever somebody has to look at.
type exceptionsPage struct {
	*recent
	Notices []Notice
	Denials []denials
	Others  []others
	Due     []safeguardRow
	Found   bool // there is anything
	Checked verification
	Beside  []shelf // other ledgers in which something is wrong
	All     string
}

// denials are those of one reason.
type denials struct {
	change
	Reason, Title, Clause, Link string
}

// others are rows that are no denials.
type others struct {
	change
	What, Link string
}

// exceptionDays is what the page looks back.
const exceptionDays = 30

// exceptions serves the page.
func (v *visit) exceptions() error {
	n, err := v.recent(exceptionDays)
	if err != nil {
		return err
	}
	p := &exceptionsPage{recent: n, Notices: v.Standing(), All: n.find("outcome:" + record.Denied)}
	for _, reason := range ranked(n.Reasons) {
		c := n.Reasons[reason]
		info := decision.Reason(reason).Info()
		p.Denials = append(p.Denials, denials{*c, query.Visible(reason), info.Title, info.Clause, n.find("outcome:"+record.Denied, term("reason", reason))})
	}
	for _, o := range []struct{ kind, text string }{
		{"unknown", "transfers whose end is not known, which count as transferred"},
		{"pending", "transfers of whose end no entry tells yet, which count as transferred"},
		{"reported", "records that the policy denies, and that were only reported"},
		{"conflict", "records whose sources contradict each other about the person"},
	} {
		if c := n.Kinds[o.kind]; c != nil && c.Now+c.Before > 0 {
			p.Others = append(p.Others, others{*c, o.text, n.find(kindQueries[o.kind])})
		}
	}
	for _, row := range v.safeguardRows(n) {
		if row.State == "bad" || row.State == "soon" {
			p.Due = append(p.Due, row)
		}
	}
	for _, l := range append([]*Ledger{v.own}, v.Others...) {
		v.seek(l)
	}
	p.Checked = v.of.checked.look(v.now)
	for _, l := range (&frame{visit: v}).Ledgers() {
		if l.State == "bad" && !l.Current {
			p.Beside = append(p.Beside, l)
		}
	}
	p.Found = p.Checked.State == "bad" || len(p.Beside) > 0 || len(p.Notices)+len(p.Denials)+len(p.Others)+len(p.Due)+len(n.Damaged) > 0
	return v.render(http.StatusOK, "exceptions", p)
}

// DamagedText says how many entries cannot be read.
func (p *exceptionsPage) DamagedText() string {
	if len(p.Damaged) == 1 {
		return "One entry of the ledger cannot be read."
	}
	return fmt.Sprintf("%d entries of the ledger cannot be read.", len(p.Damaged))
}
