package ledger

import (
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// notifier hands the latest checkpoint to OnCheckpoint in a goroutine of its
// own, one after the other. Who is slow misses some, never an epoch's last one.
type notifier struct {
	f       func([]byte, func(int64) ([]tlog.Hash, error))
	mu      sync.Mutex
	next    []notice // the latest of each origin, in the order of epochs
	running bool
	idle    sync.WaitGroup
}

type notice struct {
	origin      string
	signed      []byte
	consistency func(int64) ([]tlog.Hash, error)
}

func (n *notifier) tell(origin string, signed []byte, consistency func(int64) ([]tlog.Hash, error)) {
	if n.f == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.next) - 1; last >= 0 && n.next[last].origin == origin {
		n.next = n.next[:last]
	}
	n.next = append(n.next, notice{origin, signed, consistency})
	if !n.running {
		n.running = true
		n.idle.Go(n.run)
	}
}

func (n *notifier) run() {
	for {
		n.mu.Lock()
		if n.running = len(n.next) > 0; !n.running {
			n.mu.Unlock()
			return
		}
		next := n.next[0]
		n.next = n.next[1:]
		n.mu.Unlock()
		n.f(next.signed, next.consistency)
	}
}
