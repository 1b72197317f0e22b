package adminapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// holdRoutes set and lift holds, which keep epochs of the ledger from being
// deleted.
var holdRoutes = []caddy.AdminRoute{
	{Pattern: "GET /transfer/ledger/holds", Handler: forGateway(answerHolds)},
	{Pattern: "POST /transfer/ledger/holds", Handler: forOrder(answerSetHold)},
	{Pattern: "POST /transfer/ledger/holds/{ref}/lift", Handler: forOrder(answerLiftHold)},
}

// maxHold bounds the body of a request about a hold.
const maxHold = 4 << 10

// Holds are the holds on the ledger, of all classes.
type Holds struct {
	Holds []ledger.ClassHold `json:"holds"`
}

func answerHolds(g Gateway, w http.ResponseWriter, _ *http.Request) error {
	holds, err := g.Recorder().Set().Holds()
	if err != nil {
		return err
	}
	return answerJSON(w, Holds{append([]ledger.ClassHold{}, holds...)})
}

func answerSetHold(g Gateway, w http.ResponseWriter, r *http.Request) error {
	h, err := readHold(g, w, r)
	if err != nil {
		return err
	}
	if err := g.Recorder().Set().SetHold(h); err != nil {
		return unavailable(err)
	}
	return answerHolds(g, w, r)
}

func answerLiftHold(g Gateway, w http.ResponseWriter, r *http.Request) error {
	h, err := readHold(g, w, r)
	if err != nil {
		return err
	}
	switch err := g.Recorder().Set().LiftHold(h); {
	case errors.Is(err, ledger.ErrNoHold):
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: ledger.ErrNoHold}
	case err != nil:
		return unavailable(err)
	}
	return answerHolds(g, w, r)
}

// readHold reads what is to be done about a hold, who wants it and why. The path
// may name the hold.
func readHold(g Gateway, w http.ResponseWriter, r *http.Request) (h ledger.ClassHold, err error) {
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxHold))
	body.DisallowUnknownFields()
	if err := body.Decode(&h); err != nil {
		return h, caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: fmt.Errorf("reading what is to be done about a hold: %w", err)}
	}
	if body.Decode(new(any)) != io.EOF {
		return h, caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: errors.New("the body is more than one hold: none of it was done; give an order for each")}
	}
	if ref := r.PathValue("ref"); ref != "" {
		if h.Ref != "" && h.Ref != ref {
			return h, unprocessable(errors.New("the body names another hold than the path: none was lifted"))
		}
		h.Ref = ref
	}
	if err := h.Check(); err != nil {
		return h, unprocessable(err)
	}
	if h.Class != "" && g.Recorder().Find(h.Class) == nil {
		return h, unprocessable(fmt.Errorf("the ledger has no class '%s'", h.Class))
	}
	return h, nil
}
