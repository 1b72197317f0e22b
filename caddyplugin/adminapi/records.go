package adminapi

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/review"
)

// recordRoutes read the ledger. The admin API logs addresses: what names a record may
// stand in one, what names a person may not.
var recordRoutes = []caddy.AdminRoute{
	{Pattern: "GET /transfer/ledger/records", Handler: forGateway(answerRecords)},
}

// Records are entries of the ledger with what belongs to them.
type Records struct {
	Records []*review.Shown `json:"records"`
}

func answerRecords(g Gateway, w http.ResponseWriter, r *http.Request) error {
	all, err := review.Show(r.Context(), ledger.At(g.Recorder().Dir()), r.URL.Query().Get("which"))
	switch {
	case errors.Is(err, review.ErrNoName):
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
	case errors.Is(err, review.ErrNone), errors.Is(err, ledger.ErrNoEntry):
		return notFound(err)
	case err != nil:
		return unavailable(err)
	}
	return answerJSON(w, Records{all})
}

// Records shows the entries of the running gateway's ledger that have a number, an id
// or a trace. What is none of them is not sent.
func (c Client) Records(which string) ([]*review.Shown, error) {
	if _, err := review.Named(which); err != nil {
		return nil, err
	}
	answer, err := ask[Records](c, http.MethodGet, "/transfer/ledger/records?which="+url.QueryEscape(which), nil)
	return answer.Records, err
}
