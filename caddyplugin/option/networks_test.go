package option_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/caddyplugin/option"
)

// TestNetworks: addresses in the ranges that RFC 1918, RFC 4193 and loopback have are
// private, their neighbours are not.
func TestNetworks(t *testing.T) {
	for texts, want := range map[string]struct {
		in, out, bad string
	}{
		"192.0.2.7":                       {in: "192.0.2.7", out: "192.0.2.8"},
		"192.0.2.77/24":                   {in: "192.0.2.0 192.0.2.255", out: "192.0.3.0"},
		"2001:db8::1 2001:db8:1::/48":     {in: "2001:db8::1 2001:db8:1::9", out: "2001:db8::2"},
		"private_ranges":                  {in: "10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 127.0.0.1 127.77.66.55 fd00::1 ::1", out: "11.0.0.1 172.32.0.1 192.169.0.1 2001:db8::1 ::2"},
		"192.0.2.0/24 private_ranges":     {in: "192.0.2.1 10.0.0.1", out: "8.8.8.8"},
		"private":                         {bad: "private"},
		"10.0.0.0/8 private_ranges/8":     {bad: "private_ranges/8"},
		"10.0.0.0/33":                     {bad: "10.0.0.0/33"},
		"fe80::1%eth0/64":                 {bad: "fe80::1%eth0/64"},
		"10.0.0.0/8 everywhere elsewhere": {bad: "everywhere"},
	} {
		networks, bad := option.Networks(strings.Fields(texts))
		if bad != want.bad {
			t.Errorf("%s: bad is %q, want %q", texts, bad, want.bad)
		}
		has := func(addr string) bool {
			return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(netip.MustParseAddr(addr)) })
		}
		for addr := range strings.FieldsSeq(want.in) {
			if !has(addr) {
				t.Errorf("%s lacks %s", texts, addr)
			}
		}
		for addr := range strings.FieldsSeq(want.out) {
			if has(addr) {
				t.Errorf("%s has %s", texts, addr)
			}
		}
	}
}
