package bench

import "fmt"

// Identity is how a request says who the person is.
type Identity string

// Identities.
const (
	Anonymous Identity = "anonymous"
	Header    Identity = "header" // two fields, as a proxy in front sets them
	Token     Identity = "JWT"    // a signed access token, ES256
)

// Work is what every peer does in one measurement, all at the same time.
type Work struct {
	Name        string   `json:"name"`
	Connections int      `json:"connections"` // to each peer, one request at a time on each
	Identity    Identity `json:"identity"`
	Transfers   int      `json:"transfers"`            // percent of the requests that are transfers, each with a durable record
	Down        int      `json:"down"`                 // bytes of an answer
	Up          int      `json:"up,omitempty"`         // bytes of a request's body; 0 is a GET
	HTTP2       bool     `json:"http2,omitempty"`      // over TLS, in front; otherwise HTTP/1.1 in plain text
	Secure      bool     `json:"tls_behind,omitempty"` // TLS to the upstream
	Rate        int      `json:"rate,omitempty"`       // requests a second and peer; 0: as many as are answered
	Pair        bool     `json:"pair,omitempty"`       // the gateway and stock Caddy only: more would ask too much of two cores
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

// Works are what is measured unless somebody chooses.
func Works() []Work {
	return []Work{
		{Name: "no transfer", Connections: 16, Identity: Header, Down: kib},
		{Name: "anonymous", Connections: 16, Identity: Anonymous, Down: kib},
		{Name: "a fifth are transfers", Connections: 16, Identity: Header, Transfers: 20, Down: kib},
		{Name: "all are transfers", Connections: 16, Identity: Header, Transfers: 100, Down: kib},
		{Name: "token", Connections: 16, Identity: Token, Transfers: 100, Down: kib},
		{Name: "1 connection", Connections: 1, Identity: Header, Transfers: 100, Down: kib},
		{Name: "64 connections", Connections: 64, Identity: Header, Transfers: 100, Down: kib},
		{Name: "256 connections", Connections: 256, Identity: Header, Transfers: 100, Down: kib},
		{Name: "TLS upstream", Connections: 16, Identity: Header, Transfers: 100, Down: kib, Secure: true},
		{Name: "TLS upstream, no transfer", Connections: 16, Identity: Header, Down: kib, Secure: true},
		{Name: "HTTP/2 in front", Connections: 16, Identity: Header, Transfers: 100, Down: kib, HTTP2: true},
		{Name: "POST of 1 KiB", Connections: 16, Identity: Header, Transfers: 100, Down: kib, Up: kib},
		{Name: "1 MiB down", Connections: 16, Identity: Header, Transfers: 100, Down: mib},
		{Name: "1 MiB up", Connections: 16, Identity: Header, Transfers: 100, Down: kib, Up: mib},
		{Name: "paced, no transfer", Connections: 64, Identity: Header, Down: kib, Rate: 1000, Pair: true},
		{Name: "paced, all are transfers", Connections: 64, Identity: Header, Transfers: 100, Down: kib, Rate: 1000, Pair: true},
	}
}

func (w Work) check() error {
	switch {
	case w.Connections < 1 || w.Connections > 1024:
		return fmt.Errorf("work %q: %d connections; 1 to 1024", w.Name, w.Connections)
	case w.HTTP2 && w.Up > 0:
		return fmt.Errorf("work %q: bodies go up over HTTP/1.1 only", w.Name)
	case w.HTTP2 && w.Secure:
		return fmt.Errorf("work %q: TLS in front and TLS behind are measured apart", w.Name)
	}
	return nil
}
