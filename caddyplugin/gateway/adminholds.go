package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// holdRoutes set and lift holds, which keep epochs of the ledger from being
// deleted.
var holdRoutes = []caddy.AdminRoute{
	{Pattern: "GET /transfer/ledger/holds", Handler: forApp((*App).answerHolds)},
	{Pattern: "POST /transfer/ledger/holds", Handler: forApp((*App).answerSetHold)},
	{Pattern: "POST /transfer/ledger/holds/{ref}/lift", Handler: forApp((*App).answerLiftHold)},
}

// maxHold bounds the body of a request about a hold.
const maxHold = 4 << 10

func (a *App) answerHolds(w http.ResponseWriter, _ *http.Request) error {
	holds, err := a.recorder.Set().Holds()
	if err != nil {
		return err
	}
	return answerJSON(w, map[string]any{"holds": append([]ledger.ClassHold{}, holds...)})
}

func (a *App) answerSetHold(w http.ResponseWriter, r *http.Request) error {
	h, err := a.readHold(w, r)
	if err != nil {
		return err
	}
	if err := a.recorder.Set().SetHold(h); err != nil {
		return unavailable(err)
	}
	return a.answerHolds(w, r)
}

func (a *App) answerLiftHold(w http.ResponseWriter, r *http.Request) error {
	h, err := a.readHold(w, r)
	if err != nil {
		return err
	}
	switch err := a.recorder.Set().LiftHold(h); {
	case errors.Is(err, ledger.ErrNoHold):
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: ledger.ErrNoHold}
	case err != nil:
		return unavailable(err)
	}
	return a.answerHolds(w, r)
}

// readHold reads what is to be done about a hold, who wants it and why. The path
// may name the hold.
func (a *App) readHold(w http.ResponseWriter, r *http.Request) (h ledger.ClassHold, err error) {
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxHold))
	body.DisallowUnknownFields()
	if err := body.Decode(&h); err != nil {
		return h, caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: fmt.Errorf("reading what is to be done about a hold: %w", err)}
	}
	if ref := r.PathValue("ref"); ref != "" {
		h.Ref = ref
	}
	if err := h.Check(); err != nil {
		return h, unprocessable(err)
	}
	if h.Class != "" && a.recorder.Find(h.Class) == nil {
		return h, unprocessable(fmt.Errorf("the ledger has no class '%s'", h.Class))
	}
	return h, nil
}
