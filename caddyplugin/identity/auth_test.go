package identity_test

import (
	"context"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/identity"
	"github.com/sparkoo/transfergate/internal/decision"
)

// TestAuthNeedsAnID: whatever else an authentication handler says of a user,
// nobody is identified without an id.
func TestAuthNeedsAnID(t *testing.T) {
	nobody := gateway.Identity{}
	for _, tt := range []struct {
		name string
		user map[string]string
		want gateway.Identity
	}{
		{"nothing", nil, nobody},
		{"a country alone", map[string]string{"country": "BR"}, nobody},
		{"an empty id", map[string]string{"id": "", "country": "BR", "account": "ana"}, nobody},
		{"an account of its own name alone", map[string]string{"account": "ana", "country": "BR"}, nobody},
		{"an id", map[string]string{"id": "u-1", "account": "ana", "country": "BR"}, gateway.Identity{Found: true, Source: "delegated", Account: "ana", Country: "BR"}},
		{"an id and nothing else", map[string]string{"id": "u-1"}, gateway.Identity{Found: true, Source: "delegated"}},
		{"what looks like a placeholder", map[string]string{"id": "u-1", "account": "{http.auth.user.country}", "country": "BR"},
			gateway.Identity{Found: true, Source: "delegated", Account: "{http.auth.user.country}", Country: "BR"}},
		{"staff", map[string]string{"id": "u-1", "account": "ana", "company": "huawei-cloud-cn", "desk": "CN"},
			gateway.Identity{Found: true, Source: "delegated", Account: "ana", Staff: &decision.Place{Entity: "huawei-cloud-cn", Country: "CN"}, Member: "u-1"}},
		{"staff without an id", map[string]string{"account": "ana", "company": "huawei-cloud-cn", "desk": "CN"}, nobody},
	} {
		source := &identity.Auth{Account: "account", StaffEntity: "company", StaffCountry: "desk"}
		if err := source.Provision(caddy.Context{}); err != nil {
			t.Fatal(err)
		}
		repl := caddy.NewReplacer()
		for name, value := range tt.user {
			repl.Set("http.auth.user."+name, value)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r = r.WithContext(context.WithValue(r.Context(), caddy.ReplacerCtxKey, repl))
		if got, err := source.Identify(r); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}
