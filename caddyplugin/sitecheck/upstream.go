package sitecheck

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/sparkoo/transfergate/internal/decision"
)

// checkUpstream refuses an address the policy does not give to the region, and
// plaintext across a border.
func (c Region) checkUpstream(dial string, tls *reverseproxy.TLSConfig) error {
	if strings.ContainsAny(dial, "{}") {
		return fmt.Errorf("upstream '%s' has a placeholder: a request could choose it", dial)
	}
	address, err := caddy.ParseNetworkAddressWithDefaults(dial, "tcp", 80)
	if err != nil {
		return fmt.Errorf("upstream '%s': %w", dial, err)
	}
	if address.PortRangeSize() > 1 {
		return fmt.Errorf("upstream '%s' has a range of ports: name each", dial)
	}
	loopback := isLoopback(address)
	if !(loopback && c.Demo) && !ownsHost(c.Row, address) {
		return fmt.Errorf("upstream '%s' lies outside the hosts and networks that the policy gives to the region: %s",
			dial, strings.Join(slices.Concat(c.Row.Hosts, c.Row.Networks), ", "))
	}
	if !loopback && c.inPlainText(address, tls) {
		return fmt.Errorf("upstream '%s' %w from %s to %s: use https", dial, ErrPlaintext, c.Node, c.Row.Country)
	}
	return nil
}

// inPlainText reports whether a hop crosses a border without encryption.
//
//clause:enforces §5(h).1; elsewhere check:plaintext-upstream
func (c Region) inPlainText(address caddy.NetworkAddress, tls *reverseproxy.TLSConfig) bool {
	plain := tls == nil || slices.Contains(tls.ExceptPorts, strconv.Itoa(int(address.StartPort)))
	return plain && c.Row.Country != c.Node
}

// ownsHost reports whether the policy gives the address to the region.
func ownsHost(region *decision.Region, address caddy.NetworkAddress) bool {
	if !isTCP(address) {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(address.Host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		return slices.ContainsFunc(region.Networks, func(block string) bool {
			prefix, err := netip.ParsePrefix(block)
			return err == nil && prefix.Contains(addr.Unmap())
		})
	}
	return slices.ContainsFunc(region.Hosts, func(allowed string) bool {
		if strings.HasPrefix(allowed, ".") {
			return strings.HasSuffix(host, allowed)
		}
		return host == allowed
	})
}

// isTCP reports whether the address is what it looks like: a socket, a file
// descriptor and a plugin's network may lead anywhere.
func isTCP(address caddy.NetworkAddress) bool {
	return slices.Contains([]string{"tcp", "tcp4", "tcp6"}, address.Network)
}

func isLoopback(address caddy.NetworkAddress) bool {
	if !isTCP(address) {
		return false
	}
	if address.Host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(address.Host)
	return err == nil && addr.Unmap().IsLoopback()
}
