package bench

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// window is how much a peer may send before it hears again; more than half of it is
// given back at a time.
const window = 1 << 30

// h2 speaks HTTP/2 over TLS, one stream at a time.
type h2 struct {
	net.Conn
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	stream  uint32
	taken   uint32 // bytes of the window
}

func dialHTTP2(addr string, trusted *x509.CertPool) (conn, error) {
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, &tls.Config{RootCAs: trusted, ServerName: "localhost", NextProtos: []string{"h2"}})
	if err != nil {
		return nil, err
	}
	out := &h2{Conn: c, framer: http2.NewFramer(c, c), stream: 1}
	out.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	out.framer.SetReuseFrames()
	out.encoder = hpack.NewEncoder(&out.block)
	if err := out.greet(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return out, nil
}

func (c *h2) greet() error {
	if c.ConnectionState().NegotiatedProtocol != "h2" {
		return errors.New("the peer does not speak HTTP/2")
	}
	if _, err := c.Write([]byte(http2.ClientPreface)); err != nil {
		return err
	}
	if err := c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}, http2.Setting{ID: http2.SettingEnablePush}); err != nil {
		return err
	}
	return c.framer.WriteWindowUpdate(0, window)
}

// ConnectionState is that of TLS.
func (c *h2) ConnectionState() tls.ConnectionState { return c.Conn.(*tls.Conn).ConnectionState() }

func (c *h2) exchange(r *request) error {
	c.block.Reset()
	for _, f := range append([]field{{":method", r.method}, {":scheme", "https"}, {":authority", "localhost"}, {":path", r.path}}, r.fields...) {
		if err := c.encoder.WriteField(hpack.HeaderField{Name: f.name, Value: f.value}); err != nil {
			return err
		}
	}
	stream := c.stream
	c.stream += 2
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block.Bytes(), EndStream: true, EndHeaders: true}); err != nil {
		return err
	}
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return err
		}
		ended, err := c.take(frame)
		if err != nil || ended && frame.Header().StreamID == stream {
			return err
		}
	}
}

// take deals with a frame, and tells whether it ends its stream.
func (c *h2) take(frame http2.Frame) (ended bool, err error) {
	switch f := frame.(type) {
	case *http2.MetaHeadersFrame:
		if status := f.PseudoValue("status"); status != "200" {
			return false, fmt.Errorf("the status of the answer is %s", status)
		}
		return f.StreamEnded(), nil
	case *http2.DataFrame:
		if c.taken += f.Length; c.taken > window/2 {
			err = c.framer.WriteWindowUpdate(0, c.taken)
			c.taken = 0
		}
		return f.StreamEnded(), err
	case *http2.SettingsFrame:
		if !f.IsAck() {
			err = c.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			err = c.framer.WritePing(true, f.Data)
		}
	case *http2.RSTStreamFrame:
		err = fmt.Errorf("the stream was reset: %s", f.ErrCode)
	case *http2.GoAwayFrame:
		err = fmt.Errorf("the peer ends the connection: %s", f.ErrCode)
	}
	return false, err
}

func (c *h2) ended() bool { return false } // it says so by a frame, which is an error here

func (c *h2) close() { _ = c.Close() } // nothing was left unread or unsent that counts
