// Package guard defends the gateway against hostile requests and careless
// upstreams.
//
// [Clean] removes what only the gateway may say: fields that look like the
// product's own, in header, trailer and Connection tokens. [Check] refuses
// requests that mean one thing to a matcher and another to an upstream. For the
// hop to a region, [Withhold] keeps back what a recipient must not get; for the
// way back, [EnforceResponse] puts the product's response fields in place.
//
// The package works on net/http alone and knows nothing of Caddy. A handler
// calls Clean, then Check, then decides, then sets its own fields:
//
//	stripped := guard.Clean(r, identity)
//	if reason, ok := guard.Check(r, options); !ok {
//		... answer with reason
//	}
package guard
