package addr

import (
	"fmt"
	"net"
	"slices"
	"testing"
)

func ExampleExtract() {
	host, err := Extract("10.1.2.3")
	fmt.Println(host, err)
	// Output: 10.1.2.3 <nil>
}

func TestOnlyLoopbackAddressesAreLocal(t *testing.T) {
	for addr, want := range map[string]bool{
		"localhost": true, "localhost:80": true, "127.0.0.1": true, "127.0.0.1:80": true,
		"192.0.2.1": false, "192.0.2.1:80": false, "example.org": false, "": false, ":80": false,
	} {
		if got := IsLocal(addr); got != want {
			t.Errorf("IsLocal(%q) is %v", addr, got)
		}
	}
}

func TestExtractOfWildcardsIsLocal(t *testing.T) {
	for _, addr := range []string{"", "0.0.0.0", "::", "[::]"} {
		got, err := Extract(addr)
		if err != nil || !IsLocal(got) || net.ParseIP(got) == nil {
			t.Errorf("Extract(%q) is %q, the error %v", addr, got, err)
		}
	}
	for _, addr := range []string{"127.0.0.1", "host", "::1", "not an address"} {
		if got, err := Extract(addr); got != addr || err != nil {
			t.Errorf("Extract(%q) is %q, the error %v", addr, got, err)
		}
	}
}

func TestIPsAreUsable(t *testing.T) {
	ips := IPs()
	if !slices.Contains(ips, "127.0.0.1") {
		t.Errorf("the loopback address is not among %v", ips)
	}
	for _, s := range ips {
		if !usable(net.ParseIP(s)) {
			t.Errorf("%s is listed", s)
		}
	}
}

// Improves on v4, where the last address seen wins, which is often loopback.
func TestFirstPublicAddressWinsAndLoopbackIsTheLastResort(t *testing.T) {
	for _, tt := range []struct {
		ips  []string
		want string
	}{
		{nil, "<nil>"},
		{[]string{"127.0.0.1"}, "127.0.0.1"},
		{[]string{"127.0.0.1", "203.0.113.1", "203.0.113.2", "::1"}, "203.0.113.1"},
		{[]string{"127.0.0.1", "203.0.113.1", "10.0.0.1", "10.0.0.2"}, "10.0.0.1"},
		{[]string{"203.0.113.1", "fd00::1"}, "fd00::1"},
		{[]string{"2001:db8::1", "172.31.0.1"}, "172.31.0.1"},
	} {
		var ips []net.IP
		for _, s := range tt.ips {
			ips = append(ips, net.ParseIP(s))
		}
		if got := pick(ips).String(); got != tt.want {
			t.Errorf("of %v it picks %s, want %s", tt.ips, got, tt.want)
		}
	}
}

// Improves on v4, which lists addresses that nobody can dial.
func TestLinkLocalAddressesAreSkipped(t *testing.T) {
	for s, want := range map[string]bool{
		"169.254.1.1": false, "fe80::1": false, "0.0.0.0": false, "224.0.0.1": false, "10.0.0.1": true, "::1": true,
	} {
		if usable(net.ParseIP(s)) != want {
			t.Errorf("usable(%s) is %v", s, !want)
		}
	}
	if usable(nil) {
		t.Error("nil is usable")
	}
}
