// Package caddyplugin brings the transfer gateway into a build of Caddy. Import
// it for its side effects:
//
//	import _ "github.com/sparkoo/transfergate/caddyplugin"
package caddyplugin

import (
	_ "time/tzdata" // laws change at midnight in their own time zone

	_ "github.com/sparkoo/transfergate/caddyplugin/accounts"
	_ "github.com/sparkoo/transfergate/caddyplugin/command"
	_ "github.com/sparkoo/transfergate/caddyplugin/console"
	_ "github.com/sparkoo/transfergate/caddyplugin/gateway"
	_ "github.com/sparkoo/transfergate/caddyplugin/identity"
	_ "github.com/sparkoo/transfergate/caddyplugin/logserver"
)
