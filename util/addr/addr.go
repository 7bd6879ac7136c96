// Package addr finds the addresses under which this machine can be reached.
package addr

import (
	"errors"
	"net"
	"slices"
)

// ErrIPNotFound is returned by Extract on a machine without any address.
var ErrIPNotFound = errors.New("no IP address found, and explicit IP not provided")

// IsLocal reports whether addr, a host or "host:port", is this machine:
// "localhost" or an address of one of its interfaces.
func IsLocal(addr string) bool {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		addr = host
	}
	if addr == "localhost" {
		return true
	}
	ip := net.ParseIP(addr)
	return ip != nil && slices.ContainsFunc(interfaceIPs(), ip.Equal)
}

// Extract returns addr unless it stands for any address ("", "0.0.0.0", "::" or
// "[::]"). For those it returns an address of this machine: the first private
// one (RFC 1918 or fc00::/7), else the first public one, else the loopback
// address. Interfaces that are down and link-local addresses do not count.
func Extract(addr string) (string, error) {
	switch addr {
	case "", "0.0.0.0", "::", "[::]":
	default:
		return addr, nil
	}
	ip := pick(interfaceIPs())
	if ip == nil {
		return "", ErrIPNotFound
	}
	return ip.String(), nil
}

// IPs returns the addresses of all interfaces that are up.
func IPs() []string {
	var out []string
	for _, ip := range interfaceIPs() {
		out = append(out, ip.String())
	}
	return out
}

// pick returns the address that peers are most likely to reach, nil of none.
func pick(ips []net.IP) net.IP {
	for _, suits := range []func(net.IP) bool{
		func(ip net.IP) bool { return ip.IsPrivate() },
		func(ip net.IP) bool { return !ip.IsLoopback() },
		func(net.IP) bool { return true },
	} {
		if i := slices.IndexFunc(ips, suits); i >= 0 {
			return ips[i]
		}
	}
	return nil
}

// interfaceIPs returns the addresses of the interfaces that are up, link-local
// and multicast ones left out: they mean nothing without a zone.
func interfaceIPs() []net.IP {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var ips []net.IP
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if ip := addressIP(a); usable(ip) {
				ips = append(ips, ip)
			}
		}
	}
	return ips
}

func addressIP(a net.Addr) net.IP {
	switch a := a.(type) {
	case *net.IPNet:
		return a.IP
	case *net.IPAddr:
		return a.IP
	}
	return nil
}

func usable(ip net.IP) bool {
	return ip != nil && !ip.IsUnspecified() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast()
}
