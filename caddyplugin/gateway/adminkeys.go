package gateway

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// keyRoutes tend the keys of the ledger's pseudonyms.
var keyRoutes = []caddy.AdminRoute{
	{Pattern: "GET /transfer/ledger/keys", Handler: forApp((*App).answerKeys)},
	{Pattern: "POST /transfer/ledger/keys/rotate", Handler: forApp((*App).answerRotateKey)},
	{Pattern: "POST /transfer/ledger/keys/{period}/destroy", Handler: forApp((*App).answerDestroyKey)},
}

func (a *App) answerKeys(w http.ResponseWriter, _ *http.Request) error {
	return answerJSON(w, map[string]any{"keys": append([]ledger.ClassKey{}, a.recorder.Set().Keys()...)})
}

func (a *App) answerRotateKey(w http.ResponseWriter, r *http.Request) error {
	if err := a.recorder.Set().RotateKeys(); err != nil {
		return unavailable(err)
	}
	return a.answerKeys(w, r)
}

func (a *App) answerDestroyKey(w http.ResponseWriter, r *http.Request) error {
	switch err := a.recorder.Set().DestroyKey(r.PathValue("period")); {
	case errors.Is(err, ledger.ErrNoKey):
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: ledger.ErrNoKey}
	case err != nil:
		return unavailable(err)
	}
	return a.answerKeys(w, r)
}

func unavailable(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
}
