// Package logserver is the guest handlers that tell others about the gateway, each on
// a path of its own: transfer_log serves the ledger to those who check it,
// transfer_jwks the keys of assertions to upstreams, and transfer_health whether
// transfers can be decided and recorded to whoever watches.
package logserver

import "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

func init() {
	httpcaddyfile.RegisterHandlerDirective("transfer_health", parseHealth)
	httpcaddyfile.RegisterDirective("transfer_jwks", parseJWKS)
	httpcaddyfile.RegisterDirective("transfer_log", parseTransferLog)

	// All stand before transfer, which ends the chain: it is placed right before
	// reverse_proxy, and metrics is what comes before that. The last one stands next to
	// metrics.
	httpcaddyfile.RegisterDirectiveOrder("transfer_log", httpcaddyfile.After, "metrics")
	httpcaddyfile.RegisterDirectiveOrder("transfer_jwks", httpcaddyfile.After, "metrics")
	httpcaddyfile.RegisterDirectiveOrder("transfer_health", httpcaddyfile.After, "metrics")
}
