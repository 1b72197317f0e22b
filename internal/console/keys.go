package console

import (
	"net/http"

	"github.com/sparkoo/transfergate/internal/query"
)

// keys serves the page of what a query may ask for. It is one of its own, because it is
// longer than most answers.
func (v *visit) keys() error { return v.render(http.StatusOK, "keys", query.Keys()) }
