package report_test

import (
	"context"
	"encoding/csv"
	"html"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

func incidentOf(t *testing.T, dir ledger.Dir, ask report.IncidentRequest) *report.Incident {
	t.Helper()
	r, err := report.IncidentOf(context.Background(), report.Of(dir), ask, later)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A law that asks to tell one of them alone says so of the other, in every form, and what
// is not certain stands with it.
func TestIncidentWithNobodyToTell(t *testing.T) {
	dir, _ := peopleUnder(t, withClocksOf(t, "br", `    breach:
      authority: {to: ANPD, within: 72 hours, from: awareness, source: a book, doubt: how many hours}
      persons: {none: "the law names the authority alone", doubt: since when}`))
	r := incidentOf(t, dir, report.IncidentRequest{Place: report.Place{Recipient: "sparkoo-br"}})
	if said := strings.Join(r.NotRuledOut, "\n"); strings.Contains(said, "law br wants") {
		t.Error(said)
	}
	var text, page, sheet strings.Builder
	for _, err := range []error{r.Text(&text), r.HTML(&page), r.CSV(&sheet)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for form, want := range map[string][]string{
		text.String():  {"tell ANPD 72 hours after the controller knows of it (not certain: how many hours)", "the persons need not be told: the law names the authority alone (not certain: since when)"},
		page.String():  {"not certain: how many hours", "<td>not the persons</td><td>the law names the authority alone<br><small>not certain: since when</small></td>"},
		sheet.String(): {",authority,ANPD,72 hours,", ",not the persons,,,,,false,,the law names the authority alone,false,since when"},
	} {
		for _, part := range want {
			if !strings.Contains(form, part) {
				t.Errorf("%q is missing in\n%s", part, form)
			}
		}
	}
}

// Who is affected follows from the entries, counted here by other means: by the region
// that answered, by any recipient on the way, by the node that wrote them.
//
//clause:tests §5(b).2
func TestIncident(t *testing.T) {
	dir := old(t)
	entries := plainEntries(t, dir)
	for what, test := range map[string]struct {
		place report.Place
		in    func(plain) bool
	}{
		"a region":    {report.Place{Region: "cn-north-4"}, func(e plain) bool { return e.Type == record.TypeAccepted && e.Region == "cn-north-4" }},
		"a recipient": {report.Place{Recipient: "sparkoo-br"}, func(e plain) bool { return e.Type == record.TypeAccepted && e.to("sparkoo-br") }},
		"a node":      {report.Place{Node: "gw-sg-1"}, func(e plain) bool { return e.Type == record.TypeAccepted || e.Type == record.TypeRefused }},
		"another":     {report.Place{Node: "gw-sg-2"}, func(plain) bool { return false }},
		"the store": {report.Place{Region: "ap-southeast-3"}, func(e plain) bool {
			return e.Type == record.TypeAccepted && (e.Region == "ap-southeast-3" || slices.ContainsFunc(e.Legs, func(l plainLeg) bool { return l.Kind == "storage" }))
		}},
	} {
		people, unnamed := make(map[string]bool), uint64(0)
		groups, categories, laws := make(map[string]uint64), make(map[string]uint64), make(map[string]uint64)
		for _, e := range entries {
			if !test.in(e) {
				continue
			}
			if people[e.Subject] = true; e.Subject == "" {
				delete(people, "")
				unnamed++
			}
			groups[e.Controller+" "+e.Country]++
			for _, c := range e.Categories {
				categories[c]++
			}
			once := make(map[string]bool)
			for _, l := range e.Legs {
				for _, v := range l.Laws {
					once[v.Law] = true
				}
			}
			for law := range once {
				laws[law]++
			}
		}
		r := incidentOf(t, dir, report.IncidentRequest{Place: test.place})
		gotGroups, gotCategories, gotLaws := make(map[string]uint64), make(map[string]uint64), make(map[string]uint64)
		for _, a := range r.Affected {
			gotGroups[a.Controller.ID+" "+a.Country.ID] += a.Records
		}
		for _, c := range r.Categories {
			gotCategories[c.Category.ID] = c.Records
		}
		for _, l := range r.Laws {
			gotLaws[l.Law.ID] = l.Records
		}
		if !maps.Equal(gotGroups, groups) || !maps.Equal(gotCategories, categories) || !maps.Equal(gotLaws, laws) || r.People != uint64(len(people)) || r.Unnamed != unnamed {
			t.Errorf("%s: got %v %v %v %d %d\nwant %v %v %v %d %d", what, gotGroups, gotCategories, gotLaws, r.People, r.Unnamed, groups, categories, laws, len(people), unnamed)
		}
	}
}

// Data that was not sent reached the node, and nobody after it.
func TestIncidentOfWhatWasNotSent(t *testing.T) {
	dir, _ := people(t)
	for place, want := range map[report.Place]uint64{{Recipient: "sparkoo-sg"}: 1, {Recipient: "sparkoo-cl"}: 0, {Recipient: "sparkoo-br"}: 2, {Node: "gw-1"}: 2} {
		if r := incidentOf(t, dir, report.IncidentRequest{Place: place}); r.Transfers != want {
			t.Errorf("%+v: %d, want %d", place, r.Transfers, want)
		}
	}
}

// A place that no record names is no calm answer: it may be misspelt.
func TestIncidentAtAPlaceNobodyNames(t *testing.T) {
	dir := old(t)
	for place, want := range map[report.Place]string{
		{Region: "cn-nort-4"}:      "No record of that time names a region 'cn-nort-4'; did you mean 'cn-north-4'?",
		{Recipient: "sparkoo-sgg"}: "No record of that time names a recipient 'sparkoo-sgg'; did you mean 'sparkoo-sg'?",
		{Node: "gw-sg-9"}:          "No record of that time names a node 'gw-sg-9'; see that it is written as in the registers.",
		{Region: "cn-north-4"}:     "",
	} {
		r := incidentOf(t, dir, report.IncidentRequest{Place: place})
		said := slices.DeleteFunc(slices.Clone(r.NotRuledOut), func(text string) bool { return !strings.HasPrefix(text, "No record of that time") })
		if got := strings.Join(said, " "); got != want {
			t.Errorf("%+v: %q, want %q", place, got, want)
		}
	}
}

// The days are those of a calendar: 27 November 2026 is a Friday.
//
//clause:tests §5(b).2
func TestIncidentClocks(t *testing.T) {
	dir := old(t)
	aware := time.Date(2026, 11, 27, 9, 30, 0, 0, time.UTC)
	due := func(r *report.Incident) map[string]string {
		all := make(map[string]string)
		for _, l := range r.Laws {
			for _, c := range l.Clocks {
				all[l.Law.ID+" "+c.Who] = c.Due
				if c.Earliest {
					all[l.Law.ID+" "+c.Who] += " earliest"
				}
			}
		}
		return all
	}
	r := incidentOf(t, dir, report.IncidentRequest{Place: report.Place{Region: "cn-north-4"}, Aware: aware})
	got := due(r)
	for key, want := range map[string]string{
		"br authority": "2026-12-02 09:30 +00:00", "br persons": "2026-12-02 09:30 +00:00", // Monday, Tuesday, Wednesday
		"eu authority": "2026-11-30 09:30 +00:00", "eu persons": "", "pe authority": "2026-11-29 09:30 +00:00",
		"sg authority": "2026-11-30 09:30 +00:00 earliest", // from the day on which it is assessed
	} {
		if got[key] != want {
			t.Errorf("%s: %s, want %s", key, got[key], want)
		}
	}
	for _, l := range r.Laws {
		if l.Law.ID == "hk" && (l.None == "" || len(l.Clocks) != 0) {
			t.Errorf("%+v", l)
		}
	}
	for key, day := range due(incidentOf(t, dir, report.IncidentRequest{Place: report.Place{Region: "cn-north-4"}})) {
		if day != "" {
			t.Errorf("nobody said when the controller knew, and %s is %s", key, day)
		}
	}
}

// All forms hold, and a place is one.
func TestIncidentForms(t *testing.T) {
	dir, _ := people(t)
	r := incidentOf(t, dir, report.IncidentRequest{Place: report.Place{Recipient: "sparkoo-sg"}, Aware: later})
	var text, page, sheet strings.Builder
	for _, err := range []error{r.Text(&text), r.HTML(&page), r.CSV(&sheet)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(sheet.String())).ReadAll()
	if err != nil || len(rows) < 6 {
		t.Fatal(rows, err)
	}
	for form, all := range map[string]string{"text": text.String(), "page": html.UnescapeString(page.String()), "CSV": sheet.String()} {
		if !strings.Contains(all, "Sparkoo Technologies Do Brasil Ltda.") || !strings.Contains(all, "2027-01-08 08:00 +00:00") || strings.Contains(all, "h1:") {
			t.Errorf("%s: %s", form, all)
		}
	}
	for _, bad := range []report.Place{{}, {Region: "a", Node: "b"}} {
		if _, err := report.IncidentOf(context.Background(), report.Of(dir), report.IncidentRequest{Place: bad}, later); err == nil {
			t.Errorf("%+v is a place", bad)
		}
	}
}
