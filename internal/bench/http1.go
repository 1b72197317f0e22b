package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// conn is a connection on which one request after the other is answered.
type conn interface {
	// exchange sends the request and reads the whole answer, which must be a 200.
	exchange(*request) error
	SetDeadline(time.Time) error
	// ended tells whether the peer said that no other request is taken on it.
	ended() bool
	close()
}

// patience is how long a connection may take for an answer before it counts as failed.
const patience = 30 * time.Second

// http1 speaks HTTP/1.1 with the least work that does: it reads the status and the length
// of an answer, and skips the rest.
type http1 struct {
	net.Conn
	in   *bufio.Reader
	last bool // the peer closes the connection after its answer
}

func dialHTTP1(addr string) (conn, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	return &http1{Conn: c, in: bufio.NewReaderSize(c, 16<<10)}, nil
}

func (c *http1) exchange(r *request) error {
	if _, err := c.Write(r.wire); err != nil {
		return err
	}
	length, err := c.head()
	if err != nil {
		return err
	}
	_, err = c.in.Discard(length)
	return err
}

// head reads the head of an answer and returns the length of its body.
func (c *http1) head() (length int, err error) {
	status, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("the answer begins with %q", status)
	}
	length = -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		if value, ok := valueOf(line, "content-length"); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, fmt.Errorf("reading the length of an answer: %w", err)
			}
		}
		if value, ok := valueOf(line, "connection"); ok && bytes.EqualFold(value, []byte("close")) {
			c.last = true
		}
	}
	if length < 0 {
		return 0, errors.New("an answer without a length, which the upstream's has")
	}
	return length, nil
}

// valueOf is the value of the line's field, if that is its name.
func valueOf(line []byte, name string) ([]byte, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(name)+1:]), true
}

func (c *http1) ended() bool { return c.last }

func (c *http1) close() { _ = c.Close() } // nothing was left unread or unsent that counts
