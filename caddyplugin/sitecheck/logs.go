package sitecheck

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Log is a logger of the configuration, as far as it matters where its lines go.
type Log struct {
	Name             string
	Include, Exclude []string // names of loggers
	Writer           string   // the writer's module, as in "net"
	Address          string   // where a net writer sends lines
	Tees             bool     // another module gets its lines besides
	Debug            bool     // lines of level DEBUG are written
	Redacted         bool     // addresses, queries and header fields are taken out
}

// Logs lists the loggers of the configuration that is being loaded.
var Logs = openLogs

// The loggers whose lines say what a request was: its address, path, query and
// header fields.
const (
	accessLogger   = "http.log.access"
	errorLogger    = "http.log.error"
	handlersLogger = "http.handlers" // and those below it
)

// keptHere are the writers that send lines nowhere.
var keptHere = []string{"stderr", "stdout", "discard", "file", "journald"}

// CheckLogs refuses loggers that would carry requests of a site with a transfer
// handler away: like a proxy, whoever gets them must be named.
func (s Sites) CheckLogs(logs []Log) error {
	var problems []error
	for _, site := range s.Routes {
		if !slices.ContainsFunc(site.Handlers, isTransfer) {
			continue
		}
		named := otherUpstreams(site.Handlers)
		for _, log := range logs {
			if !log.carries(append(site.accessLogs(), errorLogger, handlersLogger)) {
				continue
			}
			if err := log.check(named); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", site, err))
			}
		}
	}
	return errors.Join(problems...)
}

// Unredacted lists the names of the logs to which handlers write requests to a site
// with a transfer handler as they are: at level DEBUG Caddy's proxies do, by loggers of
// their own. What the servers log is redacted.
func (s Sites) Unredacted(logs []Log) (names []string) {
	if !slices.ContainsFunc(s.Routes, func(r *Route) bool { return slices.ContainsFunc(r.Handlers, leavesOut) }) {
		return nil
	}
	for _, log := range logs {
		if log.Debug && log.Writer != "discard" && !log.Redacted && log.carries([]string{handlersLogger}) {
			names = append(names, log.Name)
		}
	}
	slices.Sort(names)
	return names
}

// check refuses a writer that is not named.
func (l Log) check(named []string) error {
	switch {
	case l.Tees && !slices.Contains(named, "log "+l.Name):
		return fmt.Errorf("log '%s' hands requests to a core of its own, which might send them elsewhere; "+
			"take it out, or answer for it as in 'other_upstreams \"log %s\" \"why\"'", l.Name, l.Name)
	case slices.Contains(keptHere, l.Writer), slices.Contains(named, l.Writer), l.Address != "" && slices.Contains(named, l.Address):
		return nil
	case l.Address != "":
		return fmt.Errorf("log '%s' sends account ids, addresses and paths of requests to '%s', past every decision and without a record; "+
			"write it to a file, or name it as in 'other_upstreams %s \"why\"'", l.Name, l.Address, l.Address)
	}
	return fmt.Errorf("log '%s' hands requests to writer '%s', which might send them elsewhere; "+
		"write it to a file, or answer for it as in 'other_upstreams %s \"why\"'", l.Name, l.Writer, l.Writer)
}

// carries reports whether lines of any of the loggers reach the log.
func (l Log) carries(loggers []string) bool {
	return slices.ContainsFunc(loggers, func(name string) bool {
		within := func(list []string) bool {
			return slices.ContainsFunc(list, func(prefix string) bool { return belongs(name, prefix) })
		}
		one := func(part string) bool { return name == handlersLogger && belongs(part, name) } // of many handlers
		included := len(l.Include) == 0 || within(l.Include) || slices.ContainsFunc(l.Include, one)
		return included && !within(l.Exclude)
	})
}

// belongs reports whether a logger is the named one or below it.
func belongs(name, above string) bool {
	rest, ok := strings.CutPrefix(name, above)
	return ok && (rest == "" || above == "" || rest[0] == '.')
}

// accessLogs lists the names of the loggers that the site's requests may be
// logged under; none if there is no access log.
func (r *Route) accessLogs() (names []string) {
	if r.logs == nil {
		return nil
	}
	add := func(name string) {
		if name == "" {
			names = append(names, accessLogger)
		} else {
			names = append(names, accessLogger+"."+name)
		}
	}
	add(r.logs.DefaultLoggerName)
	for host, list := range r.logs.LoggerNames {
		if r.hosts == nil || shareHost(r.hosts, []string{plainHost(host)}) {
			for _, name := range list {
				add(name)
			}
		}
	}
	// log_name chooses another one in a route.
	for _, h := range r.Handlers {
		if h.Name() == "vars" {
			names = append(names, namesIn(h[caddyhttp.AccessLoggerNameVarKey])...)
		}
	}
	return names
}

// namesIn are the loggers that log_name names: a text or a list of them.
func namesIn(v any) (names []string) {
	switch v := v.(type) {
	case string:
		return []string{accessLogger + "." + v}
	case []any:
		for _, item := range v {
			names = append(names, namesIn(item)...)
		}
	}
	return names
}
