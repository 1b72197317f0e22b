package gateway_test

import (
	"net"
	"strings"
	"testing"
)

// TestLogsAreSideDoors: an access log that is sent away is named like a proxy, and
// one that keeps addresses is warned of, in whatever form it is configured.
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
