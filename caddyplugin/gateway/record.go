package gateway

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/refusals"
)

// commit writes the transfer's record and returns when it is durable. The
// ledger stays open until release is called.
func (t *attempt) commit(r *http.Request) (release func(), err error) {
	app, x := t.handler.app, t.exchange
	rec := app.newRecord(r, x, t.decision)
	rec.Type = record.TypeAccepted
	recordWay(rec, t.candidate)
	rec.Withheld = t.withheld
	rec.Demo = t.candidate.Demo
	rec.Enforced = t.enforced
	id, release, err := app.append(rec, x)
	if err != nil {
		return nil, err
	}
	t.record = id
	x.record = app.recorder.Class(rec.Activity).RecordName(id)
	app.metrics.recorded(t.candidate.Recipient.ID)
	t.log(rec)
	return release, nil
}

// recordWay says where the data goes, or would have gone.
func recordWay(rec *record.Transfer, c *decision.Candidate) {
	rec.Region, rec.Destination = c.Region.Code, c.Region.Country
	rec.Legs = c.LegsJSON
	if c.Recipient != nil {
		rec.Recipient = c.Recipient.ID
	}
}

// records lends the buffers that records are written into. They grow to the
// longest record there was, which is less than ledger.MaxEntry.
var records = sync.Pool{New: func() any { return new([]byte) }}

// append makes a record durable and holds the ledger open until release. The error is
// errLedger, recorder.ErrUnshipped for a transfer whose record would wait too long, or
// errCounted for a denial that is to have no record.
func (a *App) append(rec *record.Transfer, x *exchange) (id record.ID, release func(), err error) {
	a.starting.wait()
	if err := a.opening.err(); err != nil {
		a.ledgerFailed(rec.Type, err)
		return id, nil, errLedger
	}
	c := a.recorder.Class(rec.Activity)
	release, open := c.Acquire()
	if !open {
		return id, nil, errLedger
	}
	if rec.Type == record.TypeAccepted {
		if err := c.Shipped(); err != nil {
			release()
			a.ledgerFailed(rec.Type, err)
			return id, nil, err
		}
	}
	if err := a.store.Keep(x.state); err != nil {
		release()
		if times, due := a.failures.Due(errPolicyKept, now()); due {
			a.logger.Error("the ledger did not take the policy; the request is refused", zap.Uint64("times", times), zap.Error(err))
		}
		return id, nil, errLedger
	}
	if rec.Subject = pseudonym(c, x, rec.Time); rec.Subject == "" && x.identity.Account != "" {
		release() // it is not open yet
		return id, nil, errLedger
	}
	if rec.Staff = c.Log().Staff(x.identity.Member, rec.Time); rec.Staff == "" && x.identity.Member != "" {
		release()
		return id, nil, errLedger
	}
	if rec.Type == record.TypeRefused {
		full, err := c.Refuse(aboutOf(rec, x), rec.Time)
		if !full {
			release()
			return id, nil, errCounted
		}
		if err != nil {
			release()
			a.ledgerFailed(rec.Type, err)
			return id, nil, errLedger
		}
	}
	rec.RetainUntil = c.Until(rec.Time)
	buf := records.Get().(*[]byte)
	*buf = rec.Append((*buf)[:0])
	if len(*buf) > ledger.MaxEntry && rec.Shadow != nil { // a shadow changes nothing about a request
		a.metrics.shadowed(policystore.ShadowLeftOut)
		rec.Shadow = nil
		*buf = rec.Append((*buf)[:0])
	}
	id, err = c.Append(*buf)
	records.Put(buf)
	if err != nil {
		release()
		a.ledgerFailed(rec.Type, err)
		return id, nil, errLedger
	}
	c.Recorded(rec.Type)
	return id, release, nil
}

// errPolicyKept stands for whatever keeps a policy from being kept.
var errPolicyKept = errors.New("the policy is not kept")

// errCounted says that a denial is counted and has no record of its own.
var errCounted = errors.New("the denial is counted")

// aboutOf is what a denial is counted by. Staff name whom they like: they are counted
// by who they are.
func aboutOf(rec *record.Transfer, x *exchange) refusals.About {
	about := refusals.About{Reason: rec.Reason, Site: rec.Site, Subject: rec.Subject}
	if x.byStaff() {
		about.Requester, about.Subject = rec.Requester, ""
	}
	return about
}

// ledgerFailed logs that a record was not taken: of each kind of error the first, and
// from then on how often it happened meanwhile.
func (a *App) ledgerFailed(kind string, err error) {
	times, due := a.failures.Due(failureOf(err), now())
	if due {
		a.logger.Error("the ledger did not take a record; the request is refused", zap.String("type", kind), zap.Uint64("times", times), zap.Error(err))
	}
}

// failureOf is what an error of the ledger is counted as; nil stands for any other.
func failureOf(err error) error {
	for _, known := range []error{ledger.ErrFull, ledger.ErrBroken, ledger.ErrClosed, ledger.ErrNotOpen, ledger.ErrTooLarge, ledger.ErrKnownMore, ledger.ErrLost, recorder.ErrUnshipped} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}

// newRecord fills in what every record of a request carries, but for the
// subject: append knows the pseudonym.
func (a *App) newRecord(r *http.Request, x *exchange, d *decision.Decision) *record.Transfer {
	rec := &record.Transfer{
		Header:        record.Header{Time: now(), Node: a.Node.Name},
		Site:          a.siteOf(r),
		Policy:        x.state.Policy.Digest,
		Basis:         string(x.subject.Basis),
		Country:       x.subject.Country,
		CountrySource: x.identity.Source,
		Origin:        x.origin,
		Conflicts:     x.conflicts,
		Method:        r.Method,
		Bytes:         max(r.ContentLength, 0),
		Decision:      record.Denied,
		Shadow:        x.shadow,
		Enforced:      true,
		Mode:          record.Enforce,
		Requester:     record.Self,
	}
	if a.Mode.Of(d.Activity, rec.Time) {
		rec.Mode = record.Report
	}
	if d.Outcome == decision.Allowed {
		rec.Decision = record.Allowed
	}
	if c := x.subject.Controller; c != nil {
		rec.Controller, rec.ControllerCountry = c.ID, c.Country
		if c.Unlisted {
			rec.ControllerName = c.Name
		}
	}
	if staff := x.identity.Staff; staff != nil {
		rec.Requester = requester(x.state.Policy, staff)
		access := &x.identity.Access
		rec.Ticket, rec.AccessReason, rec.Approval = access.Ticket, string(access.Reason), access.Approval.String()
	}
	if d.Statement != nil {
		rec.Statement = d.Statement.ID
	}
	if act := d.Activity; act != nil {
		rec.Activity, rec.Purposes, rec.Categories, rec.LegalBasis = act.ID, act.Purposes, act.Categories, act.LegalBasis
		if act.Kind == decision.Instructed || act.Kind == decision.Authority { // elsewhere nobody asked for one
			rec.Reference = x.reference(act.ID).String()
		}
	}
	if d.Reason != "" {
		rec.Reason, rec.Clause, rec.Law = string(d.Reason), d.Reason.Info().Clause, d.Law
	}
	return rec
}

// pseudonym names the data subject in a record; empty when nobody is identified.
func pseudonym(c *recorder.Class, x *exchange, at time.Time) string {
	salt := ""
	if x.subject.Account != nil {
		salt = x.subject.Account.Salt
	}
	return c.Log().Subject(x.identity.Account, salt, at)
}

// requester names a member of staff by entity and country. What no register
// knows is not kept: whoever sent it could have put anything there.
func requester(p *decision.Policy, staff *decision.Place) string {
	entity, code := staff.Entity, staff.Country
	if !knows(p, entity) {
		entity = "unlisted"
	}
	if !country.Valid(code) {
		code = "unknown"
	}
	return entity + "@" + code
}

// siteOf is the configured host name the request came to; empty for any other
// name, which the client chose.
func (a *App) siteOf(r *http.Request) string {
	host := hostOnly(r.Host)
	if !a.hosts[host] {
		return ""
	}
	return host
}

// conclude hands the outcome of a transfer to the ledger.
func (t *attempt) conclude() {
	t.handler.app.metrics.concluded(t.outcome())
	if !t.candidate.Transfer {
		return
	}
	t.handler.app.recorder.Class(t.decision.Activity.ID).Log().Outcome(record.Outcome{
		Record:        t.record,
		State:         t.outcome(),
		Status:        int64(t.response.status),
		Bytes:         t.body.read.Load(),
		ResponseBytes: t.response.bytes,
	})
}

// outcome says how much of the request reached the region. Unknown counts as
// transferred.
func (t *attempt) outcome() string {
	switch {
	case !t.sent:
		return record.NotSent
	case !t.answered:
		return record.Unclear
	case t.body.whole():
		return record.Complete
	}
	return record.Partial
}

// log writes one line per transfer for those who ship Caddy's logs and ask for it.
func (t *attempt) log(rec *record.Transfer) {
	if !t.handler.app.LogTransfers {
		return
	}
	if c := t.handler.logger.Check(zapcore.InfoLevel, "transfer"); c != nil {
		c.Write(zap.Inline(transferLine{t, rec}))
	}
}

// transferLine is the line that a transfer logs.
type transferLine struct {
	*attempt
	entry *record.Transfer
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (t transferLine) MarshalLogObject(line zapcore.ObjectEncoder) error {
	line.AddString("record", t.exchange.record)
	line.AddString("activity", t.entry.Activity)
	line.AddString("controller", t.entry.Controller)
	line.AddString("basis", t.entry.Basis)
	line.AddString("country", t.entry.Country)
	line.AddString("region", t.entry.Region)
	line.AddString("recipient", t.entry.Recipient)
	line.AddString("destination", t.candidate.Region.Country)
	zap.Strings("safeguards", safeguardTags(t.candidate)).AddTo(line)
	line.AddString("decision", t.entry.Decision)
	line.AddBool("enforced", t.entry.Enforced)
	line.AddBool("demo", t.entry.Demo)
	return nil
}
