package config

import (
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a law changes at midnight in its own zone, on every machine

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
)

var (
	// token is the grammar of an RFC 9651 token (section 3.3.4): ids travel in header fields.
	token = regexp.MustCompile("^[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*$")
	// fieldName is the grammar of an HTTP field name (RFC 9110 section 5.1).
	fieldName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	// tagForm is the grammar of a safeguard's tag: <iso2|eu>-<law>-<article>-<mechanism>.
	tagForm = regexp.MustCompile(`^[a-z]{2}(-[a-z0-9]+){2,5}$`)
	// hostForm is a domain name in lower case, or a suffix with a leading dot.
	hostForm = regexp.MustCompile(`^\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	// digestForm is a SHA-256 in lower-case hex.
	digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	// clauseForm is how the statement's clauses are cited.
	clauseForm = regexp.MustCompile(`^§[0-9]{1,2}(\([a-z]\))*$`)
)

// id is a required id: an RFC 9651 token, because it travels in header fields.
func (r record) id(key string) string {
	v := r.text(key)
	if v != "" && !token.MatchString(v) {
		r.report(r.at(key), "bad-id", "%q is not an RFC 9651 token; use letters, digits and hyphens, and begin with a letter", v)
	}
	return v
}

// word is a required value out of a fixed vocabulary.
func (r record) word(key string, known []string) string {
	v := r.text(key)
	r.known(item{v, r.at(key)}, key, known)
	return v
}

// words is a required list out of a fixed vocabulary.
func (r record) words(key string, known []string) []string {
	items := r.some(key)
	for _, it := range items {
		r.known(it, key, known)
	}
	return values(items)
}

// known reports a value that is not in a vocabulary. The empty value was reported before.
func (r record) known(it item, key string, known []string) {
	if it.value != "" && !slices.Contains(known, it.value) {
		r.report(it.node, "unknown-word", "%q has the unknown value %q; %s", key, it.value, hint(it.value, known))
	}
}

// country is a required country code.
func (r record) country(key string) string {
	v := r.text(key)
	r.iso(item{v, r.at(key)})
	return v
}

// iso reports a country code that is not ISO 3166-1 alpha-2. The empty value was reported before.
func (r record) iso(it item) {
	if it.value == "" || country.Valid(it.value) {
		return
	}
	advice := "use the two capital letters of that standard"
	switch upper := strings.ToUpper(it.value); {
	case upper == "UK":
		advice = "write GB"
	case upper == "EL":
		advice = "write GR"
	case country.Valid(upper):
		advice = "write " + upper
	}
	r.report(it.node, "bad-country", "%q is not an ISO 3166-1 alpha-2 code; %s", it.value, advice)
}

// link is an optional address of a web page.
func (r record) link(key string) string {
	v := r.optional(key)
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	switch {
	case strings.Contains(v, "@"): // not repeated: it may be a password
		r.report(r.at(key), "bad-link", "%q holds an @, so perhaps a password; write https://host/path", key)
	case err != nil || u.Scheme != "https" || u.Host == "":
		r.report(r.at(key), "bad-link", "%q is %q, not an https address; write https://host/path", key, v)
	}
	return v
}

// email is an optional e-mail address.
func (r record) email(key string) string {
	v := r.optional(key)
	if v == "" {
		return ""
	}
	if a, err := mail.ParseAddress(v); err != nil || a.Address != v {
		r.report(r.at(key), "bad-email", "%q is %q, not an e-mail address; write name@host", key, v)
	}
	return v
}

// host reports what is neither a domain name nor a suffix of domain names.
func (r record) host(it item) {
	if len(it.value) > 253 || !hostForm.MatchString(it.value) {
		r.report(it.node, "bad-host", "%q is no host name or suffix; write host.example, or .host.example for every name below it, in lower case", it.value)
	}
}

// network reports what is not a CIDR block, or has address bits beyond its length.
func (r record) network(it item) {
	p, err := netip.ParsePrefix(it.value)
	switch {
	case err != nil:
		r.report(it.node, "bad-network", "%q is not a network; write address/length, such as 10.0.0.0/8", it.value)
	case p != p.Masked():
		r.report(it.node, "bad-network", "network %q has address bits beyond its length; write %s", it.value, p.Masked())
	}
}

// validity reads valid_from and valid_until. The end is the first moment that is out.
func (r record) validity() decision.Validity {
	v := decision.Validity{From: r.date("valid_from"), Until: r.date("valid_until")}
	if !v.From.IsZero() && !v.Until.IsZero() && !v.From.Before(v.Until) {
		r.report(r.at("valid_until"), "inverted-dates", "valid_until %s is not after valid_from %s; swap or mend them",
			r.at("valid_until").Value, r.at("valid_from").Value)
	}
	return v
}

// date reads an optional moment: RFC 3339, or a day, which means its first
// moment in the zone written behind it, else in the record's zone, else in UTC.
func (r record) date(key string) time.Time {
	v := r.optional(key)
	if v == "" {
		return time.Time{}
	}
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		return t.UTC()
	}
	day, zone, written := strings.Cut(v, " ")
	at := r.at(key)
	if !written {
		zone, at = "UTC", r.at("zone")
		if r.has("zone") {
			zone = r.at("zone").Value
		}
	}
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		r.report(at, "bad-zone", "unknown time zone %q; use a name of the tz database, such as America/Santiago", zone)
		return time.Time{}
	}
	return r.midnight(r.at(key), day, loc)
}

// midnight is the first moment of a day. Where a clock change makes it missing
// or ambiguous, the writer has to say which moment is meant.
func (r record) midnight(n *yaml.Node, day string, loc *time.Location) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, day, loc)
	if err != nil {
		r.report(n, "bad-date", "%q is not a date; write 2026-12-01, 2026-12-01 America/Santiago, or RFC 3339", n.Value)
		return time.Time{}
	}
	const clock = "2006-01-02 15:04"
	want := day + " 00:00"
	for _, other := range []time.Duration{-time.Hour, -time.Hour / 2, time.Hour / 2, time.Hour} {
		if t.Format(clock) != want || t.Add(other).Format(clock) == want {
			r.report(n, "bad-date", "%s has no single 00:00 in %s; write the moment in RFC 3339", day, loc)
			return time.Time{}
		}
	}
	return t.UTC()
}
