package sitecheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
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
// address: behind trusted proxies Caddy takes the left-most forwarded address
// unless told to be strict. user is the option that goes by the address, and
// chooses what a client could then do.
func ClientAddress(ctx caddy.Context, user, chooses string) error {
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
		return fmt.Errorf("%s behind trusted_proxies needs trusted_proxies_strict in the server options: otherwise a client %s", user, chooses)
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

// serverLoggers are the loggers by which a [caddyhttp.Server] says that it was asked for
// something: its own, one for access and one for errors. Nobody uses them while the
// server is provisioned.
func serverLoggers(server any) (loggers []*zap.Logger, err error) {
	for _, name := range []string{"accessLogger", "errorLogger"} {
		field := reflect.Indirect(reflect.ValueOf(server)).FieldByName(name)
		if !field.IsValid() || field.Type() != reflect.TypeFor[*zap.Logger]() {
			return nil, errors.New("this build of Caddy hides the loggers of its servers: who sent a request cannot be left out of its logs")
		}
		if !field.IsNil() {
			loggers = append(loggers, (*zap.Logger)(field.UnsafePointer()))
		}
	}
	if len(loggers) == 0 {
		return nil, errors.New("this build of Caddy sets up the loggers of its servers late: who sent a request cannot be left out of its logs")
	}
	return loggers, nil
}

// openLogs lists the loggers of the configuration that is being loaded. Caddy has
// opened them by then, and has emptied what the configuration says of their
// writers: ctx is a [caddy.Context], which keeps them in cfg.Logging.Logs.
func openLogs(ctx any) (logs []Log, err error) {
	hidden := errors.New("this build of Caddy hides its loggers: where requests are logged to cannot be told")
	config := reflect.ValueOf(ctx).FieldByName("cfg")
	if config.Kind() != reflect.Pointer || config.IsNil() {
		return nil, hidden
	}
	logging := config.Elem().FieldByName("Logging")
	if logging.Kind() != reflect.Pointer {
		return nil, hidden
	}
	if logging.IsNil() {
		return nil, nil // standard error alone
	}
	all := logging.Elem().FieldByName("Logs")
	if all.Kind() != reflect.Map {
		return nil, hidden
	}
	for each := all.MapRange(); each.Next(); {
		log, ok := openLog(each.Key().String(), each.Value())
		if !ok {
			return nil, hidden
		}
		logs = append(logs, log)
	}
	slices.SortFunc(logs, func(a, b Log) int { return strings.Compare(a.Name, b.Name) })
	return logs, nil
}

// openLog reads a *caddy.CustomLog; ok is false if it is not as it was.
func openLog(name string, custom reflect.Value) (log Log, ok bool) {
	if custom.Kind() != reflect.Pointer || custom.IsNil() {
		return log, false
	}
	custom = custom.Elem()
	writer, encoder := custom.FieldByName("writerOpener"), custom.FieldByName("encoder")
	core, include, level := custom.FieldByName("core"), custom.FieldByName("Include"), custom.FieldByName("levelEnabler")
	if level.Kind() != reflect.Interface || writer.Kind() != reflect.Interface || writer.IsNil() || encoder.Kind() != reflect.Interface || core.Kind() != reflect.Interface || include.Kind() != reflect.Slice {
		return log, false
	}
	log = Log{Name: name, Include: textsOf(include), Exclude: textsOf(custom.FieldByName("Exclude"))}
	log.Debug = level.Elem().Kind() == reflect.Int8 && level.Elem().Int() <= int64(zap.DebugLevel)
	log.Writer, log.Address = writerOf(reflect.Indirect(writer.Elem()))
	log.Tees = !core.IsNil() && reflect.Indirect(core.Elem()).Kind() == reflect.Slice // zapcore's tee
	if !encoder.IsNil() {
		log.Redacted = redacts(reflect.Indirect(encoder.Elem()))
	}
	return log, log.Writer != ""
}

// writerOf names the writer's module and where it sends lines.
func writerOf(writer reflect.Value) (name, address string) {
	module, ok := reflect.TypeAssert[caddy.Module](reflect.New(writer.Type()))
	if !ok {
		return "", ""
	}
	if to := writer.FieldByName("Address"); writer.Kind() == reflect.Struct && to.Kind() == reflect.String {
		address = to.String()
	}
	return module.CaddyModule().ID.Name(), address
}

// redacts reports whether an encoder filters what says who sent a request and
// what for.
func redacts(encoder reflect.Value) bool {
	if encoder.Kind() != reflect.Struct {
		return false
	}
	filters := encoder.FieldByName("Fields")
	if filters.Kind() != reflect.Map {
		return false
	}
	has := make(map[string]bool)
	for _, key := range filters.MapKeys() {
		has[key.String()] = true
	}
	return has["request"] || has["request>remote_ip"] && has["request>client_ip"] && has["request>uri"] && has["request>headers"]
}

// textsOf copies a slice of strings.
func textsOf(list reflect.Value) (texts []string) {
	for i := range list.Len() {
		texts = append(texts, list.Index(i).String())
	}
	return texts
}
