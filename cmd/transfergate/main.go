// Command transfergate is Caddy with its standard modules and the transfer gateway.
package main

import (
	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/sparkoo/transfergate/caddyplugin"
	_ "github.com/sparkoo/transfergate/caddyplugin/fleet"
	"github.com/sparkoo/transfergate/internal/version"
)

func main() {
	caddy.CustomBinaryName = "transfergate" // in the help, so that what it says can be typed
	caddy.CustomLongDescription = about
	if caddy.CustomVersion == "" { // unless whoever built it says another
		caddy.CustomVersion = "transfergate " + version.Own() + ", Caddy" // whose own version follows
	}
	collectLess()
	caddycmd.Main()
}

// about is what the help says first.
const about = `transfergate is Caddy, https://caddyserver.com, with the transfer gateway: it decides
for every request which legal entity is responsible for the person's data and where
that data may lawfully go, and keeps a record that proves it.

	transfergate validate --config Caddyfile    tells all that is wrong with a configuration
	transfergate run --config Caddyfile         serves until it is stopped
	transfergate reload --config Caddyfile      changes what it serves, without a pause
	transfergate transfer --help                the gateway's policy and ledger
	transfergate version                        the versions of both

All else is Caddy's, whose own examples name it caddy.`
