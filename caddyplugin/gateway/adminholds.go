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

// heldClass is a hold and the class of the records it keeps; no class in an order
// means all of them.
type heldClass struct {
	ledger.Hold
	Class string `json:"class,omitempty"`
}

func (a *App) answerHolds(w http.ResponseWriter, _ *http.Request) error {
	rows := []heldClass{}
	for _, c := range a.recorder.Classes() {
		holds, err := ledger.Holds(c.Dir())
		if err != nil {
			return err
		}
		for _, h := range holds {
			rows = append(rows, heldClass{h, c.Name()})
		}
	}
	return answerJSON(w, map[string]any{"holds": rows})
}

func (a *App) answerSetHold(w http.ResponseWriter, r *http.Request) error {
	h, err := a.readHold(w, r)
	if err != nil {
		return err
	}
	if err := a.recorder.Each(h.Class, func(l *ledger.Log) error { return l.SetHold(h.Hold) }); err != nil {
		return unavailable(err)
	}
	return a.answerHolds(w, r)
}

func (a *App) answerLiftHold(w http.ResponseWriter, r *http.Request) error {
	h, err := a.readHold(w, r)
	if err != nil {
		return err
	}
	found := false
	err = a.recorder.Each(h.Class, func(l *ledger.Log) error {
		err := l.LiftHold(h.Ref, h.By, h.Because)
		if errors.Is(err, ledger.ErrNoHold) {
			return nil // it keeps other classes
		}
		found = true
		return err
	})
	switch {
	case err != nil:
		return unavailable(err)
	case !found:
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: ledger.ErrNoHold}
	}
	return a.answerHolds(w, r)
}

// readHold reads what is to be done about a hold, who wants it and why. The path
// may name the hold.
func (a *App) readHold(w http.ResponseWriter, r *http.Request) (h heldClass, err error) {
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
