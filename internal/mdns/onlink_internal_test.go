package mdns

import (
	"net"
	"net/netip"
	"testing"
)

func TestPacketsFromBeyondTheLinkAreIgnored(t *testing.T) {
	parsed := func(cidr string) net.Addr {
		ip, subnet, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		return &net.IPNet{IP: ip, Mask: subnet.Mask}
	}
	ifaces := []iface{
		withAddresses(net.Interface{}, []net.Addr{parsed("192.0.2.2/24"), parsed("fd00::2/64")}),
		withAddresses(net.Interface{}, []net.Addr{parsed("10.8.0.1/32")}),
	}
	taken := false
	l := &multicastLink{subnets: subnets(ifaces), deliver: func(Packet) { taken = true }}
	for from, want := range map[string]bool{
		"192.0.2.9":        true,
		"::ffff:192.0.2.9": true,
		"192.0.3.9":        false,
		"8.8.8.8":          false,
		"10.8.0.1":         true,
		"10.8.0.2":         false,
		"fd00::9":          true,
		"fd00:0:0:1::9":    false,
		"2001:db8::1":      false,
		"fe80::1%eth0":     true,
		"169.254.1.1":      true,
		"127.0.0.1":        true,
		"::1":              true,
	} {
		taken = false
		l.take(nil, netip.AddrPortFrom(netip.MustParseAddr(from), Port))
		if taken != want {
			t.Errorf("a packet from %s: taken is %v, want %v", from, taken, want)
		}
	}
}
