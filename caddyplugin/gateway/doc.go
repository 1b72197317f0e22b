// Package gateway is the host of the transfer gateway inside Caddy: the app
// behind the global option "transfer", the handler behind the directive of the
// same name, matchers, placeholders, metrics and commands.
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
package gateway
