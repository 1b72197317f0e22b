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

// keyRow is a key of the pseudonyms as the admin API shows it.
type keyRow struct {
	ledger.KeyInfo
	// Class of the records that name persons by it.
	Class string `json:"class"`
}

func (a *App) answerKeys(w http.ResponseWriter, _ *http.Request) error {
	rows := []keyRow{}
	for _, c := range a.recorder.Classes() {
		for _, key := range c.Log().Keys() {
			rows = append(rows, keyRow{key, c.Name()})
		}
	}
	return answerJSON(w, map[string]any{"keys": rows})
}

func (a *App) answerRotateKey(w http.ResponseWriter, r *http.Request) error {
	err := a.recorder.Each("", func(l *ledger.Log) error {
		_, err := l.RotateKey()
		return err
	})
	if err != nil {
		return unavailable(err)
	}
	return a.answerKeys(w, r)
}

func (a *App) answerDestroyKey(w http.ResponseWriter, r *http.Request) error {
	found := false
	err := a.recorder.Each("", func(l *ledger.Log) error {
		err := l.DestroyKey(r.PathValue("period"))
		if errors.Is(err, ledger.ErrNoKey) {
			return nil // it is another class's
		}
		found = true
		return err
	})
	switch {
	case err != nil:
		return unavailable(err)
	case !found:
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: ledger.ErrNoKey}
	}
	return a.answerKeys(w, r)
}

func unavailable(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
}
