// Package token verifies signed access tokens (RFC 7519, RFC 9068) and keeps
// the keys they are verified with. It knows nothing of Caddy.
//
// A [Verifier] judges tokens by a fixed list of asymmetric algorithms; which of
// them applies is the key's to say, never the token's. [Keys] holds the keys:
// from the URL of a key set (RFC 7517), refreshed in the background, or pinned
// in a file. Nobody outside can empty a key set or make it be fetched often:
//
//   - a set is replaced only by one with at least one usable key;
//   - a token signed with an unknown key causes at most one fetch a second, and
//     only if all else about it is in order;
//   - when the key service fails, the last good set serves until a stated age,
//     then no token is accepted any more.
package token
