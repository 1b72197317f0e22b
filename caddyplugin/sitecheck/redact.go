package sitecheck

import (
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// RedactLogs has a server leave out of its access and error logs who sent a
// request and what for, in whatever form and wherever they are written: for requests
// to sites with a transfer handler that does not say otherwise, and to no site. It is
// called while the server is provisioned, once.
func (s Sites) RedactLogs(server *caddyhttp.Server) error {
	loggers, err := serverLoggers(server)
	if err != nil {
		return err
	}
	keeps := s.keepsFor(server.Name())
	for _, logger := range loggers {
		*logger = *logger.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
			return redactingCore{core, keeps, false}
		}))
	}
	return nil
}

// keepsFor tells for which hosts a server's logs keep the person: those of sites
// without a transfer handler, or with one that says so.
func (s Sites) keepsFor(server string) func(host string) bool {
	return func(host string) bool {
		name, kept := asked(host), false
		for _, r := range s.Routes {
			if r.Server != server || r.hosts != nil && !shareHost([]string{name}, r.hosts) {
				continue
			}
			if slices.ContainsFunc(r.Handlers, leavesOut) {
				return false
			}
			kept = true
		}
		return kept
	}
}

// redactingCore takes from lines what says who sent a request. What a line says of the
// exchange stays: method, host, status, sizes, times, and what was decided.
type redactingCore struct {
	zapcore.Core
	keeps func(host string) bool
	kept  bool // the request is one whose lines stay as they are
}

// With implements zapcore.Core: the request is a field that a server's loggers have.
func (c redactingCore) With(fields []zapcore.Field) zapcore.Core {
	for _, f := range fields {
		if request, ok := f.Interface.(caddyhttp.LoggableHTTPRequest); ok {
			c.kept = c.keeps(request.Host)
		}
	}
	c.Core = c.Core.With(c.redacted(fields))
	return c
}

// Check implements zapcore.Core. The cores below are asked in Write, whose fields they
// would get as they are.
func (c redactingCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c redactingCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	if checked := c.Core.Check(entry, nil); checked != nil {
		checked.Write(c.redacted(fields)...)
	}
	return nil
}

// redacted copies the fields without what is left out.
func (c redactingCore) redacted(fields []zapcore.Field) []zapcore.Field {
	if c.kept {
		return fields
	}
	left := make([]zapcore.Field, 0, len(fields))
	for _, f := range fields {
		switch f.Key {
		case "user_id", "resp_headers", "remote_addr":
			continue
		}
		if request, ok := f.Interface.(caddyhttp.LoggableHTTPRequest); ok {
			f.Interface = redactedRequest(request)
		}
		left = append(left, f)
	}
	return left
}

// redactedRequest is a request without addresses, target, header fields and what a TLS
// connection says of its client.
type redactedRequest caddyhttp.LoggableHTTPRequest

// MarshalLogObject implements zapcore.ObjectMarshaler, with Caddy's names.
func (r redactedRequest) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("proto", r.Proto)
	enc.AddString("method", r.Method)
	enc.AddString("host", r.Host)
	return nil
}
