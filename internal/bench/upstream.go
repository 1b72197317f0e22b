package bench

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
)

// upstream answers behind all peers, over TLS (with HTTP/2, too) and without.
type upstream struct {
	plain, secure string // addresses
	servers       []*http.Server
}

// startUpstream answers GET /...?bytes=N with N bytes, and reads what is sent to it.
func startUpstream(certificate tls.Certificate) (*upstream, error) {
	u := new(upstream)
	var err error
	if u.plain, err = u.serve(nil); err == nil {
		u.secure, err = u.serve(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	}
	if err != nil {
		return nil, errors.Join(err, u.close())
	}
	return u, nil
}

func (u *upstream) serve(over *tls.Config) (addr string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	// What peers close at the end would be logged.
	server := &http.Server{Handler: http.HandlerFunc(answer), TLSConfig: over, ErrorLog: log.New(io.Discard, "", 0)}
	u.servers = append(u.servers, server)
	go func() {
		if over != nil {
			_ = server.ServeTLS(listener, "", "") // ends by close
		} else {
			_ = server.Serve(listener)
		}
	}()
	return listener.Addr().String(), nil
}

func (u *upstream) close() (err error) {
	for _, server := range u.servers {
		err = errors.Join(err, server.Close())
	}
	return err
}

// filling is what answers are made of.
var filling = make([]byte, mib)

func answer(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("bytes"))
	if err != nil || n < 0 || n > len(filling) {
		http.Error(w, "bytes must be 0 to 1048576", http.StatusBadRequest)
		return
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the peer went away
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	_, _ = w.Write(filling[:n]) // likewise
}
