package coverage_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/record"
)

func shippedPolicy(t *testing.T) *decision.Policy {
	t.Helper()
	p, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// recordFields are the members of a record that says everything.
func recordFields(t *testing.T) (names []string) {
	t.Helper()
	r := record.Transfer{
		Header: record.Header{Type: "x", Time: time.Unix(1, 0), Node: "x"}, Site: "x", Activity: "x", Statement: "x", Policy: "x", Controller: "x",
		ControllerName: "x", Basis: "x", Country: "x", CountrySource: "x", Origin: "x", Requester: "x", Staff: "x", Ticket: "x", AccessReason: "x", Approval: "x", Conflicts: []string{"x"},
		Legs: []byte("[]"), Region: "x", Recipient: "x", Purposes: []string{"x"}, Categories: []string{"x"}, LegalBasis: "x",
		Reference: "x", Withheld: []string{"x"}, Subject: "x", Method: "x", Route: "x", Bytes: 1, Decision: "x", Enforced: true,
		Reason: "x", Cause: "x", Clause: "x", Law: "x", RetainUntil: "x", Demo: true, Trace: "x",
	}
	var members map[string]any
	if err := json.Unmarshal(r.Append(nil), &members); err != nil {
		t.Fatal(err)
	}
	for name := range members {
		names = append(names, name)
	}
	return names
}
