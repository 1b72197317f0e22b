package fields

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"

	"github.com/sparkoo/transfergate/internal/decision"
)

// noTransfer is the boolean false of RFC 9651, Data-Transfer's value when the
// data stays with its controller in its country.
const noTransfer = "?0"

// Controller renders the fields that say who is responsible and on what basis:
// Data-Controller, Data-Controller-Name, Data-Controller-Address and
// Data-Controller-Basis, in this order. Name and address are left out when they
// are empty, as an unlisted controller's address may be. It fails for a nil
// controller and for values that cannot be rendered.
func Controller(c *decision.Controller, basis decision.Basis) ([]decision.Field, error) {
	if c == nil {
		return nil, errors.New("rendering the controller: there is none")
	}
	var r renderer
	r.token(DataController, c.ID)
	r.text(DataControllerName, c.Name)
	r.text(DataControllerAddress, c.Address)
	r.token(DataControllerBasis, string(basis))
	return r.fields, r.err
}

// Candidate renders all fields of a request to candidate c that are the same for
// every such request: those of [Controller], Privacy-Statement, Data-Region and,
// when the registered country is known, Data-Subject-Country. Those a response
// carries too come first. Data-Transfer is not among them; see [Transfer].
func Candidate(d *decision.Decision, c *decision.Candidate) ([]decision.Field, error) {
	fs, err := Controller(d.Controller, d.Basis)
	if err != nil {
		return nil, err
	}
	if c.Region == nil || d.Statement == nil {
		return nil, errors.New("rendering a candidate: it has no region or no statement is in force")
	}
	r := renderer{fields: fs}
	r.text(PrivacyStatement, d.Statement.ID)
	r.token(DataRegion, c.Region.Code)
	if d.Country != "" {
		r.token(DataSubjectCountry, d.Country)
	}
	if r.err != nil {
		return nil, fmt.Errorf("rendering the candidate in region %q: %w", c.Region.Code, r.err)
	}
	slices.SortStableFunc(r.fields, func(a, b decision.Field) int {
		return order(a.Name) - order(b.Name)
	})
	return r.fields, nil
}

// order puts the fields of a response before the others.
func order(name string) int {
	if inResponse(name) {
		return 0
	}
	return 1
}

// Transfer renders Data-Transfer for candidate c without the record, which is
// known only when the request is: the destination country with the parameters
// activity, safeguards (tags separated by a space, each once, in order of use; empty when
// no law asked for one) and recipient. A candidate that is no transfer gives ?0.
// [AppendRecord] completes the value.
func Transfer(d *decision.Decision, c *decision.Candidate) (prefix string, err error) {
	if !c.Transfer {
		return noTransfer, nil
	}
	if c.Region == nil || c.Recipient == nil || d.Activity == nil {
		return "", errors.New("rendering a transfer: it lacks region, recipient or activity")
	}
	tags := c.Tags()
	for _, tag := range tags {
		// A tag must be a token, or the list could not be taken apart again.
		if _, err := Token(tag); err != nil {
			return "", fmt.Errorf("rendering a safeguard's tag: %w", err)
		}
	}
	item := httpsfv.NewItem(httpsfv.Token(c.Region.Country))
	item.Params.Add(paramActivity, httpsfv.Token(d.Activity.ID))
	item.Params.Add(paramSafeguards, strings.Join(tags, " "))
	item.Params.Add(paramRecipient, httpsfv.Token(c.Recipient.ID))
	prefix, err = httpsfv.Marshal(item)
	if err != nil {
		return "", fmt.Errorf("rendering the transfer of activity %q to recipient %q in %q: %w",
			d.Activity.ID, c.Recipient.ID, c.Region.Country, err)
	}
	return prefix, nil
}

// AppendRecord completes prefix, a value of [Transfer], with where the transfer
// stands in the ledger, for example gw-sg-1#42. The value of a request that is
// no transfer, which has no record, is returned as it is, and so is prefix when
// record is empty.
func AppendRecord(prefix, record string) string {
	if record == "" || prefix == noTransfer {
		return prefix
	}
	if isPrintable(record) && !strings.ContainsAny(record, `"\`) {
		return prefix + ";" + paramRecord + `="` + record + `"` // the usual case, one allocation
	}
	value, err := Text(strings.ToValidUTF8(record, "\uFFFD"))
	if err != nil {
		return prefix // cannot be: Text fails only for invalid UTF-8
	}
	return prefix + ";" + paramRecord + "=" + value
}

// Response returns the fields of a response under decision d: Data-Controller,
// Data-Controller-Name and Privacy-Statement, as far as they are known. After
// [Finish] it does not allocate for a decision with candidates; the fields then
// belong to the decision and must not be changed. A field that cannot be
// rendered is left out, because an answer is owed even then.
func Response(d *decision.Decision) []decision.Field {
	for i := range d.Candidates {
		if fs := responsePart(d.Candidates[i].Fields); len(fs) > 0 {
			return fs
		}
	}
	if d.Waived != nil {
		if fs := responsePart(d.Waived.Fields); len(fs) > 0 {
			return fs
		}
	}
	var fs []decision.Field
	if d.Controller != nil {
		fs = appendIf(fs, DataController, d.Controller.ID, Token)
		fs = appendIf(fs, DataControllerName, d.Controller.Name, Text)
	}
	if d.Statement != nil {
		fs = appendIf(fs, PrivacyStatement, d.Statement.ID, Text)
	}
	return fs
}

// responsePart cuts the fields of a response off the front of a candidate's.
func responsePart(fs []decision.Field) []decision.Field {
	n := 0
	for n < len(fs) && inResponse(fs[n].Name) {
		n++
	}
	return fs[:n:n]
}

// appendIf adds the field unless value is empty or cannot be rendered.
func appendIf(fs []decision.Field, name, value string, render func(string) (string, error)) []decision.Field {
	if value == "" {
		return fs
	}
	if v, err := render(value); err == nil {
		return append(fs, decision.Field{Name: name, Value: v})
	}
	return fs
}

// Link returns the value of a Link field that points to the privacy statement
// under which d was made (RFC 8288, relation privacy-policy of RFC 6903 section
// 4), or "" when there is none or its URL would break out of the value.
//
//clause:enforces §10.2; record statement; header Link
func Link(d *decision.Decision) string {
	if d.Statement == nil || d.Statement.URL == "" || !isPrintable(d.Statement.URL) ||
		strings.ContainsAny(d.Statement.URL, "<> \"") {
		return ""
	}
	return "<" + d.Statement.URL + `>; rel="privacy-policy"`
}

// renderer collects fields and the first error.
type renderer struct {
	fields []decision.Field
	err    error
}

func (r *renderer) token(name, value string) { r.add(name, value, Token) }

// text adds nothing for an empty value.
func (r *renderer) text(name, value string) {
	if value != "" {
		r.add(name, value, Text)
	}
}

func (r *renderer) add(name, value string, render func(string) (string, error)) {
	v, err := render(value)
	if err != nil {
		if r.err == nil {
			r.err = fmt.Errorf("field %s: %w", name, err)
		}
		return
	}
	r.fields = append(r.fields, decision.Field{Name: name, Value: v})
}
