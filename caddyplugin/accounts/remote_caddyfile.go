package accounts

import (
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// unmarshalRemote reads a source with a remote directory. The words that are not the
// remote's are read by own.
func unmarshalRemote(d *caddyfile.Dispenser, r *Remote, words []string, own func(d *caddyfile.Dispenser, word string) error) error {
	d.Next() // consume the module's name
	source := d.Val()
	if !d.AllArgs(&r.URL) {
		return d.Errf("accounts %s takes the URL of a directory, as in 'accounts %s https://accounts.internal/records'", source, source)
	}
	return option.Block(d, nil, func(d *caddyfile.Dispenser, word string) error {
		switch {
		case !slices.Contains(words, word):
			return d.Errf("unrecognized option '%s' of accounts %s; %s", word, source, suggest.For(word, words))
		case slices.Contains(remoteWords, word):
			return r.unmarshal(d, word)
		}
		return own(d, word)
	})
}

// unmarshalNumber reads a number above zero.
func unmarshalNumber(d *caddyfile.Dispenser, target *int) error {
	word := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return d.ArgErr()
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return d.Errf("%s '%s' is no number above 0", word, text)
	}
	*target = n
	return nil
}

// unmarshal reads an option of the remote.
func (r *Remote) unmarshal(d *caddyfile.Dispenser, word string) error {
	if word == "timeout" {
		return unmarshalDuration(d, &r.Timeout)
	}
	if word == "strict" {
		if r.Strict = true; d.NextArg() {
			return d.ArgErr()
		}
		return nil
	}
	if word == "certificate" {
		if !d.AllArgs(&r.Certificate, &r.Key) {
			return d.Err("certificate takes two files, the certificate and its key")
		}
		return nil
	}
	target := map[string]*string{
		"token": &r.Token, "token_file": &r.TokenFile, "ca": &r.CA, "revoked": &r.Revoked, "state": &r.State,
	}[word]
	if !d.AllArgs(target) {
		return d.ArgErr()
	}
	return nil
}

// unmarshalDuration reads a duration that is not nothing.
func unmarshalDuration(d *caddyfile.Dispenser, target *caddy.Duration) error {
	word := d.Val()
	var text string
	if !d.AllArgs(&text) {
		return d.ArgErr()
	}
	duration, err := caddy.ParseDuration(text)
	if err != nil || duration <= 0 {
		return d.Errf("%s '%s' is no duration such as 10s or 5m", word, text)
	}
	*target = caddy.Duration(duration)
	return nil
}
