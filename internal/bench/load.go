package bench

import (
	"sync"
	"sync/atomic"
	"time"
)

// load is what one peer is asked in one round, by as many workers as there are connections.
type load struct {
	connect  func() (conn, error)
	requests []*request
	interval time.Duration // between two requests of a worker; 0: as soon as the answer is there
	begun    time.Time

	measuring *atomic.Bool // what ends meanwhile counts
	stopped   *atomic.Bool
	workers   []worker
}

// worker is one connection. Its numbers belong to its goroutine until it has ended.
type worker struct {
	latencies []time.Duration // a paced request's begins when it was due
	late      []time.Duration // how long after it was due, or after it could be, a paced one was sent
	failed    int
	failure   error // the first
}

// newLoad prepares the work against what connect reaches.
func newLoad(w Work, tokens map[string]string, connect func() (conn, error), measuring, stopped *atomic.Bool) *load {
	l := &load{connect: connect, requests: w.requests(tokens), measuring: measuring, stopped: stopped, workers: make([]worker, w.Connections)}
	if w.Rate > 0 {
		l.interval = time.Duration(w.Connections) * time.Second / time.Duration(w.Rate)
	}
	return l
}

// start lets the workers work until stopped is set.
func (l *load) start(group *sync.WaitGroup) {
	l.begun = time.Now()
	for i := range l.workers {
		group.Go(func() { l.work(i) })
	}
}

func (l *load) work(i int) {
	w := &l.workers[i]
	due := l.begun.Add(l.interval * time.Duration(i) / time.Duration(len(l.workers)))
	for turn := i; !l.stopped.Load(); {
		c, err := l.connect()
		if err == nil {
			err = l.use(w, c, &turn, &due)
			c.close()
		}
		if err != nil {
			w.failed++
			if w.failure == nil {
				w.failure = err
			}
			time.Sleep(10 * time.Millisecond) // a peer that is down is not hammered
		}
	}
}

// use sends one request after the other over a connection, until one fails or the peer
// ends it.
func (l *load) use(w *worker, c conn, turn *int, due *time.Time) error {
	for ; !l.stopped.Load() && !c.ended(); *turn++ {
		free := time.Now()
		begun := free
		if l.interval > 0 {
			time.Sleep(time.Until(*due))
			begun = *due
			*due = due.Add(l.interval)
		}
		sent := time.Now()
		if err := c.SetDeadline(sent.Add(patience)); err != nil {
			return err
		}
		if err := c.exchange(l.requests[*turn%len(l.requests)]); err != nil {
			return err
		}
		if !l.measuring.Load() {
			continue
		}
		w.latencies = append(w.latencies, time.Since(begun))
		if l.interval > 0 {
			w.late = append(w.late, sent.Sub(later(begun, free)))
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sum is what all workers counted.
func (l *load) sum() (all worker) {
	for _, w := range l.workers {
		all.latencies = append(all.latencies, w.latencies...)
		all.late = append(all.late, w.late...)
		all.failed += w.failed
		if all.failure == nil {
			all.failure = w.failure
		}
	}
	return all
}
