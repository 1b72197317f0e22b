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
	holds, err := ledger.Holds(a.ledger.dir)
	if err != nil {
		return err
	}
	return answerJSON(w, map[string]any{"holds": append([]ledger.Hold{}, holds...)})
}

func (a *App) answerSetHold(w http.ResponseWriter, r *http.Request) error {
	return a.changeHolds(w, r, (*ledger.Log).SetHold)
}

func (a *App) answerLiftHold(w http.ResponseWriter, r *http.Request) error {
	return a.changeHolds(w, r, func(l *ledger.Log, h ledger.Hold) error { return l.LiftHold(h.Ref, h.By, h.Because) })
}

// changeHolds answers with the holds as they are after the change. The body says
// who wants it and why; the path may name the hold.
func (a *App) changeHolds(w http.ResponseWriter, r *http.Request, change func(*ledger.Log, ledger.Hold) error) error {
	var h ledger.Hold
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxHold))
	body.DisallowUnknownFields()
	if err := body.Decode(&h); err != nil {
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: fmt.Errorf("reading what is to be done about a hold: %w", err)}
	}
	if ref := r.PathValue("ref"); ref != "" {
		h.Ref = ref
	}
	if err := h.Check(); err != nil {
		return unprocessable(err)
	}
	if !a.ledger.hold() {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: ledger.ErrClosed}
	}
	defer a.class.release()
	err := change(a.ledger.log, h)
	switch {
	case errors.Is(err, ledger.ErrNoHold):
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: err}
	case err != nil:
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	return a.answerHolds(w, r)
}
