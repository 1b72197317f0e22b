package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
	"golang.org/x/net/http2/hpack"
)

// The types of frames and streams in HTTP/3 (RFC 9114 sections 6.2.1 and 7.2).
const (
	h3Data     = 0x00
	h3Headers  = 0x01
	h3Settings = 0x04
	h3Control  = 0x00
)

// h3 sends one request over HTTP/3, with exactly these header, data and trailer
// frames. The answer's header holds every block that came. A stream or connection
// that was closed instead has status 0.
func (f *front) h3(header []hpack.HeaderField, data string, trailer []hpack.HeaderField) answer {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), rawTimeout)
	defer cancel()
	config := f.client.Clone()
	config.NextProtos = []string{http3.NextProtoH3}
	to, err := net.ResolveUDPAddr("udp", f.tls)
	must(f.t, err)
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: f.from})
	must(f.t, err)
	defer socket.Close()
	transport := &quic.Transport{Conn: socket}
	defer transport.Close()
	conn, err := transport.Dial(ctx, to, config, nil)
	must(f.t, err)
	defer conn.CloseWithError(0, "")
	greet(f.t, conn)
	return h3On(f.t, conn, h3Bytes(f.t, header, data, trailer))
}

// greet opens the control stream of a connection.
func greet(t testing.TB, conn *quic.Conn) {
	t.Helper()
	control, err := conn.OpenUniStream()
	must(t, err)
	_, err = control.Write(h3Frame([]byte{h3Control}, h3Settings, nil))
	must(t, err)
}

// h3On sends the bytes of a request on an open connection and reads the answer.
func h3On(t testing.TB, conn *quic.Conn, request []byte) answer {
	t.Helper()
	stream, err := conn.OpenStream()
	must(t, err)
	must(t, stream.SetDeadline(time.Now().Add(rawTimeout)))
	_, _ = stream.Write(request) // a server that has seen enough says so in its answer
	_ = stream.Close()
	return readH3(stream)
}

// h3Bytes are the frames of a request.
func h3Bytes(t testing.TB, header []hpack.HeaderField, data string, trailer []hpack.HeaderField) (request []byte) {
	t.Helper()
	block := func(list []hpack.HeaderField) []byte {
		var b bytes.Buffer
		encoder := qpack.NewEncoder(&b)
		for _, field := range list {
			must(t, encoder.WriteField(qpack.HeaderField{Name: field.Name, Value: field.Value}))
		}
		return b.Bytes()
	}
	request = h3Frame(nil, h3Headers, block(header))
	if data != "" {
		request = h3Frame(request, h3Data, []byte(data))
	}
	if trailer != nil {
		request = h3Frame(request, h3Headers, block(trailer))
	}
	return request
}

// h3Frame appends a frame.
func h3Frame(b []byte, kind uint64, payload []byte) []byte {
	b = quicvarint.Append(b, kind)
	return append(quicvarint.Append(b, uint64(len(payload))), payload...)
}

// readH3 reads the frames of an answer until the stream ends, however it ends.
func readH3(stream io.Reader) answer {
	a := answer{Response: &http.Response{Header: make(http.Header)}}
	r := quicvarint.NewReader(stream)
	for {
		kind, err1 := quicvarint.Read(r)
		length, err2 := quicvarint.Read(r)
		payload, err3 := io.ReadAll(io.LimitReader(r, int64(length)))
		if err1 != nil || err2 != nil || err3 != nil {
			return a
		}
		switch kind {
		case h3Data:
			a.Text += string(payload)
		case h3Headers:
			next := qpack.NewDecoder().Decode(payload)
			for field, err := next(); err == nil; field, err = next() {
				if field.Name == ":status" {
					a.StatusCode, _ = strconv.Atoi(field.Value)
				}
				a.Header.Add(field.Name, field.Value)
			}
		}
	}
}

// withScheme replaces the scheme, as a request over TLS has another one.
func withScheme(header []hpack.HeaderField) []hpack.HeaderField {
	list := make([]hpack.HeaderField, len(header))
	for i, field := range header {
		if field.Name == ":scheme" {
			field.Value = strings.Replace(field.Value, "http", "https", 1)
		}
		list[i] = field
	}
	return list
}
