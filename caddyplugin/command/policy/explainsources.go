package policy

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// Where the answer of explain comes from, other than from flags and registers.

// ofCaddyfile asks the gateway that a Caddyfile describes, without starting it.
func (f *explainFlags) ofCaddyfile(q question.Question) (answers []decision.Explanation, err error) {
	text, err := regular.ReadText(f.caddyfile, regular.PolicyLimit)
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
	data, err := regular.ReadText(path, regular.PolicyLimit)
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

// findRecord returns the ledger and the place of the record that is asked about.
func (f *explainFlags) findRecord(args []string) (l ledger.Dir, id record.ID, err error) {
	if f.record != "" {
		return cli.FindRecord(f.record)
	}
	return cli.RecordIn(f.ledger, args[0])
}

// ofRecord explains a record of a ledger with the policy it was decided by.
func (f *explainFlags) ofRecord(args []string) (decision.Explanation, error) {
	l, id, err := f.findRecord(args)
	if err != nil {
		return decision.Explanation{}, err
	}
	r, err := readRecord(l, id)
	if err != nil {
		return decision.Explanation{}, err
	}
	blob, err := l.Policy(r.Policy)
	if err != nil {
		return decision.Explanation{}, fmt.Errorf("reading the policy of record %s: %w", id, err)
	}
	registers, err := config.LoadArchive(blob, "policy "+r.Policy[:min(12, len(r.Policy))], r.Policy)
	if err != nil {
		return decision.Explanation{}, fmt.Errorf("reading the policy of record %s: %w", id, err)
	}
	e, err := whatif.ExplainRecord(registers.Policy, r.Transfer)
	if err != nil {
		return e, fmt.Errorf("record %s: %w", id, err)
	}
	e.Steps = append([]decision.Step{whatif.Said(id.String(), r.Transfer)}, e.Steps...)
	return e, nil
}
