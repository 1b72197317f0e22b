package gateway_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// unset is a placeholder that stands for nothing.
const unset = "{env.TRANSFER_NOT_SET}"

// texts yields the paths of all texts among a module's options, as keys and indices of its
// JSON. Guests are filled in by their names.
func texts(t reflect.Type, at []any, yield func([]any)) {
	own := func(t reflect.Type) bool { return strings.HasPrefix(t.PkgPath(), "github.com/sparkoo/transfergate/") }
	switch t.Kind() {
	case reflect.Pointer:
		texts(t.Elem(), at, yield)
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 && (t.Elem().Kind() == reflect.String || own(t.Elem()) || t.Elem().Kind() == reflect.Pointer && own(t.Elem().Elem())) {
			texts(t.Elem(), append(slices.Clip(at), 0), yield)
		}
	case reflect.String:
		yield(at)
	case reflect.Struct:
		if t == reflect.TypeFor[option.Secret]() {
			yield(at)
			return
		}
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.IsExported() || name == "" || name == "-" || name == "at" || !own(t) {
				continue
			}
			texts(f.Type, append(slices.Clip(at), name), yield)
		}
	default: // numbers and the like: no text stands in them
	}
}

// put puts a value at a path of a document.
func put(document any, at []any, value any) any {
	if len(at) == 0 {
		return value
	}
	if key, ok := at[0].(string); ok {
		m, _ := document.(map[string]any)
		if m == nil {
			m = map[string]any{}
		}
		m[key] = put(m[key], at[1:], value)
		return m
	}
	list, _ := document.([]any)
	if len(list) == 0 {
		list = []any{nil}
	}
	list[0] = put(list[0], at[1:], value)
	return list
}

// A placeholder in whichever option of ours is resolved when the configuration is loaded, or
// refuses it: it never is taken for a text.
func TestPlaceholdersInEveryOption(t *testing.T) {
	testsupport.LogTo(t)
	good := func() map[string]any {
		return map[string]any{"demo": true, "node": map[string]any{"name": "gw-sg-1", "country": "SG", "entity": "sparkoo-sg"},
			"ledger": map[string]any{"folder": filepath.Join(t.TempDir(), "ledger")}}
	}
	tried := 0
	refused := func(what string, at []any, config map[string]any) {
		t.Helper()
		tried++
		raw, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		var c caddy.Config
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(&c); err == nil || !strings.Contains(err.Error(), unset) {
			t.Errorf("%s %v: %v", what, at, err)
		}
	}
	of := func(app map[string]any) map[string]any {
		return map[string]any{"admin": map[string]any{"disabled": true}, "apps": map[string]any{"transfer": app}}
	}
	for _, info := range caddy.Modules() {
		module, err := caddy.GetModule(info)
		if err != nil {
			t.Fatal(err)
		}
		options := reflect.TypeOf(module.New())
		if options.Kind() != reflect.Pointer || !strings.HasPrefix(options.Elem().PkgPath(), "github.com/sparkoo/transfergate/") {
			continue
		}
		namespace, name := module.ID.Namespace(), module.ID.Name()
		texts(options, nil, func(at []any) {
			value := any(unset)
			app := good()
			switch namespace {
			case "": // the app
				if at[0] == "assertion" {
					app["assertion"] = map[string]any{"issuer": "https://gateway.test"}
				}
				put(app, at, value)
				refused(info, at, of(app))
			case "transfer.identity", "transfer.accounts":
				guest := put(map[string]any{"source": name}, at, value)
				if app["accounts"] = guest; namespace == "transfer.identity" {
					delete(app, "accounts")
					app["identity"] = []any{guest}
				}
				refused(info, at, of(app))
			case "http.handlers", "http.matchers":
				m := put(map[string]any{}, at, value).(map[string]any)
				matched := map[string]any{"match": []any{map[string]any{name: m}}}
				route := map[string]any{"handle": []any{map[string]any{"handler": "intercept", "handle_response": []any{map[string]any{"routes": []any{matched}}}}}}
				if namespace == "http.handlers" {
					m["handler"] = name
					route = map[string]any{"handle": []any{m}}
				}
				config := of(app)
				config["apps"].(map[string]any)["http"] = map[string]any{"servers": map[string]any{"srv0": map[string]any{"listen": []any{"127.0.0.1:0"}, "routes": []any{route}}}}
				refused(info, at, config)
			case "http.reverse_proxy.transport", "admin.api":
			default:
				t.Errorf("nobody looks at the options of %s", info)
			}
		})
	}
	if tried < 70 {
		t.Errorf("only %d options were tried", tried)
	}
}

// What stands for something is what it stands for, in the folder of the ledger as in the
// options of guests, and is refused where it stands if not.
func TestPlaceholdersAreResolved(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "ledger")
	t.Setenv("TRANSFER_LEDGER", folder)
	t.Setenv("TRANSFER_PEER", "127.0.0.0/8")
	t.Setenv("TRANSFER_NODE", "gw-sg-7")
	g := startGate(t, `{
	admin off
	auto_https off
	transfer {
		demo
		node {env.TRANSFER_NODE} SG sparkoo-sg
		ledger {env.TRANSFER_LEDGER}
		identity header {
			from {env.TRANSFER_PEER}
		}
	}
}
http://{addr} {
	transfer {
		activity serving
		region ap-southeast-3 127.0.0.1:1
		region sa-brazil-1 127.0.0.1:1
	}
}`, nil)
	g.get("/", "Registered-Country", "BR")
	if _, err := os.Stat(folder); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("{env.TRANSFER_LEDGER}"); err == nil {
		t.Error("there is a folder of the placeholder's name")
	}
}

func TestPlaceholdersAreRefusedWhereTheyStand(t *testing.T) {
	for _, c := range []grammarCase{
		{name: "node", options: "demo\nledger {ledger}\nnode " + unset + " SG sparkoo-sg", want: "node name: evaluated placeholder " + unset + " is empty, at Caddyfile:6"},
		{name: "ledger", options: "demo\nnode gw-sg-1 SG sparkoo-sg\nledger " + unset, want: "ledger folder: evaluated placeholder " + unset + " is empty, at Caddyfile:6"},
		{name: "unknown", options: goodOptions + " {\nkey {evn.X}\n}", want: "ledger key: unrecognized placeholder {evn.X}, at Caddyfile:7"},
		{name: "guest", options: goodOptions + "\nidentity header {\nfrom ::1\ncountry_field " + unset + "\n}", want: "identity header country_field: evaluated placeholder " + unset + " is empty, at Caddyfile:9"},
		{name: "accounts", options: goodOptions + "\naccounts http https://a.test {\nstate " + unset + "\n}", want: "accounts http state: evaluated placeholder " + unset + " is empty, at Caddyfile:8"},
		{name: "site", block: goodBlock + "\nstatus_to " + unset, want: "status_to: evaluated placeholder " + unset + " is empty, at Caddyfile:13"},
		{name: "region", block: goodBlock + "\nregion " + unset + " 127.0.0.1:1", want: "evaluated placeholder " + unset + " is empty, at Caddyfile:13"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := validate(c.caddyfile(t)); err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
