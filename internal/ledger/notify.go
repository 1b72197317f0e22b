package ledger

import "sync"

// notifier hands the latest checkpoint to OnCheckpoint in a goroutine of its
// own, one after the other. Who is slow misses some, never an epoch's last one.
type notifier struct {
	f       func(signed []byte)
	mu      sync.Mutex
	next    []notice // the latest of each origin, in the order of epochs
	running bool
	idle    sync.WaitGroup
}

type notice struct {
	origin string
	signed []byte
}

func (n *notifier) tell(origin string, signed []byte) {
	if n.f == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.next) - 1; last >= 0 && n.next[last].origin == origin {
		n.next = n.next[:last]
	}
	n.next = append(n.next, notice{origin, signed})
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
		n.f(next.signed)
	}
}
