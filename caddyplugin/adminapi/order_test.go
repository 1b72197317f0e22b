package adminapi_test

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

const rotate = "/transfer/ledger/keys/rotate"

// startSigned runs an app on a port, with an operator.
func startSigned(t *testing.T) (a *answers, address, key, public string, now *clock) {
	t.Helper()
	key, public = newKey(t, "ops")
	now = &clock{now: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)}
	operators, err := adminapi.NewOperators([]string{public}, now.Now)
	if err != nil {
		t.Fatal(err)
	}
	a = &answers{operators: operators}
	return a, onPort(t, a), key, public, now
}

// signed is the field of an operator's order.
func signed(t *testing.T, address, key, method, path, body string) []string {
	t.Helper()
	name, value, err := adminapi.Client{Address: address, Key: key}.Sign(method, path, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return []string{name, value}
}

// A signature is for one order, for this gateway, for a minute (deploy/README.md, "The
// admin address"). What is not obeyed changes nothing.
func TestAnOrderIsSignedForThisAlone(t *testing.T) {
	a, address, key, public, now := startSigned(t)
	refused := func(what, said, path, body string, fields ...string) {
		t.Helper()
		status, text := send(t, http.MethodPost, address, path, body, fields...)
		says(t, what, status, text, http.StatusForbidden, said)
		if orders := a.obeyed(); orders != "" {
			t.Errorf("%s: obeyed %s", what, orders)
		}
	}
	obeyed := func(what string, fields ...string) {
		t.Helper()
		status, text := send(t, http.MethodPost, address, rotate, "", fields...)
		says(t, what, status, text, http.StatusOK, `"keys"`)
		if got := a.obeyed(); got != "POST "+rotate+" by ops" {
			t.Errorf("%s: obeyed '%s'", what, got)
		}
	}
	sign := func() []string { return signed(t, address, key, http.MethodPost, rotate, "") }

	refused("unsigned", "operators", rotate, "")
	refused("no base64", "base64", rotate, "", "Transfer-Order", "%")
	refused("no note", "not signed by one of the operators", rotate, "", "Transfer-Order", "eA==")
	stranger, _ := newKey(t, "ops")
	refused("of a stranger with the same name", "not signed by one of the operators", rotate, "", signed(t, address, stranger, http.MethodPost, rotate, "")...)
	refused("of another body", "another order", rotate, "x", sign()...)
	refused("of another path", "another order", "/transfer/ledger/keys/2026-11/destroy", "", sign()...)
	refused("of another method", "another order", rotate, "", signed(t, address, key, http.MethodPut, rotate, "")...)
	refused("too long", "too large", rotate, strings.Repeat("x", 64<<10+1), sign()...)

	order := sign()
	obeyed("signed", order...)
	refused("given twice", "already", rotate, "", order...)

	order = sign()
	now.Add(time.Minute)
	obeyed("within the minute", order...)
	order = sign()
	now.Add(time.Minute + time.Millisecond)
	refused("after the minute", "more than a minute ago", rotate, "", order...)

	// Challenges of a gateway that was loaded anew are others, though the key is the same.
	order = sign()
	var err error
	if a.operators, err = adminapi.NewOperators([]string{public}, now.Now); err != nil {
		t.Fatal(err)
	}
	refused("of the gateway before", "not signed for this gateway", rotate, "", order...)
	obeyed("of the gateway after", sign()...)
}

// A configuration without operators gives no challenge and takes no signature.
func TestWithoutOperatorsNobodySigns(t *testing.T) {
	a := &answers{}
	address := onPort(t, a)
	key, _ := newKey(t, "ops")
	_, err := adminapi.Client{Address: address, Key: key}.RotateKeys()
	fails(t, "a challenge", err, address, "names no operators")
	status, text := send(t, http.MethodPost, address, rotate, "", "Transfer-Order", "eA==")
	says(t, "a signature", status, text, http.StatusForbidden, "name their keys with 'operators KEYS...'")
	if a.operators.IDs() != nil || a.obeyed() != "" {
		t.Error("somebody was obeyed")
	}
}

// Over a socket that others may not open an order needs no signature, and one that is
// signed wrongly is not obeyed there either.
func TestOrdersComeOverASocketOfOnesOwn(t *testing.T) {
	for mode, want := range map[string]string{"0600": "", "0660": "", "0602": "HTTP 403", "0604": "HTTP 403"} {
		t.Run(mode, func(t *testing.T) {
			a := &answers{}
			path := socketPath(t)
			run(t, a, "unix/"+path+"|"+mode)
			_, err := adminapi.Client{Address: "unix/" + path}.RotateKeys()
			if got := a.obeyed(); want == "" && (err != nil || got != "POST "+rotate+" by the admin socket") {
				t.Errorf("obeyed '%s', %v", got, err)
			} else if want != "" {
				fails(t, mode, err, path, want)
				if got != "" {
					t.Errorf("obeyed '%s'", got)
				}
			}
			if want != "" {
				return
			}
			key, _ := newKey(t, "ops")
			_, public := newKey(t, "ops")
			if a.operators, err = adminapi.NewOperators([]string{public}, time.Now); err != nil {
				t.Fatal(err)
			}
			_, err = adminapi.Client{Address: "unix/" + path, Key: key}.RotateKeys()
			fails(t, "signed by a stranger", err, path, "not signed by one of the operators")
		})
	}
}

// A socket in no folder has no permissions: every process may open it.
func TestOrdersOverAnAbstractSocketAreRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("abstract sockets are Linux's")
	}
	a := &answers{}
	address := "unix/@" + filepath.Base(filepath.Dir(socketPath(t)))
	run(t, a, address)
	_, err := adminapi.Client{Address: address}.RotateKeys()
	fails(t, "abstract", err, address, "HTTP 403")
}

// Keys are given as such or as files, one a line; what is none is told.
func TestOperatorsKeys(t *testing.T) {
	private, ana := newKey(t, "ana")
	_, bea := newKey(t, "bea")
	write := func(text string) string {
		name := filepath.Join(t.TempDir(), "operators.txt")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	o, err := adminapi.NewOperators([]string{write("# ours\n\n" + ana + "\n"), bea}, time.Now)
	if err != nil || len(o.IDs()) != 2 || !strings.HasPrefix(ana, o.IDs()[0][:3]) {
		t.Errorf("got %v, %v", o.IDs(), err)
	}
	if o, err := adminapi.NewOperators(nil, time.Now); o != nil || err != nil {
		t.Errorf("nobody is %v, %v", o, err)
	}
	for what, given := range map[string]string{
		"operators.txt names no key": write("# nobody\n"), "/no/such/file": "/no/such/file", "operators:": write(private), "operators: ": ana + "x",
	} {
		if o, err := adminapi.NewOperators([]string{given}, time.Now); o != nil || err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v, %v", given, o, err)
		} else if strings.Contains(err.Error(), private) {
			t.Errorf("the error shows a private key: %v", err)
		}
	}
}

// Each order is an entry of the ledger, with the key that signed it or the socket it came
// over, and never with a name.
func TestOrdersAreEntries(t *testing.T) {
	key, public := newKey(t, "ana.lee")
	operators, err := adminapi.NewOperators([]string{public}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	done := func() (adminapi.Reloaded, error) { return adminapi.Reloaded{}, nil }
	a := &answers{operators: operators, reload: done, shadow: done}
	address := onPort(t, a)
	folder, err := adminapi.Client{Address: address}.LedgerFolder()
	if err != nil {
		t.Fatal(err)
	}
	by := "key " + strings.Split(public, "+")[1]
	var want []string
	for _, pattern := range allOrders {
		if strings.HasSuffix(pattern, "/looks") {
			continue // is an entry itself
		}
		path := strings.NewReplacer("{ref}", "case-7", "{period}", "2026-11-2b55").Replace(strings.TrimPrefix(pattern, "POST "))
		send(t, http.MethodPost, address, path, "", signed(t, address, key, http.MethodPost, path, "")...) // whether it can be done is another matter
		want = append(want, pattern+" by "+by)
	}
	if got := ordersIn(t, folder); !slices.Equal(got, want) {
		t.Errorf("on a port: %q", got)
	}
	address = "unix/" + socketPath(t)
	folder = run(t, a, address+"|0600")
	if _, err := (adminapi.Client{Address: address}).RotateKeys(); err != nil {
		t.Fatal(err)
	}
	if got := ordersIn(t, folder); !slices.Equal(got, []string{"POST " + rotate + " by socket"}) {
		t.Errorf("over a socket: %q", got)
	}
}

// ordersIn are the orders that a ledger has entries of.
func ordersIn(t *testing.T, folder string) (all []string) {
	t.Helper()
	for e, err := range ledger.At(folder).Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(e.Data), "ana.lee") {
			t.Errorf("a name: %s", e.Data)
		}
		if !record.IsOf(e.Data, record.TypeOrder) {
			continue
		}
		var order record.Order
		if err := order.Parse(e.Data); err != nil || order.Node != "gw-sg-1" {
			t.Errorf("%s: %v", e.Data, err)
		}
		all = append(all, order.Order+" by "+order.By)
	}
	return all
}
