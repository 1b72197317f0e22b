package adminapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// explainRoutes are those of the admin API. GET takes facts that are nobody's in
// particular, because the admin API logs addresses; an account id goes into the
// body of a POST.
var explainRoutes = []caddy.AdminRoute{
	{Pattern: "GET /transfer/explain", Handler: forGateway(answerExplainQuery)},
	{Pattern: "POST /transfer/explain", Handler: forGateway(answerExplain)},
}

// maxQuestion is the longest body of a question, in bytes.
const maxQuestion = 64 << 10

func answerExplain(g Gateway, w http.ResponseWriter, r *http.Request) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion))
	dec.DisallowUnknownFields()
	var q question.Question
	if err := dec.Decode(&q); err != nil || dec.Decode(new(any)) != io.EOF {
		// What the decoder says may quote the question.
		return badQuestion(errors.New("the body is not one question as JSON, with the keys of 'transfer explain'"))
	}
	return explainTo(g, w, q)
}

func answerExplainQuery(g Gateway, w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuestion(r.URL.Query())
	if err != nil {
		return badQuestion(err)
	}
	return explainTo(g, w, q)
}

func explainTo(g Gateway, w http.ResponseWriter, q question.Question) error {
	answers, err := g.Explain(q)
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
		case "ticket":
			q.Ticket = value
		case "access_reason":
			if q.AccessReason, err = question.ParseAccessReason(value); err != nil {
				return q, errors.New("access_reason is none of the reasons of staff")
			}
		case "account":
			return q, errors.New("an account id does not belong into an address, which is logged: POST the question as JSON")
		default:
			return q, unknownKey(key)
		}
		if err != nil {
			return q, err
		}
	}
	return q, nil
}

// unknownKey does not repeat the key: it may be somebody's account.
func unknownKey(key string) error {
	return fmt.Errorf("unknown key in the query; %s", suggest.For(key, []string{"activity", "country", "contracting_party", "claimed_party", "at", "regions", "staff", "ticket", "access_reason"}))
}
