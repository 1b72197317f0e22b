package sitecheck

import (
	"encoding/json"
	"errors"
	"reflect"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// This file alone reads fields that Caddy does not export. A build of Caddy that
// has not got them as they were, in any of the versions of CheckedCaddy, loads no
// gateway: what cannot be looked at is not believed.

// CheckedCaddy are the versions of Caddy with which this package's tests were
// run. Others are tried as they come, and refused if they hide what is looked at.
var CheckedCaddy = []string{"v2.11.9"}

// rawApp returns the raw configuration of an app that is still being loaded; nil
// if there is none or it is loaded. ctx is a [caddy.Context], which keeps it in
// cfg.AppsRaw.
func rawApp(ctx any, name string) (json.RawMessage, error) {
	config := reflect.ValueOf(ctx).FieldByName("cfg")
	if config.Kind() != reflect.Pointer || config.IsNil() || config.Elem().Kind() != reflect.Struct {
		return nil, errors.New("this build of Caddy hides its configuration: side doors cannot be looked for")
	}
	apps := config.Elem().FieldByName("AppsRaw")
	if apps.Kind() != reflect.Map {
		return nil, errors.New("this build of Caddy hides its apps: side doors cannot be looked for")
	}
	app := apps.MapIndex(reflect.ValueOf(name))
	if !app.IsValid() || app.Len() == 0 {
		return nil, nil
	}
	return app.Bytes(), nil
}

// ClientAddress refuses the server of ctx if its clients could choose their own
// address, and so their country: behind trusted proxies Caddy takes the left-most
// forwarded address unless told to be strict.
func ClientAddress(ctx caddy.Context) error {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return errors.New("this build of Caddy hides the server: whom it trusts for client addresses cannot be told")
	}
	if server.TrustedProxiesStrict > 0 {
		return nil
	}
	trusts, err := trustsProxies(server)
	if err != nil {
		return err
	}
	if trusts || server.TrustedProxiesUnix {
		return errors.New("geoip behind trusted_proxies needs trusted_proxies_strict in the server options: otherwise a client chooses its own country")
	}
	return nil
}

// trustsProxies reports whether a [caddyhttp.Server] trusts proxies. By the time
// it is asked, Caddy has emptied the part of the configuration that says so.
func trustsProxies(server any) (bool, error) {
	field := reflect.Indirect(reflect.ValueOf(server)).FieldByName("trustedProxies")
	if field.Kind() != reflect.Interface {
		return false, errors.New("this build of Caddy hides its trusted proxies: whether a client could choose its address cannot be told")
	}
	return !field.IsNil(), nil
}
