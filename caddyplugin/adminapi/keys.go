package adminapi

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// keyRoutes tend the keys of the ledger's pseudonyms.
var keyRoutes = []caddy.AdminRoute{
	{Pattern: "GET /transfer/ledger/keys", Handler: forGateway(answerKeys)},
	{Pattern: "POST /transfer/ledger/keys/rotate", Handler: forOrder(answerRotateKey)},
	{Pattern: "POST /transfer/ledger/keys/{period}/destroy", Handler: forOrder(answerDestroyKey)},
}

// Keys are the keys of the pseudonyms, of all classes.
type Keys struct {
	Keys []ledger.ClassKey `json:"keys"`
}

func answerKeys(g Gateway, w http.ResponseWriter, _ *http.Request) error {
	return answerJSON(w, Keys{append([]ledger.ClassKey{}, g.Recorder().Set().Keys()...)})
}

func answerRotateKey(g Gateway, w http.ResponseWriter, r *http.Request) error {
	if err := g.Recorder().Set().RotateKeys(); err != nil {
		return unavailable(err)
	}
	return answerKeys(g, w, r)
}

func answerDestroyKey(g Gateway, w http.ResponseWriter, r *http.Request) error {
	switch err := g.Recorder().Set().DestroyKey(r.PathValue("period")); {
	case errors.Is(err, ledger.ErrNoKey):
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: ledger.ErrNoKey}
	case err != nil:
		return unavailable(err)
	}
	return answerKeys(g, w, r)
}
