// Package fleet gives a build of Caddy the client for stores of a fleet, which 'ship s3'
// in a ledger's block needs. Import it for its side effects,
// beside caddyplugin:
//
//	import _ "github.com/sparkoo/transfergate/caddyplugin/fleet"
package fleet

import (
	_ "github.com/sparkoo/transfergate/internal/fleet/s3" // registers itself
)
