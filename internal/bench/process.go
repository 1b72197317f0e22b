package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// process is a peer that runs.
type process struct {
	Peer
	*setting
	cmd  *exec.Cmd
	said bytes.Buffer // belongs to cmd until done is closed
	done chan struct{}
}

// start runs the peer until it answers on all its addresses.
func (p Peer) start(s *setting) (*process, error) {
	file, err := p.write(s)
	if err != nil {
		return nil, err
	}
	r := &process{Peer: p, setting: s, done: make(chan struct{})}
	r.cmd = exec.Command(p.Program, append(p.args, file)...)
	r.cmd.Dir = s.Dir
	r.cmd.Env = append(os.Environ(), "HOME="+s.Dir, "XDG_CONFIG_HOME="+s.Dir, "XDG_DATA_HOME="+s.Dir)
	output, err := os.Create(s.Dir + "/output") // HAProxy logs to it
	if err != nil {
		return nil, err
	}
	defer output.Close()
	r.cmd.Stdout, r.cmd.Stderr = output, &r.said
	inGroup(r.cmd)
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	go func() {
		_ = r.cmd.Wait() // how it ended is not asked
		close(r.done)
	}()
	if err := r.ready(); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

// ready waits until the peer answers each kind of request.
func (r *process) ready() error {
	last := errors.New("it did not answer")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if last = r.tries(); last == nil {
			return nil
		}
		select {
		case <-r.done:
			return fmt.Errorf("%s ended at its start: %s", r.Name, r.output())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s is not ready after a minute: %w", r.Name, last)
}

// tries sends one request to each address.
func (r *process) tries() error {
	for _, w := range []Work{{Down: 1, Identity: Header}, {Down: 1, HTTP2: true}, {Down: 1, Secure: true}, {Down: 1, Identity: Token}} {
		c, err := r.dial(w)
		if err != nil {
			return err
		}
		err = c.exchange(newRequest(w, "BR", r.tokens))
		c.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// dial connects to the peer where a work is done.
func (r *process) dial(w Work) (conn, error) {
	switch {
	case w.HTTP2:
		return dialHTTP2(r.HTTP2, r.trusted)
	case w.Secure:
		return dialHTTP1(r.Secure)
	}
	return dialHTTP1(r.Plain)
}

// output is what the peer complained of at last, on one line.
func (r *process) output() string {
	select {
	case <-r.done:
		text := strings.TrimSpace(r.said.String())
		return text[max(0, len(text)-500):]
	case <-time.After(time.Second):
		return "it runs, and is not found"
	}
}

// stop ends the peer.
func (r *process) stop() error {
	err := endGroup(r.cmd, false)
	select {
	case <-r.done:
		return err
	case <-time.After(10 * time.Second):
		err = errors.Join(err, endGroup(r.cmd, true))
		<-r.done
		return err
	}
}
