package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// Explain answers a question as this gateway would: by its policy, where its node
// stands, with its account records. Sites that declare other regions may answer
// differently, so that there is one explanation for each of them; a question that
// names regions is answered once. Nothing is recorded.
func (a *App) Explain(q question.Question) ([]decision.Explanation, error) {
	s := a.store.State()
	accounts := a.table.Snapshot().Under(s.Roster)
	q.Node, q.Demo = decision.Place{Entity: a.Node.Entity, Country: a.Node.Country}, a.Demo
	var sites []decision.Site
	if q.Regions != nil {
		sites = append(sites, decision.Site{Regions: q.Regions, Statement: q.Statement})
	}
	for _, h := range a.handlers {
		serves := slices.ContainsFunc(h.Activities, func(x *Activity) bool { return x.Name == q.Activity })
		known := slices.ContainsFunc(sites, func(x decision.Site) bool {
			return slices.Equal(x.Regions, h.site.Regions) && x.Statement == h.site.Statement
		})
		if q.Regions == nil && serves && !known {
			sites = append(sites, h.site.Site)
		}
	}
	if len(sites) == 0 {
		// Either the policy lacks the activity, which the answer says, or no site has it.
		if _, err := whatif.Explain(s.Policy, &accounts, q, now()); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("no site of this gateway serves the activity '%s': map requests to it, or name regions", q.Activity)
	}
	var answers []decision.Explanation
	for _, site := range sites {
		q.Regions, q.Statement = site.Regions, site.Statement
		e, err := whatif.Explain(s.Policy, &accounts, q, now())
		if err != nil {
			return nil, err
		}
		answers = append(answers, e)
	}
	return answers, nil
}

// explainRoutes are those of the admin API. GET takes facts that are nobody's in
// particular, because the admin API logs addresses; an account id goes into the
// body of a POST.
var explainRoutes = []caddy.AdminRoute{
	{Pattern: "GET /transfer/explain", Handler: forApp((*App).answerExplainQuery)},
	{Pattern: "POST /transfer/explain", Handler: forApp((*App).answerExplain)},
}

// maxQuestion is the longest body of a question, in bytes.
const maxQuestion = 64 << 10

func (a *App) answerExplain(w http.ResponseWriter, r *http.Request) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion))
	dec.DisallowUnknownFields()
	var q question.Question
	if err := dec.Decode(&q); err != nil || dec.Decode(new(any)) != io.EOF {
		// What the decoder says may quote the question.
		return badQuestion(errors.New("the body is not one question as JSON, with the keys of 'transfer explain'"))
	}
	return a.explainTo(w, q)
}

func (a *App) answerExplainQuery(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuestion(r.URL.Query())
	if err != nil {
		return badQuestion(err)
	}
	return a.explainTo(w, q)
}

func (a *App) explainTo(w http.ResponseWriter, q question.Question) error {
	answers, err := a.Explain(q)
	if err != nil {
		return badQuestion(err)
	}
	return answerJSON(w, answers)
}

func badQuestion(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
}

// parseQuestion reads a question out of a query.
func parseQuestion(values url.Values) (q question.Question, err error) {
	for key, list := range values {
		value := list[0]
		if len(list) > 1 {
			return q, fmt.Errorf("'%s' stands twice in the query", key)
		}
		switch key {
		case "activity":
			q.Activity = value
		case "country":
			q.Country = value
		case "contracting_party":
			q.Party = value
		case "claimed_party":
			q.Claim = value
		case "at":
			q.At, err = question.ParseMoment(value)
		case "regions":
			q.Regions = strings.Split(value, ",")
		case "staff":
			staff, err := question.ParsePlace(value)
			if err != nil {
				return q, errors.New("staff is not entity@COUNTRY")
			}
			q.Staff = &staff
		case "account":
			return q, errors.New("an account id does not belong into an address, which is logged: POST the question as JSON")
		default:
			return q, fmt.Errorf("unknown key in the query%s", did(key, []string{"activity", "country", "contracting_party", "claimed_party", "at", "regions", "staff"}))
		}
		if err != nil {
			return q, err
		}
	}
	return q, nil
}
