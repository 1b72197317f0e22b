package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkCPU compares the CPU time a request costs the gateway with what it
// costs stock Caddy's bare reverse_proxy. Both are the same program, in two
// processes, loaded at the same time by the same client over kept-alive
// connections, so that whatever else the machine does befalls both.
//
//	go test -run '^$' -bench BenchmarkCPU -benchtime 20000x -count 5 ./caddyplugin/gateway
//
// It reports µs of CPU a request for both, user and system time together, and
// their ratio. With CPUPROFILE=folder it leaves a profile of the gateway there.
func BenchmarkCPU(b *testing.B) {
	p := buildProgram(b)
	for _, bm := range []struct {
		name   string
		fields []string
		more   string
	}{
		{"no transfer", singaporean, ""},
		{"transfer", brazilian, ""},
		{"transfer with its log line", brazilian, "\n\t\tlog_transfers"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			benchmarkCPU(b, &program{t: b, exe: p.exe, home: p.home}, strings.NewReplacer("{log}", "", "\t\tdemo\n", "\t\tdemo"+bm.more+"\n").Replace(cpuGate), bm.fields)
		})
	}
	b.Run("stock with our fields", func(b *testing.B) {
		benchmarkCPU(b, &program{t: b, exe: p.exe, home: p.home}, strings.Replace(cpuStock, "{upstream}", "{upstream} {\n"+ourFields+"}", 1), singaporean)
	})
}

// ourFields let stock Caddy send as many fields as the gateway does, of the same
// length: the share of the gateway's costs that is theirs.
const ourFields = `
	header_up Data-Controller sparkoo-sg
	header_up Data-Controller-Name "Sparkoo Technologies Singapore Pte. Ltd."
	header_up Data-Controller-Address "1 Changi Business Park Ave 1 #05-01/06 Singapore 486058"
	header_up Data-Controller-Basis registered-country
	header_up Data-Subject-Country SG
	header_up Data-Region ap-southeast-3
	header_up Data-Transfer ?0
	header_up Privacy-Statement 2023-11-21
`

// cpuGate is the gateway as it is compared.
const cpuGate = `{
	admin {admin}
	persist_config off
	{log}
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		identity header {
			from 127.0.0.0/8
		}
	}
}

http://{addr} {
	transfer_health
	transfer {
		activity serving
		region ap-southeast-3 {upstream}
		region sa-brazil-1 {upstream}
	}
}
`

const cpuStock = `{
	admin off
	persist_config off
}

http://{addr} {
	respond /ready ok
	reverse_proxy {upstream}
}
`

func benchmarkCPU(b *testing.B, p *program, config string, fields []string) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"answer":"of a usual small size, as an interface gives it"}`)
	}))
	b.Cleanup(upstream.Close)
	vars := map[string]string{"upstream": upstream.Listener.Addr().String(), "admin": freeAddr(b)}
	run := func(config string) (*gate, *exec.Cmd) {
		g := &gate{t: b, addr: freeAddr(b), ledger: filepath.Join(b.TempDir(), "ledger")}
		return g, p.start(g, writeFile(b, "Caddyfile", g.expand(config, vars)))
	}
	gate, gateProcess := run(config)
	stock, stockProcess := run(cpuStock)

	hammer(b, 500, fields, gate.addr, stock.addr) // warm up
	profiled := profile(b, vars["admin"])
	before := [2]time.Duration{cpuOf(b, gateProcess), cpuOf(b, stockProcess)}
	b.ResetTimer()
	hammer(b, b.N, fields, gate.addr, stock.addr)
	b.StopTimer()
	gateCPU, stockCPU := cpuOf(b, gateProcess)-before[0], cpuOf(b, stockProcess)-before[1]
	profiled()
	n := float64(b.N)
	b.ReportMetric(float64(gateCPU.Microseconds())/n, "gate-cpu-µs/op")
	b.ReportMetric(float64(stockCPU.Microseconds())/n, "stock-cpu-µs/op")
	b.ReportMetric(float64(gateCPU)/float64(stockCPU), "ratio")
	p.end(gateProcess)
	p.end(stockProcess)
}

// hammer sends n requests to each address: every worker to one after the other.
func hammer(b *testing.B, n int, fields []string, addrs ...string) {
	b.Helper()
	var taken atomic.Int64
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for taken.Add(1) <= int64(n) {
				for _, addr := range addrs {
					if err := sendOne(transport, addr, fields); err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	workers.Wait()
}

func sendOne(transport *http.Transport, addr string, fields []string) error {
	req, err := http.NewRequest("GET", "http://"+addr+"/v1/things/42?page=2", nil)
	if err != nil {
		return err
	}
	// What a browser sends.
	for name, value := range map[string]string{
		"Accept": "application/json", "Accept-Language": "pt-BR,pt;q=0.9", "Authorization": "Bearer " + strings.Repeat("x", 200),
		"Cookie": "session=" + strings.Repeat("y", 64), "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
		"Referer": "https://developer.example.com/things", "Sec-Fetch-Mode": "cors", "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		req.Header.Set(name, value)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != 200 {
		return fmt.Errorf("%s answered %d", addr, res.StatusCode)
	}
	return nil
}

// profile takes a CPU profile of the process behind the admin address, until
// the returned function is called, if CPUPROFILE asks for it.
func profile(b *testing.B, admin string) (wait func()) {
	folder := os.Getenv("CPUPROFILE")
	if folder == "" {
		return func() {}
	}
	name := filepath.Join(folder, strings.ReplaceAll(b.Name(), "/", "-")+".pprof")
	done := make(chan error, 1)
	go func() {
		res, err := http.Get("http://" + admin + "/debug/pprof/profile?seconds=10")
		if err != nil {
			done <- err
			return
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err == nil {
			err = os.WriteFile(name, data, 0o600)
		}
		done <- err
	}()
	return func() {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

// cpuOf is the CPU time a running process has used in all its threads, user and
// system together, as Linux counts it in hundredths of a second.
func cpuOf(b *testing.B, cmd *exec.Cmd) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil {
		b.Skipf("the CPU time of another process is read on Linux only: %v", err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the program's name may have spaces
	fields := strings.Fields(rest)
	var ticks time.Duration
	for _, text := range fields[11:13] { // utime and stime, proc_pid_stat(5)
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * time.Second / 100
}
