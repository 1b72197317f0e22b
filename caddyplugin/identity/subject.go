package identity

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
)

// Subject says where the request of a member of staff names the account whose
// data is asked for. One of its fields is set.
type Subject struct {
	// Claim of the member of staff's token. Default: none
	Claim string `json:"claim,omitempty"`

	// Request field. It is taken out of every request, whoever sends it.
	// Default: none
	Field string `json:"field,omitempty"`

	// Number of the path's segment, from 1, in the path as the client sent it:
	// in /v1/accounts/ana the third is ana. A path that servers might read in
	// different ways is refused. Default: none
	Path int `json:"path,omitempty"`
}

// maxAccount is the longest account id that is looked up, in bytes, as in tokens.
const maxAccount = 256

// unmarshalSubject reads claim NAME, field NAME or path N.
func unmarshalSubject(d *caddyfile.Dispenser) (*Subject, error) {
	args := d.RemainingArgs()
	if len(args) == 2 {
		switch args[0] {
		case "claim":
			return &Subject{Claim: args[1]}, nil
		case "field":
			return &Subject{Field: args[1]}, nil
		case "path":
			if n, err := strconv.Atoi(args[1]); err == nil && n > 0 {
				return &Subject{Path: n}, nil
			}
		}
	}
	return nil, d.Err("the data subject comes from 'claim NAME', 'field NAME' or 'path N', the number of a path's segment from 1")
}

// provision checks the subject and writes the field's name as net/http does.
func (s *Subject) provision() (err error) {
	set := 0
	for _, is := range []bool{s.Claim != "", s.Field != "", s.Path != 0} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return errors.New("the data subject comes from one place: a claim, a field or a path segment")
	case s.Path < 0:
		return fmt.Errorf("path segment %d: they are counted from 1", s.Path)
	case s.Field == "":
		return nil
	}
	if s.Field, err = fieldName(s.Field); err != nil {
		return err
	}
	if s.Field == "Authorization" || s.Field == "Cookie" {
		return fmt.Errorf("field '%s' holds more than an account id", s.Field)
	}
	return nil
}

// field is the request field that is read; "" for none.
func (s *Subject) field() string {
	if s == nil {
		return ""
	}
	return s.Field
}

// take takes the subject's field out of the request and returns its lines.
func (s *Subject) take(r *http.Request) []string { return takeField(r, s.field()) }

// account finds the account id in the field's lines or in the path; "" when
// nobody is named. The error is the source's.
func (s *Subject) account(r *http.Request, lines []string, source string) (string, error) {
	account := ""
	lines = filled(lines)
	switch {
	case s.Path > 0:
		sent := r.URL
		if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
			sent = original.URL
		}
		if !guard.PlainPath(sent) {
			return "", &gateway.IdentityError{Source: source, Reason: decision.PathAmbiguous}
		}
		account = segment(sent, s.Path)
	case len(lines) > 1:
		return "", &gateway.IdentityError{Source: source, Reason: decision.IdentityAmbiguous, Cause: gateway.FieldRepeated}
	case len(lines) == 1:
		account = lines[0]
	}
	if len(account) > maxAccount || !utf8.ValidString(account) || strings.ContainsFunc(account, unicode.IsControl) {
		return "", &gateway.IdentityError{Source: source, Reason: decision.StaffWithoutSubject, Cause: gateway.AccountMalformed}
	}
	return account, nil
}

// segment is the n-th segment of a plain path, decoded; "" if it is not there.
func segment(u *url.URL, n int) string {
	segments := strings.Split(u.Path, "/") // the first is what comes before the first slash
	if n >= len(segments) {
		return ""
	}
	return segments[n]
}
