package gateway_test

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestLogsAreSideDoors: a log that is sent away is named like a proxy, in whatever form
// it is configured.
func TestLogsAreSideDoors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	to := "tcp/" + listener.Addr().String()
	sends := func(log string) string {
		return "log '" + log + "' sends account ids, addresses and paths of requests to '" + to + "', past every decision and without a record; " +
			"write it to a file, or name it as in 'other_upstreams " + to + " \"why\"'"
	}
	for _, c := range []rule{
		{before: "log {\noutput net " + to + "\n}", want: sends("log0")},
		{global: "log {\noutput net " + to + "\n}", want: sends("default")},
		{global: "log some {\noutput net " + to + "\ninclude http.log.access\n}", before: "log", want: sends("some")},
		{global: "log some {\noutput net " + to + "\ninclude tls\n}", before: "log"},
		{global: "log some {\noutput net " + to + "\nexclude http\n}", before: "log {\noutput discard\n}"},
		{before: "log {\noutput file {ledger}.log\n}"},
		{before: "log {\noutput discard\n}"},
	} {
		c.before = strings.ReplaceAll(c.before, "{ledger}", t.TempDir()+"/access")
		c.try(t)
	}
}

// TestLogsLeaveOutThePerson: access and error logs of a site with a transfer handler
// do not say who sent a request and what for, whatever their form, unless the site
// says why. Other sites of the server log as they did.
func TestLogsLeaveOutThePerson(t *testing.T) {
	const config = `{
	admin off
	{global}
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		identity header {
			from 127.0.0.0/8
		}
	}
}
http://gw.test:{port} {
	bind 127.0.0.1
	{site}
	basic_auth /guarded {
		ana {password}
	}
	handle_path /broken/* {
		error "broken" 503
	}
	header Secret-Answer secret-answer
	transfer {
		activity serving
		region ap-southeast-3 {up}
		region sa-brazil-1 {up}
		{word}
	}
}
http://other.test:{port} {
	bind 127.0.0.1
	{site}
	error "broken too" 503
}
`
	const everything = "output file {log}"
	for name, c := range map[string]struct {
		global, site, word string
		access, errors     int // lines of requests to the site that are logged
		kept               bool
	}{
		"access log":                  {site: "log {\n" + everything + "\n}", access: 4},
		"for people":                  {site: "log {\n" + everything + "\nformat console\n}", access: 4},
		"a filter of one's own":       {site: "log {\n" + everything + "\nformat filter {\nrequest>headers>Account-Id hash\n}\n}", access: 4},
		"log_append":                  {site: "log {\n" + everything + "\nformat append {\nwhere here\n}\n}", access: 4},
		"with credentials":            {global: "servers {\nlog_credentials\n}", site: "log {\n" + everything + "\n}", access: 4},
		"a logger by name":            {global: "log every {\n" + everything + "\ninclude http.log.access.named\n}", site: "log default\nlog named {\noutput discard\n}\nlog_name named", access: 4},
		"all access logs":             {global: "log every {\n" + everything + "\ninclude http.log.access\n}", site: "log", access: 4},
		"the default log":             {global: "log {\n" + everything + "\n}", site: "log", access: 4, errors: 1},
		"errors, without access logs": {global: "log {\n" + everything + "\n}", errors: 1},
		"errors, down to DEBUG":       {global: "log every {\n" + everything + "\ninclude http.log.error\nlevel DEBUG\n}", errors: 2},
		"access log, said why":        {site: "log {\n" + everything + "\n}", word: `log_personal_data "an attack is looked into"`, access: 4, kept: true},
		"errors, said why":            {global: "log {\n" + everything + "\n}", word: `log_personal_data "an attack is looked into"`, errors: 1, kept: true},
		"sampled":                     {global: "log {\n" + everything + "\nsampling {\nfirst 100\n}\n}", site: "log", access: 4, errors: 1},
	} {
		t.Run(name, func(t *testing.T) {
			log := filepath.Join(outlivingDir(t), "log")
			up := newUpstream(t, "up", nil)
			fill := strings.NewReplacer("{global}", c.global, "{site}", c.site, "{word}", c.word, "{password}", bcryptOf(t, "secret-password"))
			g := startGate(t, strings.ReplaceAll(fill.Replace(config), "{log}", log), map[string]string{"up": up.addr})
			ask := func(host, path, password string) {
				req := g.request("GET", path+"?token=secret-query", nil, "Registered-Country", "BR", "Account-Id", "secret-account", "Cookie", "secret-cookie")
				req.Host = host
				req.SetBasicAuth("ana", password)
				res, err := http.DefaultClient.Do(req)
				must(t, err)
				res.Body.Close()
			}
			ask("gw.test", "/secret-path", "secret-password")
			ask("gw.test", "/guarded", "secret-password")
			ask("gw.test", "/guarded", "secret-guess")
			ask("gw.test", "/broken/secret-path", "secret-password")
			ask("other.test", "/open-path", "secret-password")
			http.DefaultClient.CloseIdleConnections()
			must(t, caddy.Stop())

			var access, errors int
			for line := range strings.Lines(readFile(t, log)) {
				if strings.Contains(line, "other.test") && !strings.Contains(line, "open-path") {
					t.Errorf("the other site lost what it logs: %s", line)
				}
				if !strings.Contains(line, "gw.test") {
					continue
				}
				if strings.Contains(line, "http.log.access") {
					access++
				} else if strings.Contains(line, "http.log.error") {
					errors++
				}
				says := false
				for _, word := range []string{"secret", "remote_ip", "client_ip", "127.0.0.1", "uri", "headers", "user_id"} {
					says = says || strings.Contains(strings.ToLower(line), word)
				}
				if says != c.kept {
					t.Errorf("the person stands in the line, %t: %s", says, line)
				}
				if strings.Contains(line, "handled request") && (!strings.Contains(line, "status") || !strings.Contains(line, "duration") || !strings.Contains(line, "GET")) {
					t.Errorf("the line lacks what was exchanged: %s", line)
				}
			}
			if access != c.access || errors != c.errors {
				t.Errorf("%d lines of access and %d of errors, want %d and %d", access, errors, c.access, c.errors)
			}
		})
	}
}
