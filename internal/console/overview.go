package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// overviewPage is what left, from where, to whom.
type overviewPage struct {
	*recent
	Spans     []span
	Sankey    *sankey
	Histogram *histogram
	Rows      []flowRow
	More      int
	TotalLink string
	Countries int
	Abroad    change
}

// span is a choice of time.
type span struct {
	Text, Link string
	Current    bool
}

// flowRow is a way of the data in the table.
type flowRow struct {
	flow
	change
	Link string
}

// mostFlows is how many the table shows.
const mostFlows = 40

// overview serves the page.
func (v *visit) overview() error {
	days := 30
	spans := []int{7, 30, 90, 365}
	if n, err := strconv.Atoi(v.form.Get("days")); err == nil && slices.Contains(spans, n) {
		days = n
	}
	n, err := v.recent(days)
	if err != nil {
		return err
	}
	p := &overviewPage{recent: n, TotalLink: n.find()}
	for _, d := range spans {
		p.Spans = append(p.Spans, span{strconv.Itoa(d) + " days", to("overview", "days", strconv.Itoa(d)), d == days})
	}
	// Where the time before is not compared with, a flow of that time alone says nothing.
	flows := slices.DeleteFunc(ranked(n.Flows), func(f flow) bool { return n.Flows[f].alone && n.Flows[f].Now == 0 })
	p.Sankey = sankeyOf(n, flows)
	since, err := query.Parse(n.since(), v.now)
	if err != nil {
		return err
	}
	p.Histogram = histogramOf(&asked{Text: n.since(), Query: since}, n.hours.Counts())
	countries := make(map[string]bool)
	for i, f := range flows {
		if n.Flows[f].Now > 0 {
			countries[f.Country] = true
		}
		if i < mostFlows {
			p.Rows = append(p.Rows, flowRow{f, *n.Flows[f], n.find(f.terms()...)})
		}
	}
	p.More, p.Countries = max(0, len(flows)-mostFlows), len(countries)
	return v.render(http.StatusOK, "overview", p)
}

// terms ask for the flow's rows.
func (f flow) terms() []string {
	terms := []string{term("country", f.Country), term("controller", f.Controller)}
	if f.Denied {
		terms = append(terms, "outcome:"+record.Denied)
	} else {
		terms = append(terms, "-outcome:"+record.Denied)
	}
	return append(terms, term("recipient", f.Recipient))
}

// Passed are the transfers of the last days that were let pass.
func (n *recent) Passed() change {
	return change{Now: n.Total.Now - n.Denied.Now, Before: n.Total.Before - n.Denied.Before, alone: n.Total.alone}
}

// OriginName and the others are what a flow's ends are called where they are not known.
func (f flow) OriginName() string     { return cmp.Or(f.Country, "not known") }
func (f flow) ControllerName() string { return cmp.Or(f.Controller, "none") }
func (f flow) RecipientName() string {
	if f.Denied {
		return "denied"
	}
	return cmp.Or(f.Recipient, "none")
}
