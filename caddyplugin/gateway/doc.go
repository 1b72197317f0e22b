// Package gateway is the host of the transfer gateway inside Caddy: the app
// behind the global option "transfer", the handler behind the directive of the
// same name, matchers, placeholders and metrics.
//
// Guest modules implement the interfaces of this package and live in packages
// of their own, which import this one and are never imported by it:
//
//   - transfer.identity.*: modules implement [IdentitySource]
//   - transfer.accounts.*: modules implement [AccountSource] and may implement [AccountFinder]
//
// A request takes this way:
//
//	guard (guard.go) -> who (resolve.go) -> decide -> record (record.go)
//	  -> region's own routes (region.go, attempt.go) -> response fields (response.go) -> outcome
//
// The package is long, and the methods of App, Handler and exchange stand in many files,
// because Caddy joins all of it in three types, and each file has one subject. The
// methods of App are Caddy's life cycle (each option is read, provisioned and checked
// in the file of its subject: policy, ledger, assertion, GeoIP, operators), what package
// adminapi and guest handlers ask of it, and what requests of all sites ask of what it
// alone has: account records, the recorder, metrics. The identity sources (chain.go) and
// what is said of a configuration (advice.go) are types of their own. app.go is long
// because much of it is what its options mean. Those of
// Handler are the same for one site (activities, regions) and the steps of a request;
// those of exchange are what is known of a request, read by each of these steps. What
// needs no App, what a site may not do, the policy in force, the open ledgers and the
// admin API, are packages of their own.
package gateway
