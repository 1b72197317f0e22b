package fetch

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
)

// CheckURL makes sure that nobody on the way can read or replace what is fetched or
// brought: https, or http on this machine. The error shows no more of the URL than its
// host; what is what stands there, as in "key set".
func CheckURL(what, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return fmt.Errorf("the URL of the %s cannot be read", what)
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("the URL of the %s must begin with https:// and name a host", what)
	case u.User != nil || u.Fragment != "":
		return fmt.Errorf("the URL of the %s at %s may have no user and no fragment", what, u.Host)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("the %s at %s would be asked in plain text, and anybody on the way could read and replace what is said: use https", what, u.Host)
	}
	return nil
}

// CheckPlainURL is [CheckURL] for a URL that may have no query either.
func CheckPlainURL(what, raw string) error {
	if err := CheckURL(what, raw); err != nil {
		return err
	}
	if u, err := url.Parse(raw); err != nil || u.RawQuery != "" || u.ForceQuery {
		return errors.New("the URL of the " + what + " may have no query")
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// Host is the part of a URL that may be shown; "?" if it cannot be read.
func Host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "?"
	}
	return u.Host
}
