package adminapi

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/recorder"
)

// statusRoutes are about all of the gateway, for whoever is called at night.
var statusRoutes = []caddy.AdminRoute{
	{Pattern: "GET /transfer/status", Handler: forGateway(answerStatus)},
}

// Status is how the gateway is.
type Status struct {
	Node string    `json:"node"`
	At   time.Time `json:"at"`
	// Ready says that transfers can be decided and recorded, and NotReady why not.
	Ready    bool   `json:"ready"`
	NotReady string `json:"not_ready,omitempty"`
	// Demo says that example contracts satisfy laws.
	Demo   bool            `json:"demo,omitempty"`
	Policy PolicyStatus    `json:"policy"`
	Ledger recorder.Status `json:"ledger"`
	// Troubles are what stops transfers, and then what soon will.
	Troubles []Trouble `json:"troubles"`
}

// Trouble is something that stops transfers or will.
type Trouble struct {
	// Stops says that it does so now.
	Stops bool   `json:"stops"`
	Text  string `json:"text"`
	// Page is the heading of the runbook that says what to do, as links name it.
	Page string `json:"page"`
}

func answerStatus(g Gateway, w http.ResponseWriter, _ *http.Request) error {
	return answerJSON(w, g.Status())
}

// Status asks how the gateway is.
func (c Client) Status() (Status, error) {
	return ask[Status](c, http.MethodGet, "/transfer/status", nil)
}
