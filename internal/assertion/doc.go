// Package assertion makes and verifies Transfer-Assertions: short-lived signed
// JWTs (RFC 7519) that tell an upstream what the gateway's plain fields tell it,
// in a form that nobody between the two can forge. It knows nothing of Caddy.
//
// A [Signer] makes them for one configuration, a [Ring] publishes the keys of
// all configurations that follow each other under one issuer, and a [Verifier]
// is an upstream's side. The subject is pairwise: each recipient knows an account
// by another name, and none by that of the ledger.
//
// An assertion is reused for equal facts while the first half of its lifetime
// lasts, so its jti tells assertions apart, not requests, unless one is made for
// each request.
package assertion
