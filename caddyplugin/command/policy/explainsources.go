package policy

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// Where the answer of explain comes from, other than from flags and registers.

// ofCaddyfile asks the gateway that a Caddyfile describes, without starting it.
func (f *explainFlags) ofCaddyfile(q question.Question) (answers []decision.Explanation, err error) {
	text, err := regular.ReadFile(f.caddyfile, regular.PolicyLimit)
	if err != nil {
		return nil, fmt.Errorf("reading the Caddyfile: %w", err)
	}
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": f.caddyfile})
	if err != nil {
		return nil, fmt.Errorf("reading the Caddyfile: %w", err)
	}
	offline, err := gateway.LoadOffline(adapted)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := offline.Close(); err == nil {
			err = e
		}
	}()
	if f.request == "" {
		return offline.Explain(q)
	}
	r, err := readRequest(f.request, f.from)
	if err != nil {
		return nil, err
	}
	e, err := offline.ExplainRequest(r)
	return []decision.Explanation{e}, err
}

// readRequest reads a file with an HTTP/1.1 request, as a client sends it. Line
// ends may be those of any system.
func readRequest(path, from string) (*http.Request, error) {
	data, err := regular.ReadFile(path, regular.PolicyLimit)
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	head, body, _ := bytes.Cut(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	head = bytes.ReplaceAll(append(bytes.TrimSpace(head), "\n\n"...), []byte("\n"), []byte("\r\n"))
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(head, body...))))
	if err != nil {
		return nil, fmt.Errorf("the file %s is no HTTP/1.1 request (a line such as GET /v1/support HTTP/1.1, then Host and other fields): %w", path, err)
	}
	r.RemoteAddr = from
	return r, nil
}

// findRecord returns the folder and the place of the record that is asked about.
func (f *explainFlags) findRecord(args []string) (folder string, id ledger.ID, err error) {
	if f.record != "" {
		return cli.FindRecord(f.record)
	}
	return cli.RecordIn(f.ledger, args[0])
}

// ofRecord explains a record of a ledger with the policy it was decided by.
func (f *explainFlags) ofRecord(args []string) (decision.Explanation, error) {
	dir, id, err := f.findRecord(args)
	if err != nil {
		return decision.Explanation{}, err
	}
	r, err := readRecord(dir, id)
	if err != nil {
		return decision.Explanation{}, err
	}
	blob, err := ledger.ReadPolicy(dir, r.Policy)
	if err != nil {
		return decision.Explanation{}, fmt.Errorf("reading the policy of record %s: %w", id, err)
	}
	registers, err := config.LoadArchive(blob, "policy "+r.Policy[:min(12, len(r.Policy))], r.Policy)
	if err != nil {
		return decision.Explanation{}, fmt.Errorf("reading the policy of record %s: %w", id, err)
	}
	q, err := r.question(registers.Policy)
	if err != nil {
		return decision.Explanation{}, fmt.Errorf("record %s: %w", id, err)
	}
	e, err := whatif.Explain(registers.Policy, nil, q, r.Time)
	if err != nil {
		return e, fmt.Errorf("record %s: %w", id, err)
	}
	if !r.says(&e) && !q.Demo {
		// A denial does not say whether it was a demonstration.
		q.Demo = true
		if demo, err := whatif.Explain(registers.Policy, nil, q, r.Time); err == nil && r.says(&demo) {
			e = demo
		}
	}
	e.Steps = append([]decision.Step{r.step(id, &e)}, e.Steps...)
	return e, nil
}

// says reports whether the record says what the explanation comes to.
func (r recorded) says(e *decision.Explanation) bool {
	return e.Outcome == r.Decision && string(e.Reason) == r.Reason
}

// question is what the record says was asked. A record does not hold the person's
// choices: where one stopped the request, its reason says which kind it was.
func (r recorded) question(p *decision.Policy) (q question.Question, err error) {
	q = question.Question{Activity: r.Activity, Country: r.Country, At: r.Time, Deletes: r.Method == http.MethodDelete, Demo: r.Demo}
	if r.Controller == "unlisted" {
		return q, fmt.Errorf("the contracting party was not in the registers, and a record does not say where it is")
	}
	switch decision.Basis(r.Basis) {
	case decision.BasisAccountCenter:
		q.Party = r.Controller
	case decision.BasisTokenClaim:
		q.Claim = r.Controller
	default: // the country table finds it again
	}
	if entity, code, found := strings.Cut(r.Requester, "@"); found {
		q.Staff = &decision.Place{Entity: entity, Country: code}
	}
	if entity, code, found := strings.Cut(r.node(), "@"); found {
		q.Node = decision.Place{Entity: entity, Country: code}
	}
	if r.Region != "" {
		q.Regions = []string{r.Region}
	}
	q.Reference = parseRecordedReference(r.Reference)
	q.Choices = r.choices(p)
	return q, nil
}

// choices are some that lead to the reason of the record.
func (r recorded) choices(p *decision.Policy) (c decision.Choices) {
	switch decision.Reason(r.Reason) {
	case decision.AccountClosed:
		c.Closed = true
	case decision.MinorWithoutGuardian:
		c.Minor = true
	case decision.ProcessingRestricted:
		c.Restricted = true
	case decision.ConsentWithdrawn:
		c.Withdrawn = true
	case decision.OptOutSignal:
		c.OptOut = true
	case decision.PurposeObjected:
		for i := range p.Activities {
			if p.Activities[i].ID == r.Activity {
				c.Purposes = p.Activities[i].Purposes
			}
		}
	case decision.RecipientObjected:
		for i := range p.Regions {
			c.Recipients = append(c.Recipients, p.Regions[i].Operator)
		}
	default: // no choice stopped it
	}
	return c
}

// parseRecordedReference reads a reference as a record has it, kind:ID with what
// follows it after semicolons.
func parseRecordedReference(text string) (r decision.Reference) {
	parts := strings.Split(text, ";")
	kind, id, _ := strings.Cut(parts[0], ":")
	r.Kind, r.ID = decision.ReferenceKind(kind), id
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "approver":
			r.Approver = value
		case "until":
			r.Until = unixTime(strings.TrimPrefix(value, "@"))
		}
	}
	return r
}

// step says what the record says, and whether its policy still says so.
func (r recorded) step(id ledger.ID, e *decision.Explanation) decision.Step {
	said := r.Decision
	if r.Reason != "" {
		said += " (" + r.Reason + ")"
	}
	if r.Region != "" {
		said += ", region " + r.Region
	}
	s := decision.Step{Topic: "record", Text: fmt.Sprintf("Record %s says: %s. It is explained with the policy it names.", id, said)}
	if !r.says(e) {
		s.Text += fmt.Sprintf(" What follows comes to %s %s: the record does not hold all that was known then, such as the regions of the site and the person's choices.", e.Outcome, e.Reason)
	}
	return s
}
