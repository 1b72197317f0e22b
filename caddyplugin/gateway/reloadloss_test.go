package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// A reload opens a listening socket beside the old one, then closes the old one
// and with it the connections that wait there; so does stock Caddy. The test of
// this file holds what the gateway loses against what stock Caddy loses.

// pair is a gateway and stock Caddy: the same program, in two processes.
type pair struct {
	addr  [2]string // by toGate, toStock
	admin [2]string
	json  [2][]byte // what is loaded again and again
	fine  atomic.Int64
	lost  [2]atomic.Int64
}

// quietly are the global options that both have.
const quietly = "admin {admin}\n persist_config off\n log {\n output discard\n }"

// startPair starts both. The first of them is stock Caddy too, as a control, if
// configs says so.
func startPair(t testing.TB, p *program, configs [2]string) *pair {
	t.Helper()
	up := newUpstream(t, "br", nil)
	l := new(pair)
	for i, config := range configs {
		g := &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(t.TempDir(), "ledger")}
		l.addr[i], l.admin[i] = g.addr, freeAddr(t)
		text := g.expand(config, map[string]string{"upstream": up.addr, "admin": l.admin[i]})
		json, err := adapt(text)
		if err != nil {
			t.Fatal(err)
		}
		l.json[i] = json
		own := &program{t: t, exe: p.exe, home: t.TempDir()}
		cmd := own.start(g, writeFile(t, "Caddyfile", text))
		t.Cleanup(func() { stop(own, cmd) })
	}
	return l
}

// stop ends a program that may have been killed already.
func stop(p *program, cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		p.end(cmd)
	}
}

// reload loads one's configuration anew, as the command reload does.
func (l *pair) reload(t testing.TB, i int) {
	t.Helper()
	req, err := http.NewRequest("POST", "http://"+l.admin[i]+"/load", bytes.NewReader(l.json[i]))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Cache-Control", "must-revalidate") // although nothing changed
	req.Close = true                                   // the admin endpoint is replaced, too
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 {
		t.Fatalf("reloading: status %d: %s, %v", res.StatusCode, text, err)
	}
}

// connect sends requests to both in turn, each over a connection of its own,
// until done is set.
func (l *pair) connect(done *atomic.Bool) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	for first := rand.IntN(2); !done.Load(); {
		for i := range 2 {
			i ^= first
			req, err := http.NewRequest("GET", "http://"+l.addr[i]+"/", nil)
			if err != nil {
				panic(err)
			}
			req.Header.Set("Registered-Country", "BR")
			res, err := client.Do(req)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			if err == nil && res.StatusCode != 200 {
				err = fmt.Errorf("status %d", res.StatusCode)
			}
			if err != nil {
				l.lost[i].Add(1)
			} else {
				l.fine.Add(1)
			}
		}
	}
}

// run reloads both in turn, so many times, under load, and returns how many
// connections each lost in each round.
func (l *pair) run(t testing.TB, rounds int) (lost [2][]int64) {
	t.Helper()
	var done atomic.Bool
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() { l.connect(&done) })
	}
	served := func(n int64) {
		until := l.fine.Load() + n
		waitFor(t, "connections are served", func() bool { return l.fine.Load() >= until })
	}
	served(200)
	var before [2]int64
	for round := range rounds {
		for i := range 2 {
			l.reload(t, (i+round)%2)
			served(50)
		}
		for i := range 2 {
			now := l.lost[i].Load()
			lost[i] = append(lost[i], now-before[i])
			before[i] = now
		}
	}
	done.Store(true)
	workers.Wait()
	return lost
}

// worse is the probability of a difference as large as this, or larger, to the
// disadvantage of the first, if which of the two lost how many in a round were a
// toss-up. The unit is the round, as connections are lost in bunches. It is
// estimated with 20,000 tosses.
func worse(lost [2][]int64) float64 {
	random := rand.New(rand.NewPCG(1, 2))
	observed := lostBy(lost[toGate]) - lostBy(lost[toStock])
	const tosses = 20000
	asBad := 1
	for range tosses {
		var total int64
		for i := range lost[toGate] {
			d := lost[toGate][i] - lost[toStock][i]
			if random.IntN(2) == 0 {
				d = -d
			}
			total += d
		}
		if total >= observed {
			asBad++
		}
	}
	return float64(asBad) / (tosses + 1)
}

func lostBy(rounds []int64) (total int64) {
	for _, n := range rounds {
		total += n
	}
	return total
}

// alpha is how often the test fails although the gateway is as good as stock.
const alpha = 0.001

// lossGate and lossStock are the configurations that are reloaded.
var (
	lossGate  = strings.NewReplacer("admin {admin}\n\tpersist_config off\n\t{log}", quietly).Replace(cpuGate)
	lossStock = strings.NewReplacer("admin off\n\tpersist_config off", quietly).Replace(cpuStock)
)

// TestReloadLosesNoMore: over new connections the gateway fails no more often at
// reloads than stock Caddy under the same load.
func TestReloadLosesNoMore(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	rounds := 12 // of ten or more, a difference in every one is told from chance
	switch {
	case testsupport.Race:
		rounds = 10 // the other process is built without it
	case testsupport.Full():
		rounds = 30
	}
	l := startPair(t, buildProgram(t), [2]string{lossGate, lossStock})
	lost := l.run(t, rounds)
	p := worse(lost)
	t.Logf("%d reloads each, %d connections served: lost %d, stock Caddy %d; p = %.4f", rounds, l.fine.Load(), lostBy(lost[toGate]), lostBy(lost[toStock]), p)
	if p < alpha {
		t.Errorf("the gateway lost %d connections, stock Caddy %d: by chance with probability %.5f", lostBy(lost[toGate]), lostBy(lost[toStock]), p)
	}
}

// TestWorse: the test above finds a difference that is there, and none in noise.
func TestWorse(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	bunches := func(often float64) (lost []int64) {
		for range 60 {
			n := int64(0)
			if random.Float64() < often {
				n = 1 + random.Int64N(4)
			}
			lost = append(lost, n)
		}
		return lost
	}
	if p := worse([2][]int64{bunches(0.7), bunches(0.2)}); p >= alpha {
		t.Errorf("three times as many: p = %v", p)
	}
	if p := worse([2][]int64{bunches(0.2), bunches(0.7)}); p < 0.5 {
		t.Errorf("a third: p = %v", p)
	}
	falsely := 0
	for range 100 {
		if worse([2][]int64{bunches(0.4), bunches(0.4)}) < 0.05 {
			falsely++
		}
	}
	if falsely > 16 { // 5 expected; more than 16 has a probability below 0.0001
		t.Errorf("%d of 100 equals are told apart at 0.05", falsely)
	}
}

// BenchmarkReloadLoss is the long form, with stock Caddy against itself as a
// control:
//
//	go test -run '^$' -bench BenchmarkReloadLoss -benchtime 1000x ./caddyplugin/gateway
//
// It reports connections lost by a reload, and the probability of TestWorse.
func BenchmarkReloadLoss(b *testing.B) {
	p := buildProgram(b)
	for _, bm := range []struct {
		name    string
		configs [2]string
	}{
		{"gateway", [2]string{lossGate, lossStock}},
		{"control", [2]string{lossStock, lossStock}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			l := startPair(b, p, bm.configs)
			b.ResetTimer()
			lost := l.run(b, b.N)
			b.StopTimer()
			n := float64(b.N)
			b.ReportMetric(float64(lostBy(lost[toGate]))/n, "lost/reload")
			b.ReportMetric(float64(lostBy(lost[toStock]))/n, "stock-lost/reload")
			b.ReportMetric(float64(l.fine.Load())/2/n, "served/reload")
			b.ReportMetric(worse(lost), "p")
		})
	}
}
