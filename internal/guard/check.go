package guard

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Options say what a site or route allows. The zero value allows least but for
// paths, where stricter rules would break clients that sign what they send.
type Options struct {
	// Paths says which paths may pass. Where activities are told apart by path it
	// must not be AnyPath.
	Paths Paths
	// Methods says that activities are told apart by method: requests that name
	// another one in a header field or query parameter are refused.
	Methods bool
	// Queries are the query parameters by which activities are told apart: queries
	// that servers read in different ways are refused. Default: none
	Queries []string
	// AllowWebSocket lets WebSocket handshakes pass: an HTTP/1.1 GET with
	// Upgrade, or an extended CONNECT of HTTP/2 or HTTP/3 (RFC 8441, RFC 9220).
	AllowWebSocket bool
}

// Check reports whether r may go on; if not, reason says why: method_not_allowed,
// too_early, body_broken, upgrade_refused, host_missing, path_ambiguous or
// request_ambiguous. It changes nothing and, for a path without percent-encoding,
// does not allocate.
func Check(r *http.Request, o Options) (reason decision.Reason, ok bool) {
	webSocket := false
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions:
	case http.MethodConnect:
		if webSocket = isExtendedWebSocket(r); !webSocket {
			return decision.MethodNotAllowed, false
		}
	default:
		// Also PRI, with which a client speaks HTTP/2 to an upstream after an
		// upgrade the upstream refused, and TRACE, which echoes our fields.
		return decision.MethodNotAllowed, false
	}
	if !isSafe(r.Method) && isEarly(r) {
		return decision.TooEarly, false
	}
	if !lengthReadable(r.Header["Content-Length"]) {
		return decision.BodyBroken, false
	}
	if _, upgrade := r.Header["Upgrade"]; upgrade {
		if webSocket || !isWebSocketUpgrade(r) {
			return decision.UpgradeRefused, false
		}
		webSocket = true
	}
	if webSocket && !o.AllowWebSocket {
		return decision.UpgradeRefused, false
	}
	if !validHost(r.Host) || r.URL.User != nil {
		return decision.HostMissing, false
	}
	// A target has no fragment (RFC 9112 section 3.2), but net/http takes one for
	// a part of the path or query.
	if strings.IndexByte(r.RequestURI, '#') >= 0 || !o.Paths.allows(r.URL) {
		return decision.PathAmbiguous, false
	}
	if o.Methods && overridesMethod(r) || len(o.Queries) > 0 && !plainQuery(r.URL.RawQuery, o.Queries) {
		return decision.RequestAmbiguous, false
	}
	return "", true
}

// lengthReadable reports whether a Content-Length, if there is one, is a number. The
// HTTP/2 of net/http takes any other text for 0, so that a region could answer the
// request without its body before the body's first byte ends the stream.
func lengthReadable(values []string) bool {
	if len(values) == 0 {
		return true
	}
	_, err := strconv.ParseUint(values[0], 10, 63)
	return err == nil
}

// isSafe reports whether a request may come twice (RFC 9110 section 9.2.1).
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// isEarly reports whether r came in TLS early data, here or at a proxy in front
// (RFC 8470 section 5.1): anybody on the way may have sent it a second time.
func isEarly(r *http.Request) bool {
	return r.TLS != nil && !r.TLS.HandshakeComplete || slices.Contains(r.Header["Early-Data"], "1")
}

// isExtendedWebSocket recognizes an extended CONNECT for a WebSocket. net/http
// gives the :protocol of HTTP/2 as a header field, quic-go that of HTTP/3 in
// Request.Proto.
func isExtendedWebSocket(r *http.Request) bool {
	switch r.ProtoMajor {
	case 2:
		protocol := r.Header[":protocol"]
		return len(protocol) == 1 && protocol[0] == "websocket"
	case 3:
		return r.Proto == "websocket"
	}
	return false
}

// isWebSocketUpgrade recognizes the handshake of RFC 6455 section 4.1, and only
// it: one protocol, no body to hide a second request in.
func isWebSocketUpgrade(r *http.Request) bool {
	upgrade := r.Header["Upgrade"]
	return r.Method == http.MethodGet &&
		r.ProtoMajor == 1 && r.ProtoMinor == 1 &&
		len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket") &&
		httpguts.HeaderValuesContainsToken(r.Header["Connection"], "upgrade") &&
		r.ContentLength == 0 && len(r.TransferEncoding) == 0
}

// validHost reports whether host is host[:port] as a name, an IPv4 address or an
// IPv6 address in brackets. It is stricter than RFC 3986 section 3.2.2, which
// allows commas and percent-encoding that nobody's DNS holds.
func validHost(host string) bool {
	if literal, ok := strings.CutPrefix(host, "["); ok {
		address, rest, ok := strings.Cut(literal, "]")
		if !ok || (rest != "" && (rest[0] != ':' || !validPort(rest[1:]))) {
			return false
		}
		ip, err := netip.ParseAddr(address)
		return err == nil && ip.Is6() && ip.Zone() == ""
	}
	name, port, hasPort := strings.Cut(host, ":")
	if hasPort && !validPort(port) {
		return false
	}
	return validName(name)
}

// validName reports whether name has letters, digits, hyphens and underscores in
// non-empty labels; one dot may end it. An upper limit of 253 is that of DNS.
func validName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// validPort reports whether port is a decimal number from 1 to 65535.
func validPort(port string) bool {
	if port == "" || port[0] < '0' || port[0] > '9' { // ParseUint refuses signs, too
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// isAlphanumeric reports whether c is an ASCII letter or digit.
func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
