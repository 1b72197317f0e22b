package token

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4/json"
)

// maxClaim is the longest claim that is believed, in bytes.
const maxClaim = 256

// object is a JSON object whose members are read when they are asked for.
type object map[string]json.RawMessage

// Token is what a verified token says. It never changes, and any number of
// goroutines may use it.
type Token struct {
	names   []string // Config.Claims
	values  []string // in the order of names
	raised  []string // those of Config.Flags that are true
	lacks   []string // claims of Config that the token does not have
	refused consents
	usable  window
	signer  *key
}

// Claim returns the value of a claim that [Config] names; empty when the token
// does not have it.
func (t *Token) Claim(name string) string {
	if i := slices.Index(t.names, name); i >= 0 {
		return t.values[i]
	}
	return ""
}

// Flag reports whether a claim that [Config] names as a flag is true.
func (t *Token) Flag(name string) bool { return slices.Contains(t.raised, name) }

// Refused returns what the claim [Config.Consents] says the person does not
// consent to: all of it, or some names in alphabetical order. The slice is shared
// and must not be changed.
func (t *Token) Refused() (all bool, names []string) { return t.refused.all, t.refused.names }

// miss notes a claim that the token does not have.
func (t *Token) miss(name string, raw json.RawMessage) {
	if len(raw) == 0 || string(raw) == "null" {
		t.lacks = append(t.lacks, name)
	}
}

// window is when a token may be used, leeway included.
type window struct{ from, until time.Time }

// check reports whether now lies in the window.
func (w window) check(now time.Time) error {
	switch {
	case !now.Before(w.until):
		return invalid(Expired)
	case now.Before(w.from):
		return invalid(NotYetValid)
	}
	return nil
}

// ours reads a payload's claims if they are of our issuer.
func (v *Verifier) ours(payload []byte) (object, error) {
	var claims object
	if json.Unmarshal(payload, &claims) != nil || claims == nil {
		return nil, invalid(Malformed)
	}
	var issuer string
	if json.Unmarshal(claims["iss"], &issuer) != nil || issuer != v.config.Issuer {
		return nil, invalid(BadIssuer)
	}
	return claims, nil
}

// readClaims holds claims to what is configured and reads those asked for.
func (v *Verifier) readClaims(claims object, now time.Time) (*Token, error) {
	audience, ok := claims.find(v.config.AudienceClaim)
	if !ok || !v.isAudience(audience) {
		return nil, invalid(BadAudience)
	}
	usable, err := v.times(claims)
	if err != nil {
		return nil, err
	}
	if err := usable.check(now); err != nil {
		return nil, err
	}
	t := &Token{names: v.config.Claims, values: make([]string, len(v.config.Claims)), usable: usable}
	for i, name := range t.names {
		raw, ok := claims.find(name)
		if ok {
			t.values[i], ok = text(raw)
		}
		if !ok {
			return nil, malformed(name)
		}
		t.miss(name, raw)
	}
	if name := v.config.Consents; name != "" {
		raw, ok := claims.find(name)
		t.miss(name, raw)
		if ok {
			t.refused, ok = readConsents(raw)
		}
		if !ok {
			return nil, malformed(name)
		}
	}
	for _, name := range v.config.Flags {
		raw, ok := claims.find(name)
		t.miss(name, raw)
		switch {
		case ok && string(raw) == "true":
			t.raised = append(t.raised, name)
		case !ok || raw != nil && string(raw) != "false" && string(raw) != "null":
			return nil, malformed(name)
		}
	}
	return t, nil
}

// isAudience reports whether a claim, a string or a list of strings (RFC 7519 section
// 4.1.3), names one of ours.
func (v *Verifier) isAudience(raw json.RawMessage) bool {
	list := []string{""}
	if json.Unmarshal(raw, &list[0]) != nil && json.Unmarshal(raw, &list) != nil {
		return false
	}
	return slices.ContainsFunc(list, func(a string) bool { return slices.Contains(v.config.Audience, a) })
}

// times reads exp, which must be there, nbf and iat (RFC 7519 section 4.1).
func (v *Verifier) times(claims object) (window, error) {
	if absent(claims["exp"]) {
		return window{}, invalid(NoExpiry)
	}
	exp, ok := date(claims["exp"])
	if !ok {
		return window{}, malformed("exp")
	}
	w := window{until: exp.Add(v.config.Leeway)}
	for _, name := range []string{"nbf", "iat"} {
		if absent(claims[name]) {
			continue
		}
		begin, ok := date(claims[name])
		if !ok {
			return window{}, malformed(name)
		}
		if begin = begin.Add(-v.config.Leeway); begin.After(w.from) {
			w.from = begin
		}
	}
	return w, nil
}

// absent reports whether a claim is not there, or null, which says as much.
func absent(raw json.RawMessage) bool { return raw == nil || string(raw) == "null" }

// date reads a NumericDate: seconds since 1970, up to the year 9999.
func date(raw json.RawMessage) (time.Time, bool) {
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(seconds >= 0 && seconds < 253402300800) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(seconds * 1000)), true
}

// find returns a claim by its name, nil if it is missing. A name with dots that
// is no member's stands for a path through nested objects. It reports false if
// something else than an object stands in the way.
func (o object) find(name string) (raw json.RawMessage, ok bool) {
	if raw, found := o[name]; found {
		return raw, true
	}
	first, rest, nested := strings.Cut(name, ".")
	inner, found := o[first]
	if !nested || !found {
		return nil, true
	}
	var below object
	if json.Unmarshal(inner, &below) != nil {
		return nil, false
	}
	return below.find(rest)
}

// text reads a string, or a whole number as it is written. A claim that is
// missing, null or empty is "". It reports false for anything else, and for text
// nobody would write into an id.
func text(raw json.RawMessage) (value string, ok bool) {
	written := string(raw)
	if written == "" || written == "null" {
		return "", true
	}
	if written[0] != '"' {
		_, err := strconv.ParseInt(written, 10, 64)
		return written, err == nil
	}
	if json.Unmarshal(raw, &value) != nil {
		return "", false
	}
	plain := len(value) <= maxClaim && utf8.ValidString(value) &&
		!strings.ContainsRune(value, utf8.RuneError) && !strings.ContainsFunc(value, unicode.IsControl)
	return value, plain
}

// consents are what a person refuses.
type consents struct {
	all   bool
	names []string
}

// maxConsents is how many names a claim may have.
const maxConsents = 64

// readConsents reads true, false, or an object with true or false for each name. A
// claim that is missing or null says nothing. It reports false for anything else:
// a withdrawal that is not understood must not be passed over.
func readConsents(raw json.RawMessage) (c consents, ok bool) {
	switch string(raw) {
	case "", "null", "true":
		return c, true
	case "false":
		return consents{all: true}, true
	}
	var each map[string]*bool
	if json.Unmarshal(raw, &each) != nil || len(each) > maxConsents {
		return c, false
	}
	for name, given := range each {
		if given == nil || name == "" || len(name) > maxClaim {
			return c, false
		}
		if !*given {
			c.names = append(c.names, name)
		}
	}
	slices.Sort(c.names)
	return c, true
}
