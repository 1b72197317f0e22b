package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sparkoo/transfergate/internal/report"
)

// reportsPage is the forms that ask for reports.
type reportsPage struct {
	Reports  []reportKind
	From, To string // the last whole month
	Months   []month
}

// month is a month to choose, by its first and last day.
type month struct{ Name, From, To string }

// reportKind is a report that can be asked for, with what it asks for beside the period.
type reportKind struct {
	Name, Title, Text string
	Fields            []field
	Register          bool // it has the forms of the register, too
	make              func(ctx context.Context, v *visit, p report.Period) (written, error)
}

// field is one of a form.
type field struct{ Name, Label, Example string }

// written is a report that was made.
type written interface {
	HTML(w io.Writer) error
	CSV(w io.Writer) error
}

// ofPeriod makes a report that asks for nothing but the period.
func ofPeriod[R written](of func(context.Context, report.Ledger, report.Period, time.Time) (R, error)) func(context.Context, *visit, report.Period) (written, error) {
	return func(ctx context.Context, v *visit, p report.Period) (written, error) {
		return of(ctx, report.Of(v.Dir), p, v.now)
	}
}

// reportKinds are all of them.
func reportKinds() []reportKind {
	return []reportKind{
		{
			"register", "Register of processing and transfers",
			"By controller and activity: data subjects, categories, purposes, recipients, countries, safeguards with their assessments, counts, refusals, changes of the policy (GDPR Art. 30, LGPD Art. 37, PIPL Art. 55 and 56).",
			nil, true,
			ofPeriod(report.RegisterOf),
		},
		{
			"completeness", "Completeness",
			"One sentence that an auditor can sign: which entries a period is, that none is missing, and which checkpoints anchor them. It verifies the whole ledger.",
			nil, false,
			func(ctx context.Context, v *visit, p report.Period) (written, error) {
				return report.CompletenessOf(ctx, v.Dir, p, report.Options{Now: v.now})
			},
		},
		{
			"notice", "Notice",
			"What people are told of recipients, countries and safeguards against what happened, differences first (GDPR Art. 13(1)(f)).",
			nil, false,
			ofPeriod(report.NoticeOf),
		},
		{
			"staff", "Staff",
			"Who of whose staff read what, under which ticket (§5(f)).",
			nil, false,
			ofPeriod(report.StaffOf),
		},
		{
			"incident", "Incident",
			"Whose data was at a place: by controller, country, category and law, with whom to tell by when. Name one place.",
			[]field{{"recipient", "Recipient", "huawei-cloud-cn"}, {"region", "or region", "sa-brazil-1"}, {"node", "or node", "gw-sg-1"}, {"aware", "Known since", "2026-11-30"}}, false,
			func(ctx context.Context, v *visit, p report.Period) (written, error) {
				ask := report.IncidentRequest{Period: p, Place: report.Place{Region: v.form.Get("region"), Recipient: v.form.Get("recipient"), Node: v.form.Get("node")}}
				if ask.Place.Check() != nil {
					return nil, &refusal{http.StatusBadRequest, "An incident is at one place", "Name a recipient, a region or a node, and one alone."}
				}
				if text := v.form.Get("aware"); text != "" {
					var err error
					if ask.Aware, err = time.Parse(time.DateOnly, text); err != nil {
						return nil, &refusal{http.StatusBadRequest, "This is no day", "Write the day since when it is known as in 2026-11-30."}
					}
				}
				return report.IncidentOf(ctx, report.Of(v.Dir), ask, v.now)
			},
		},
	}
}

// reportLimit is how long a report may take.
const reportLimit = 5 * time.Minute

// reports serves the page.
func (v *visit) reports() error {
	p := &reportsPage{Reports: reportKinds()}
	first := time.Date(v.now.Year(), v.now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for range 6 {
		end := first.AddDate(0, 1, -1)
		p.Months = append(p.Months, month{first.Format("January 2006"), day(first), day(end)})
		first = first.AddDate(0, -1, 0)
	}
	p.From, p.To = p.Months[1].From, p.Months[1].To
	return v.render(http.StatusOK, "reports", p)
}

// report makes one.
func (v *visit) report() error {
	period, err := report.ParsePeriod(v.form.Get("from"), v.form.Get("to"))
	if err != nil {
		return &refusal{http.StatusBadRequest, "This is no period", "A report is about whole days: give the first and the last, as in 2026-10-01 and 2026-10-31, in this order."}
	}
	for _, k := range reportKinds() {
		if k.Name != v.form.Get("kind") {
			continue
		}
		ctx, cancel := context.WithTimeout(v.r.Context(), reportLimit)
		defer cancel()
		made, err := k.make(ctx, v, period)
		if err != nil {
			return err
		}
		return v.sendReport(k.Name, v.form.Get("format"), made)
	}
	return &refusal{http.StatusNotFound, "There is no such report", "The page of reports lists all there are."}
}

// sendReport answers with a report, whole or not at all.
func (v *visit) sendReport(name, format string, made written) error {
	var b bytes.Buffer
	var err error
	kind := "text/html; charset=utf-8"
	switch format {
	case "", "html":
		err = made.HTML(&b)
		v.w.Header().Set("Content-Security-Policy", ownStyle(b.Bytes()))
	case "csv":
		kind, err = "text/csv; charset=utf-8", made.CSV(&b)
	case "xlsx":
		register, ok := made.(*report.Register)
		if !ok {
			return errOfRegister
		}
		kind, err = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", register.XLSX(&b)
	case "jsonld":
		register, ok := made.(*report.Register)
		if !ok {
			return errOfRegister
		}
		kind, err = "application/ld+json", register.DPV(&b)
	case "json":
		kind = "application/json"
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		err = e.Encode(made)
	default:
		return &refusal{http.StatusBadRequest, "There is no such format", "Choose html, csv or json."}
	}
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", kind)
	if format != "" && format != "html" {
		v.w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s-%s.%s"`, name, v.form.Get("from"), v.form.Get("to"), format))
	}
	_, _ = v.w.Write(b.Bytes()) // a client that left is nobody's concern
	return nil
}

// errOfRegister refuses a form that the register alone has.
var errOfRegister = &refusal{http.StatusBadRequest, "This report has no such form", "Choose html, csv or json."}

// ownStyle is a policy that lets a page use the style that stands in it, and nothing else:
// a report is a file that is also kept without the console.
func ownStyle(page []byte) string {
	policy := "default-src 'none'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src"
	rest, found := page, false
	for {
		var style []byte
		if _, rest, found = bytes.Cut(rest, []byte("<style>")); !found {
			return policy
		}
		style, rest, _ = bytes.Cut(rest, []byte("</style>"))
		sum := sha256.Sum256(style)
		policy += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
}
