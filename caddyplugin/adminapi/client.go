package adminapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/question"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 16 << 20

// Client asks a running gateway. An error of any method names the address; what the
// gateway says about it is in it.
type Client struct {
	// Address of the admin endpoint, host:port or unix//path. Default: Caddy's
	// own, localhost:2019 unless the variable CADDY_ADMIN of the environment names
	// another
	Address string

	// Key is an operator's private key, as 'transfer policy keygen' makes it. Orders
	// are signed with it. Default: orders are not signed, which does where the admin
	// address is a unix socket
	Key string
}

// ReloadPolicy makes the gateway read its policy's folder now.
func (c Client) ReloadPolicy() (Reloaded, error) {
	return ask[Reloaded](c, http.MethodPost, "/transfer/policy/reload", nil)
}

// Explain puts a question, in a body: the admin endpoint logs addresses.
func (c Client) Explain(q question.Question) ([]decision.Explanation, error) {
	return ask[[]decision.Explanation](c, http.MethodPost, "/transfer/explain", q)
}

// LedgerFolder is the folder of the ledger as the configuration that runs names it.
func (c Client) LedgerFolder() (string, error) {
	return ask[string](c, http.MethodGet, "/config/apps/transfer/ledger/folder", nil)
}

// Keys lists the keys of the pseudonyms.
func (c Client) Keys() ([]ledger.ClassKey, error) { return c.keys(http.MethodGet, "") }

// RotateKeys makes a new key for each class and lists what there is then.
func (c Client) RotateKeys() ([]ledger.ClassKey, error) { return c.keys(http.MethodPost, "/rotate") }

// DestroyKey destroys the key of a period for good and lists what is left.
func (c Client) DestroyKey(period string) ([]ledger.ClassKey, error) {
	return c.keys(http.MethodPost, "/"+url.PathEscape(period)+"/destroy")
}

func (c Client) keys(method, path string) ([]ledger.ClassKey, error) {
	answer, err := ask[Keys](c, method, "/transfer/ledger/keys"+path, nil)
	return answer.Keys, err
}

// Holds lists the holds.
func (c Client) Holds() ([]ledger.ClassHold, error) {
	answer, err := ask[Holds](c, http.MethodGet, "/transfer/ledger/holds", nil)
	return answer.Holds, err
}

// SetHold sets a hold, on all classes if it names none, and lists what there is then.
func (c Client) SetHold(h ledger.ClassHold) ([]ledger.ClassHold, error) {
	answer, err := ask[Holds](c, http.MethodPost, "/transfer/ledger/holds", h)
	return answer.Holds, err
}

// LiftHold lifts one in the same way; By and Because say who wants it and why.
func (c Client) LiftHold(h ledger.ClassHold) ([]ledger.ClassHold, error) {
	answer, err := ask[Holds](c, http.MethodPost, "/transfer/ledger/holds/"+url.PathEscape(h.Ref)+"/lift", h)
	return answer.Holds, err
}

// ask sends a request, with an order as JSON if there is one, and reads the answer.
func ask[T any](c Client, method, path string, order any) (answer T, err error) {
	address := cmp.Or(c.Address, caddy.DefaultAdminListen)
	header := make(http.Header)
	var body io.Reader
	var text []byte
	if order != nil {
		if text, err = json.Marshal(order); err != nil {
			return answer, fmt.Errorf("writing what the gateway is asked: %w", err)
		}
		header.Set("Content-Type", "application/json")
		body = bytes.NewReader(text)
	}
	if c.Key != "" && method != http.MethodGet {
		name, value, err := c.Sign(method, path, text)
		if err != nil {
			return answer, err
		}
		header.Set(name, value)
	}
	response, err := caddycmd.AdminAPIRequest(address, method, path, header, body)
	if err != nil {
		return answer, fmt.Errorf("asking the gateway at %s: %w", address, err)
	}
	defer response.Body.Close()
	if last := response.Request; last.Method != method || last.URL.RequestURI() != path {
		// What answers now was not asked for this: a GET after a POST changes nothing.
		return answer, fmt.Errorf("asking the gateway at %s: it sends %s %s on to %s %s: this is not the admin address of a gateway",
			address, method, path, last.Method, last.URL.RequestURI())
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer); err != nil {
		return answer, fmt.Errorf("reading the answer of the gateway at %s: %w", address, err)
	}
	return answer, nil
}
