package command_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
)

// A gateway without troubles ends with 0 and says so.
func TestStatusOfAllWell(t *testing.T) {
	var said atomic.Pointer[adminapi.Status]
	status := adminapi.Status{Node: "gw-sg-1", At: time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC), Ready: true, Troubles: []adminapi.Trouble{}}
	said.Store(&status)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/transfer/status" {
			http.NotFound(w, r)
			return
		}
		if err := json.NewEncoder(w).Encode(said.Load()); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	run := func() (string, error) {
		program, err := exec.LookPath("transfergate") // testscript puts it there
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program, "transfer", "status", "--address", strings.TrimPrefix(server.URL, "http://"))
		cmd.Stdout, cmd.Stderr = &out, &out
		err = cmd.Run()
		return out.String(), err
	}
	if out, err := run(); err != nil || !strings.HasPrefix(out, "gw-sg-1 takes transfers (2026-11-30 07:00 UTC)\n") || !strings.Contains(out, "\nNothing stops transfers, and nothing soon will.\n") {
		t.Errorf("%v\n%s", err, out)
	}
	troubled := status
	troubled.Troubles = []adminapi.Trouble{{Text: "law cl begins on 2026-12-01 03:00 UTC", Page: "a-law-begins"}}
	said.Store(&troubled)
	if out, err := run(); err == nil || !strings.Contains(out, "\nThis will, or is worth a look by day:\n- law cl begins") || strings.Contains(out, "This stops") {
		t.Errorf("%v\n%s", err, out)
	}
}
