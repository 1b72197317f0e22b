package adminapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

// lookRoutes record that somebody looked at a person's records, or took records away.
// Whoever reads the ledger's folder beside the gateway has it write the entry.
var lookRoutes = []caddy.AdminRoute{
	{Pattern: "POST /transfer/ledger/looks", Handler: forOperator(answerLook)},
}

// maxLook bounds the body of a request about a look.
const maxLook = 8 << 10

// Recorded says which entry tells of something.
type Recorded struct {
	Record string `json:"record"`
}

func answerLook(g Gateway, _ giver, w http.ResponseWriter, r *http.Request) error {
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLook))
	body.DisallowUnknownFields()
	var look report.Look
	if err := body.Decode(&look); err != nil || body.Decode(new(any)) != io.EOF {
		// What the decoder says may quote what was sent.
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: errors.New("the body is not one look as JSON")}
	}
	if err := look.Check(); err != nil {
		return unprocessable(err)
	}
	c := g.Recorder().Find(record.DefaultClass)
	release, open := c.Acquire()
	if !open {
		return unavailable(ledger.ErrClosed)
	}
	defer release()
	dir := c.Log().Dir()
	switch own, err := look.Of(dir); {
	case err != nil:
		return unavailable(err)
	case !own:
		return unprocessable(errors.New("the look was at the ledger of another gateway: ask that one, or name the folder of a ledger that nobody writes"))
	}
	id, err := c.Append(look.Entry(dir.Node(), time.Now()))
	if err != nil {
		return unavailable(err)
	}
	c.Looked(look.What)
	return answerJSON(w, Recorded{c.RecordName(id)})
}

// Look has the gateway record a look at its ledger, and returns the entry's number.
func (c Client) Look(look report.Look) (string, error) {
	answer, err := ask[Recorded](c, http.MethodPost, "/transfer/ledger/looks", look)
	return answer.Record, err
}
