// Command transfergate is Caddy with its standard modules and the transfer gateway.
package main

import (
	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/sparkoo/transfergate/caddyplugin"
)

func main() {
	caddy.CustomBinaryName = "transfergate" // in the help, so that what it says can be typed
	caddycmd.Main()
}
