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
	return answerJSON(w, map[string]any{"keys": a.ledger.log.Keys()})
}

func (a *App) answerRotateKey(w http.ResponseWriter, _ *http.Request) error {
	return a.changeKeys(w, func(l *ledger.Log) error {
		_, err := l.RotateKey()
		return err
	})
}

func (a *App) answerDestroyKey(w http.ResponseWriter, r *http.Request) error {
	return a.changeKeys(w, func(l *ledger.Log) error { return l.DestroyKey(r.PathValue("period")) })
}

// changeKeys answers with the keys as they are after the change.
func (a *App) changeKeys(w http.ResponseWriter, change func(*ledger.Log) error) error {
	if !a.ledger.hold() {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: ledger.ErrClosed}
	}
	defer a.class.release()
	err := change(a.ledger.log)
	switch {
	case errors.Is(err, ledger.ErrNoKey):
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: err}
	case err != nil:
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	return a.answerKeys(w, nil)
}
