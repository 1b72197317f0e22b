package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/record"
)

// retryAfter is what a client is told to wait after a 503, in seconds.
const retryAfter = 5

// problem is an RFC 9457 problem document. It never carries personal data.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Reason is the stable code of the denial or failure.
	Reason string `json:"reason"`
	Clause string `json:"clause,omitempty"`
	Law    string `json:"law,omitempty"`
	// Unlock says what would make the request pass.
	Unlock   string `json:"unlock,omitempty"`
	Activity string `json:"activity,omitempty"`
	// Region is the code of the one that did not answer.
	Region string `json:"region,omitempty"`
	// Record is the number of the denial's record.
	Record string `json:"record,omitempty"`
}

// deny records the denial, as durably as a transfer, or counts it, and returns the
// answer to it.
func (h *Handler) deny(r *http.Request, x *exchange) *problem {
	d := x.decision
	rec := h.app.newRecord(r, x, d)
	rec.Type, rec.Demo = record.TypeRefused, h.app.Demo
	if d.Barred != nil {
		recordWay(rec, d.Barred)
	}
	if x.refusal != "" && x.refuser.cause != "" {
		rec.Cause = string(x.refuser.cause)
		h.app.complain(x.refuser)
	}
	id, release, err := h.app.append(rec, x)
	switch {
	case err == nil:
		release()
		x.record = h.app.recorder.Class(rec.Activity).RecordName(id)
	case !errors.Is(err, errCounted):
		return x.fail(decision.LedgerUnavailable)
	}
	h.logDenial(d, x.record)
	x.outcome, x.actual = outcomeDenied, d.Reason
	return x.problemOf(d)
}

// fail is the answer to a request that is no transfer and fails for a reason of
// HTTP or of the gateway itself. It makes no record.
func (x *exchange) fail(reason decision.Reason) *problem {
	p := newProblem(reason)
	p.Record = x.record
	x.outcome, x.actual = outcomeFailed, reason
	return p
}

// of names the region that failed.
func (p *problem) of(region *decision.Region) *problem {
	if p.Reason == string(decision.RegionDown) || p.Reason == string(decision.RegionFailed) {
		p.Region = region.Code
	}
	return p
}

func newProblem(reason decision.Reason) *problem {
	info := reason.Info()
	return &problem{
		Type: "urn:transfergate:reason:" + string(reason), Title: info.Title, Status: info.Status,
		Reason: string(reason), Clause: info.Clause, Unlock: info.Unlock,
	}
}

// encode leaves < and > as they are, so that people can read the document.
func (p *problem) encode() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(p)
	return buf.Bytes(), err
}

// answer writes the problem document.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, x *exchange, p *problem) {
	x.reason = decision.Reason(p.Reason)
	h.app.metrics.refused(x.actual)
	if x.decision != nil && x.decision.Activity != nil && !x.byStaff() {
		p.Activity = x.decision.Activity.ID
	}
	if x.byStaff() {
		p.Region = ""
	}
	header := w.Header()
	body := h.body(header, r, p)
	header.Set("Cache-Control", "no-store")
	switch p.Status {
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(retryAfter))
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", challenge(x.challenge))
	case http.StatusMethodNotAllowed:
		header.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	if p.Status == http.StatusUnauthorized && r.ProtoMajor < 3 && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		header.Set("Connection", "close") // another certificate takes another connection; HTTP/2 says so by GOAWAY
	}
	if r.ProtoMajor == 1 && r.Header.Get("Expect") != "" {
		// The client waits before it sends its body, and net/http, which does
		// not see that through Caddy's wrappers, would wait for the body.
		header.Set("Connection", "close")
	}
	enforceDenial(header, x)
	w.WriteHeader(p.Status)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := w.Write(body); err != nil {
		if c := h.logger.Check(zapcore.DebugLevel, "the client left before its denial"); c != nil {
			c.Write(zap.String("reason", p.Reason))
		}
	}
}

// body is the problem as who asks wants it: a page, or the document.
func (h *Handler) body(header http.Header, r *http.Request, p *problem) []byte {
	header.Add("Vary", "Accept")
	if prefersPage(r) {
		body, err := h.pages.write(header, r, p)
		if err == nil {
			return body
		}
		h.app.mishap(h.logger, "rendering the page of a denial", "", zap.Error(err))
	}
	header.Set("Content-Type", "application/problem+json")
	body, err := p.encode()
	if err != nil {
		h.app.mishap(h.logger, "encoding a problem document", "", zap.Error(err))
	}
	return body
}

// challenge is the WWW-Authenticate field of a 401 (RFC 6750 section 3).
func challenge(description string) string {
	if description == "" {
		return `Bearer error="invalid_token"`
	}
	return `Bearer error="invalid_token", error_description="` + description + `"`
}

// logFields adds what was decided to Caddy's access log, if the server has one.
func (h *Handler) logFields(r *http.Request, x *exchange) {
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server.Logs == nil {
		return
	}
	extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields)
	if !ok {
		return
	}
	extra.Set(zap.String("transfer_outcome", x.outcome))
	if x.subject.Controller != nil {
		extra.Set(zap.String("transfer_controller", x.subject.Controller.ID))
	}
	if x.subject.Country != "" {
		extra.Set(zap.String("transfer_country", x.subject.Country))
	}
	if x.candidate != nil {
		extra.Set(zap.String("transfer_region", x.candidate.Region.Code))
	}
	if x.record != "" {
		extra.Set(zap.String("transfer_record", x.record))
	}
	if x.actual != "" {
		extra.Set(zap.String("transfer_reason", string(x.actual)))
	}
}
