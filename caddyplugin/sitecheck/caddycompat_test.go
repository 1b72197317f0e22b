package sitecheck

import (
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestCheckedCaddy: the Caddy that is built with is one of those the list names.
// With a newer one, as .ci/run newest tries, that is all that fails.
func TestCheckedCaddy(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "github.com/caddyserver/caddy/v2").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if version := strings.TrimSpace(string(out)); !slices.Contains(CheckedCaddy, version) {
		t.Errorf("Caddy %s is not in CheckedCaddy: read what this file reads of it, then add it", version)
	}
}

// TestCaddysUnexportedFields: what this package reads by reflection has the name
// and type it expects, and a Caddy that renames it does not load.
func TestCaddysUnexportedFields(t *testing.T) {
	cfg, found := reflect.TypeFor[caddy.Context]().FieldByName("cfg")
	if !found || cfg.Type != reflect.TypeFor[*caddy.Config]() {
		t.Errorf("caddy.Context has no field 'cfg *caddy.Config': %v", cfg)
	}
	if apps, found := reflect.TypeFor[caddy.Config]().FieldByName("AppsRaw"); !found || apps.Type != reflect.TypeFor[caddy.ModuleMap]() {
		t.Errorf("caddy.Config has no field 'AppsRaw caddy.ModuleMap': %v", apps)
	}
	if proxies, found := reflect.TypeFor[caddyhttp.Server]().FieldByName("trustedProxies"); !found || proxies.Type != reflect.TypeFor[caddyhttp.IPRangeSource]() {
		t.Errorf("caddyhttp.Server has no field 'trustedProxies caddyhttp.IPRangeSource': %v", proxies)
	}
	type config struct{ Apps map[string][]byte }
	for want, ctx := range map[string]any{
		"this build of Caddy hides its configuration: side doors cannot be looked for": struct{ config *caddy.Config }{},
		"this build of Caddy hides its apps: side doors cannot be looked for":          struct{ cfg *config }{new(config)},
	} {
		if _, err := rawApp(ctx, "http"); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := rawApp(struct{ cfg *caddy.Config }{}, "http"); err == nil {
		t.Error("a context without configuration passes")
	}
	const hidden = "this build of Caddy hides its trusted proxies: whether a client could choose its address cannot be told"
	for _, server := range []any{&struct{ trusted caddyhttp.IPRangeSource }{}, &struct{ trustedProxies []string }{}} {
		if _, err := trustsProxies(server); err == nil || err.Error() != hidden {
			t.Errorf("got %v, want %s", err, hidden)
		}
	}
}
