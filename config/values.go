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
	"github.com/sparkoo/transfergate/internal/suggest"
)

var (
	// token is the grammar of an RFC 9651 token (section 3.3.4): ids travel in header fields.
	token = regexp.MustCompile("^[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*$")
	// fieldName is the grammar of an HTTP field name (RFC 9110 section 5.1).
	fieldName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	// parameterName is a query parameter's name that needs no quoting in a record.
	parameterName = regexp.MustCompile(`^[A-Za-z0-9._~\[\]$-]{1,64}$`)
	// tagForm is the grammar of a safeguard's tag: <iso2|eu>-<law>-<article>-<mechanism>.
	tagForm = regexp.MustCompile(`^[a-z]{2}(-[a-z0-9]+){2,5}$`)
	// hostForm is a domain name in lower case, or a suffix with a leading dot.
	hostForm = regexp.MustCompile(`^\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	// digestForm is a SHA-256 in lower-case hex.
	digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	// clauseForm is how the statement's clauses are cited, beside the tags of its lists.
	clauseForm = regexp.MustCompile(`^(introduction|§[0-9]{1,2}(\([a-z]\))?|[0-9]{1,2}-[a-z]+(\([a-z]\))?)$`)
	// prefixName is a prefix of a vocabulary, and dpvTerm a term with its prefix.
	prefixName = regexp.MustCompile(`^[a-z][a-z-]*$`)
	dpvTerm    = regexp.MustCompile(`^[a-z][a-z-]*:[A-Za-z][A-Za-z0-9_-]*$`)
)

// The forms of texts that fields share.
var (
	// idForm is an RFC 9651 token, because ids travel in header fields.
	idForm = &form{pattern: token.String(), check: func(r record, _ string, it item) {
		if r.short(it); !token.MatchString(it.value) {
			r.report(it.node, "bad-id", "%q is not an RFC 9651 token; use letters, digits and hyphens, and begin with a letter", it.value)
		}
	}}
	// entityForm is the id of a controller or recipient.
	entityForm = &form{pattern: token.String(), check: func(r record, key string, it item) {
		idForm.check(r, key, it)
		if it.value == unlisted {
			r.report(it.node, "bad-id", "id %q is kept for contracting parties the registers do not know; take another", it.value)
		}
	}}
	// countryForm is a country code.
	countryForm = &form{words: country.All(), check: func(r record, _ string, it item) { r.iso(it) }}
	// linkForm is the address of a web page.
	linkForm = &form{format: "uri", pattern: "^https://", check: record.link}
	// emailForm is an e-mail address.
	emailForm = &form{format: "email", check: record.email}
	// hostsForm is a domain name or a suffix of domain names.
	hostsForm = &form{pattern: hostForm.String(), check: record.host}
	// networkForm is a CIDR block.
	networkForm = &form{check: record.network}
	// dayForm is a day.
	dayForm = &form{pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", check: record.day}
	// momentForm is a day, with a zone or without, or a moment; date reports what is neither.
	momentForm = &form{pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T].+)?$"}
	// digestsForm is a SHA-256.
	digestsForm = &form{pattern: digestForm.String(), check: func(r record, _ string, it item) {
		if !digestForm.MatchString(it.value) {
			r.report(it.node, "bad-digest", "%q is not a SHA-256; write 64 lower-case hexadecimal digits", it.value)
		}
	}}
)

// The forms of tags, clauses and terms.
var (
	// tagsForm is the tag of a mechanism.
	tagsForm = &form{pattern: tagForm.String(), check: func(r record, _ string, it item) {
		if r.short(it); !tagForm.MatchString(it.value) {
			r.report(it.node, "bad-tag", "%q is not a tag; write law-act-article-mechanism in lower case, such as br-lgpd-art33-iib-scc", it.value)
		}
	}}
	// clausesForm is the id of a clause.
	clausesForm = &form{pattern: clauseForm.String(), check: func(r record, _ string, it item) {
		if !clauseForm.MatchString(it.value) {
			r.report(it.node, "bad-clause", "%q is not a clause; write it as §9 or §4(c)", it.value)
		}
	}}
	// dpvForm is a term of a vocabulary.
	dpvForm = &form{pattern: dpvTerm.String(), check: func(r record, _ string, it item) {
		if !dpvTerm.MatchString(it.value) {
			r.report(it.node, "bad-term", "%q is not a term; write it as prefix:Name, such as pd:Username", it.value)
		}
	}}
	// prefixForm is a prefix, and namespaceForm what it stands for.
	prefixForm = &form{pattern: prefixName.String(), check: func(r record, _ string, it item) {
		if !prefixName.MatchString(it.value) {
			r.report(it.node, "bad-prefix", "%q is not a prefix; use lower-case letters and hyphens, such as eu-gdpr", it.value)
		}
	}}
	namespaceForm = &form{format: "uri", pattern: "^https://.+[#/]$", check: func(r record, key string, it item) {
		if r.link(key, it); !strings.HasSuffix(it.value, "#") && !strings.HasSuffix(it.value, "/") {
			r.report(it.node, "bad-namespace", "namespace %q ends in neither # nor /; write it whole, such as https://w3id.org/dpv#", it.value)
		}
	}}
)

// The fields of a row's dates.
var (
	fromField  = field{key: "valid_from", doc: "The first moment it is in force: a day such as 2026-12-01, a day with a time zone such as 2026-12-01 America/Santiago, or RFC 3339. Left out: it always was.", form: momentForm}
	untilField = field{key: "valid_until", doc: "The first moment it is no longer in force, written like valid_from. Left out: no end is known.", form: momentForm}
	zoneField  = field{key: "zone", doc: "The time zone of the row's days, by its name in the tz database. Left out: UTC."}
	noteField  = field{key: "confirm", doc: "true: counsel has yet to look at the row.", is: flagField}
)

// short reports a name that is too long to stand in records.
func (r record) short(it item) {
	if len(it.value) > maxName {
		r.report(it.node, "too-long", "a name of %d bytes is too long; write at most %d", len(it.value), maxName)
	}
}

// known reports a value that is not in a vocabulary. The empty value was reported before.
func (r record) known(it item, key string, known []string) {
	if it.value != "" && !slices.Contains(known, it.value) && !r.archived {
		r.report(it.node, "unknown-word", "%q has the unknown value %q; %s", key, it.value, suggest.For(it.value, known))
	}
}

// iso reports a country code that is not ISO 3166-1 alpha-2. The empty value was reported before.
func (r record) iso(it item) {
	if it.value == "" || country.Valid(it.value) {
		return
	}
	r.report(it.node, "bad-country", "%q is not an ISO 3166-1 alpha-2 code; %s", it.value, country.Advice(it.value))
}

// link reports what is no address of a web page.
func (r record) link(key string, it item) {
	u, err := url.Parse(it.value)
	switch {
	case strings.Contains(it.value, "@"): // not repeated: it may be a password
		r.report(it.node, "bad-link", "%q holds an @, so perhaps a password; write https://host/path", key)
	case err != nil || u.Scheme != "https" || u.Host == "":
		r.report(it.node, "bad-link", "%q is %q, not an https address; write https://host/path", key, it.value)
	}
}

// email reports what is no e-mail address.
func (r record) email(key string, it item) {
	if a, err := mail.ParseAddress(it.value); err != nil || a.Address != it.value {
		r.report(it.node, "bad-email", "%q is %q, not an e-mail address; write name@host", key, it.value)
	}
}

// day reports what is no day.
func (r record) day(_ string, it item) {
	if _, err := time.Parse(time.DateOnly, it.value); err != nil {
		r.report(it.node, "bad-date", "%q is not a day; write it as 2026-12-01", it.value)
	}
}

// host reports what is neither a domain name nor a suffix of domain names.
func (r record) host(_ string, it item) {
	if len(it.value) > 253 || !hostForm.MatchString(it.value) {
		r.report(it.node, "bad-host", "%q is no host name or suffix; write host.example, or .host.example for every name below it, in lower case", it.value)
	}
}

// network reports what is not a CIDR block, or has address bits beyond its length.
func (r record) network(_ string, it item) {
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
	v := r.text(key)
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
