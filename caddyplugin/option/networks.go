package option

import (
	"net/netip"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Networks reads addresses, CIDR blocks and the word private_ranges, which stands for
// what it stands for in Caddy. Bad is the first text that is none of them, empty if all
// are.
func Networks(texts []string) (networks []netip.Prefix, bad string) {
	for _, text := range texts {
		if text == "private_ranges" {
			private, bad := Networks(caddyhttp.PrivateRangesCIDR())
			if bad != "" {
				return nil, bad
			}
			networks = append(networks, private...)
			continue
		}
		if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
			networks = append(networks, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, text
		}
		networks = append(networks, network.Masked())
	}
	return networks, ""
}
