package ledger

import (
	"log/slog"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
)

const (
	// outcomeDelay is how long an outcome waits for others, at most.
	outcomeDelay = 900 * time.Millisecond
	// outcomesPerEntry bounds an entry; each outcome takes at most 112 bytes.
	outcomesPerEntry = 512
	// maxOutcomes bounds the memory of a log that cannot write.
	maxOutcomes = 1 << 16
)

// outcomes gathers outcomes and writes them in batches.
type outcomes struct {
	mu      sync.Mutex
	list    []record.Outcome
	running bool
	lost    uint64 // since it was logged last

	first chan struct{} // one token: the list has something
	many  chan struct{} // one token: the list fills an entry
	quit  chan struct{}
	ended chan struct{}
}

func (q *outcomes) init() {
	q.first, q.many = make(chan struct{}, 1), make(chan struct{}, 1)
	q.quit, q.ended = make(chan struct{}), make(chan struct{})
}

func (q *outcomes) start(l *Log) {
	q.mu.Lock()
	q.running = true
	q.mu.Unlock()
	go q.run(l)
}

// stop writes what is left and ends the writer.
func (q *outcomes) stop(l *Log) {
	q.mu.Lock()
	q.running = false
	q.mu.Unlock()
	close(q.quit)
	<-q.ended
	q.flush(l)
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.list); n > 0 {
		q.lose(l, n)
		q.list = nil
	}
	q.logLost(l.o.Logger)
}

// Outcome notes how a transfer ended. It does not wait: outcomes are written
// together, within a second and when the log closes. While they cannot be
// written up to 65,536 of them are kept and tried again; more are lost, which
// is logged and counted. A transfer without an outcome counts as unknown.
func (l *Log) Outcome(o record.Outcome) {
	q := &l.outcomes
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.running || len(q.list) == maxOutcomes {
		q.lose(l, 1)
		return
	}
	q.list = append(q.list, o)
	switch len(q.list) {
	case 1:
		token(q.first)
	case outcomesPerEntry:
		token(q.many)
	}
}

// lose counts lost outcomes. Its caller holds q.mu.
func (q *outcomes) lose(l *Log, n int) {
	if q.lost == 0 {
		l.o.Logger.Error("outcomes of transfers are lost and count as unknown", "why", q.why())
	}
	q.lost += uint64(n)
	l.counters.errors[opOutcome].Add(uint64(n))
}

func (q *outcomes) why() string {
	if !q.running {
		return "the ledger is not open"
	}
	return "the ledger cannot write"
}

// logLost says how many were lost, once it is over. Its caller holds q.mu.
func (q *outcomes) logLost(logger *slog.Logger) {
	if q.lost > 0 {
		logger.Error("outcomes of transfers were lost and count as unknown", "outcomes", q.lost)
		q.lost = 0
	}
}

func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run writes batches until quit.
func (q *outcomes) run(l *Log) {
	defer close(q.ended)
	for {
		select {
		case <-q.first:
		case <-q.quit:
			return
		}
		delay := time.NewTimer(outcomeDelay)
		select {
		case <-delay.C:
		case <-q.many:
		case <-q.quit:
		}
		delay.Stop()
		q.flush(l)
	}
}

// flush writes what is in the list, and keeps what could not be written.
func (q *outcomes) flush(l *Log) {
	for {
		q.mu.Lock()
		n := min(len(q.list), outcomesPerEntry)
		batch := append([]record.Outcome(nil), q.list[:n]...)
		q.mu.Unlock()
		if n == 0 {
			return
		}
		_, err := l.Append(l.outcomeEntry(batch))
		q.mu.Lock()
		if err != nil {
			token(q.first)
			q.mu.Unlock()
			l.o.trouble.Error("writing outcomes of transfers; they are kept and tried again", "error", err)
			return
		}
		q.list = q.list[:copy(q.list, q.list[n:])]
		q.logLost(l.o.Logger)
		q.mu.Unlock()
	}
}

// outcomeEntry is the entry for a batch.
func (l *Log) outcomeEntry(batch []record.Outcome) []byte {
	o := record.Outcomes{Header: l.header(record.TypeOutcome), Outcomes: batch}
	return o.Append(nil)
}
