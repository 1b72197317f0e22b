package main_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A second gateway on the same ledger does not start, and says why; the first one
// serves on and records, while the second tries and afterwards.
func TestSecondGatewayOnTheLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program")
	}
	p := newProcess(t)
	first := p.start()
	p.serve(50, func() {
		for range 3 {
			said, err := p.command("run", "--config", p.elsewhere()).CombinedOutput()
			want := fmt.Sprintf("locking %s: the ledger is in use", filepath.Join(p.ledger, "LOCK"))
			if err == nil || !strings.Contains(string(said), want) {
				t.Errorf("the second gateway ended with %v and said\n%s\nwant %q", err, said, want)
			}
		}
	})
	p.serve(50, func() {})
	p.end(first)
	p.check()
	second := p.start() // the ledger is free again
	p.serve(50, func() {})
	p.end(second)
	p.check()
}

// elsewhere is the same Caddyfile for another address.
func (p *process) elsewhere() string {
	p.t.Helper()
	site, err := os.ReadFile(p.site)
	if err != nil {
		p.t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	defer free.Close()
	file := filepath.Join(p.dir, "Caddyfile.second")
	text := strings.Replace(string(site), p.addr, free.Addr().String(), 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return file
}
