package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what is measured.
type Options struct {
	Peers  []Peer // stock Caddy among them
	Works  []Work
	Rounds int           // of each work
	Window time.Duration // of a round, in which it is measured
	Ramp   time.Duration // before the window, to connect and to warm up
	// Dir is a folder on the disk whose syncs the gateway waits for. What is written
	// there goes again.
	Dir string
	// Done is called after each work, for whoever waits. Nil: nobody.
	Done func(WorkResult)
}

// Result is what was measured.
type Result struct {
	When      time.Time     `json:"when"`
	CPUs      int           `json:"cpus"`
	System    string        `json:"system"`
	Go        string        `json:"go"`
	Rounds    int           `json:"rounds"`
	Window    time.Duration `json:"window_ns"`
	SyncP50   time.Duration `json:"sync_p50_ns"` // of the disk, with nothing else to do
	SyncP99   time.Duration `json:"sync_p99_ns"`
	Generator Generator     `json:"generator"`
	Works     []WorkResult  `json:"works"`
}

// Generator tells whether the load was more than the peers could bear.
type Generator struct {
	Alone  float64 `json:"alone_per_second"` // requests that load and upstream manage with no peer between them
	Most   float64 `json:"most_per_second"`  // requests of all peers together, in the busiest round of the same size of answers
	CPUper float64 `json:"cpu_us"`           // CPU time of a request without a peer, in load and upstream together, µs
}

// WorkResult is what the peers needed for a work.
type WorkResult struct {
	Work
	Peers   []PeerResult  `json:"peers"`
	LateP99 time.Duration `json:"late_p99_ns,omitempty"` // how late paced requests were sent
}

// PeerResult is what a peer needed for a work.
type PeerResult struct {
	Peer     string        `json:"peer"`
	Requests int           `json:"requests"`
	Failed   int           `json:"failed"`
	Failure  string        `json:"failure,omitempty"` // the first
	CPU      Spread        `json:"cpu_s"`             // seconds for 10,000 requests
	Ratio    Spread        `json:"ratio"`             // of that to stock Caddy's in the same round
	PerSec   Spread        `json:"per_second"`
	P50      time.Duration `json:"p50_ns"`
	P99      time.Duration `json:"p99_ns"`
	P999     time.Duration `json:"p999_ns"`
	Memory   int64         `json:"memory"` // resident bytes, at most, at the end of a round
}

// Run measures. It takes a minute or so for each ten rounds of a few seconds, and ends
// early with an error when ctx does.
func Run(ctx context.Context, o Options) (*Result, error) {
	if !supported {
		return nil, errors.New("the CPU time of processes is read on Linux only")
	}
	for _, w := range o.Works {
		if err := w.check(); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(o.Peers, func(p Peer) bool { return p.Name == Stock }) {
		return nil, fmt.Errorf("stock Caddy, %q, is not among the peers: the others are compared with it", Stock)
	}
	dir, err := os.MkdirTemp(o.Dir, "transferbench-")
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	m := &measurement{Options: o, dir: dir, result: &Result{When: time.Now().UTC(), CPUs: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Rounds: o.Rounds, Window: o.Window}}
	err = m.run(ctx)
	return m.result, errors.Join(err, m.close(), os.RemoveAll(dir))
}

// measurement is a run under way.
type measurement struct {
	Options
	dir      string
	keys     *keys
	upstream *upstream
	running  []*process
	result   *Result
}

func (m *measurement) close() (err error) {
	for _, p := range m.running {
		err = errors.Join(err, p.stop())
	}
	if m.upstream != nil {
		err = errors.Join(err, m.upstream.close())
	}
	return err
}

func (m *measurement) run(ctx context.Context) (err error) {
	if m.keys, err = newKeys(m.dir); err != nil {
		return err
	}
	if m.upstream, err = startUpstream(m.keys.certificate); err != nil {
		return err
	}
	if m.result.SyncP50, m.result.SyncP99, err = syncTimes(m.dir); err != nil {
		return fmt.Errorf("syncing a file: %w", err)
	}
	if err := m.alone(ctx); err != nil {
		return err
	}
	for _, p := range m.Options.Peers {
		r, err := m.start(p)
		if err != nil {
			return err
		}
		m.running = append(m.running, r)
	}
	for _, w := range m.Works {
		done, err := m.work(ctx, w)
		if err != nil {
			return err
		}
		m.result.Works = append(m.result.Works, done)
		if m.Done != nil {
			m.Done(done)
		}
	}
	return nil
}

// start starts a peer, at other ports where somebody took one meanwhile.
func (m *measurement) start(p Peer) (*process, error) {
	for turn := 1; ; turn++ {
		s, err := newSetting(m.dir, p.Name, m.keys, m.upstream)
		if err != nil {
			return nil, err
		}
		r, err := p.start(s)
		if err == nil || turn == 5 || !strings.Contains(strings.ToLower(err.Error()), "already in use") {
			return r, err
		}
	}
}

// alone measures the generator and the upstream with nothing between them.
func (m *measurement) alone(ctx context.Context) error {
	r := newRound(m.Options, Work{Connections: 16, Identity: Header, Down: kib})
	l := r.add(m.keys.tokens, func() (conn, error) { return dialHTTP1(m.upstream.plain) })
	var before, cpu time.Duration
	err := r.run(ctx, func() error { before = own(); return nil }, func() error { cpu = own() - before; return nil })
	all := l.sum()
	if n := float64(len(all.latencies)); n > 0 {
		m.result.Generator = Generator{Alone: n / r.took.Seconds(), CPUper: float64(cpu.Microseconds()) / n}
	}
	return errors.Join(err, all.failure)
}

// work does all rounds of a work.
func (m *measurement) work(ctx context.Context, w Work) (WorkResult, error) {
	var gathered []*gathering
	for _, p := range m.running {
		if !w.Pair || p.Name == Stock || p.Name == Gateway || p.Name == Before {
			gathered = append(gathered, &gathering{process: p})
		}
	}
	for range m.Rounds {
		if err := m.round(ctx, w, gathered); err != nil {
			return WorkResult{}, fmt.Errorf("work %q: %w", w.Name, err)
		}
	}
	return combine(w, gathered), nil
}

// round loads the peers once, all at the same time.
func (m *measurement) round(ctx context.Context, w Work, gathered []*gathering) error {
	r := newRound(m.Options, w)
	for _, g := range gathered {
		g.load = r.add(m.keys.tokens, func() (conn, error) { return g.dial(w) })
	}
	var before, after map[int]usage
	err := r.run(ctx, func() (err error) { before, err = used(); return err }, func() (err error) { after, err = used(); return err })
	if err != nil {
		return err
	}
	total := 0
	for _, g := range gathered {
		n, err := g.take(before, after, r.took)
		if err != nil {
			return err
		}
		total += n
	}
	if w.Down == kib && w.Up <= kib {
		m.result.Generator.Most = max(m.result.Generator.Most, float64(total)/r.took.Seconds())
	}
	return nil
}

// round is one stretch of time in which loads run side by side.
type round struct {
	work               Work
	ramp, window, took time.Duration
	loads              []*load
	measuring, stopped atomic.Bool
}

func newRound(o Options, w Work) *round { return &round{work: w, ramp: o.Ramp, window: o.Window} }

func (r *round) add(tokens map[string]string, connect func() (conn, error)) *load {
	l := newLoad(r.work, tokens, connect, &r.measuring, &r.stopped)
	r.loads = append(r.loads, l)
	return l
}

// run runs the loads, and calls begin and end around the window.
func (r *round) run(ctx context.Context, begin, end func() error) error {
	var workers sync.WaitGroup
	for _, l := range r.loads {
		l.start(&workers)
	}
	err := sleep(ctx, r.ramp)
	if err == nil {
		err = begin()
	}
	begun := time.Now()
	r.measuring.Store(true)
	if err == nil {
		err = sleep(ctx, r.window)
	}
	r.measuring.Store(false)
	r.took = time.Since(begun)
	if err == nil {
		err = end()
	}
	r.stopped.Store(true)
	workers.Wait()
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
