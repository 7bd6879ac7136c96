// Package net helps with addresses: joining them, listening on the first free
// port of a range, and redirecting calls through the proxy of the environment.
package net

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// HostPort joins a host and a port, which may be of any type that prints as a
// number. An IPv6 host gets brackets. Without a port, that is "" or, for a host
// that is no IP address, the int 0, the result is the host alone.
func HostPort(addr string, port any) string {
	host := addr
	if strings.Contains(addr, ":") {
		host = "[" + addr + "]"
	}
	switch p := port.(type) {
	case string:
		if p == "" {
			return host
		}
	case int:
		if p == 0 && net.ParseIP(addr) == nil {
			return host
		}
	}
	return fmt.Sprintf("%s:%v", host, port)
}

// SplitHostPort splits an address whose port may be missing, or 0: the port is
// then empty. An IPv6 host alone may be in brackets.
func SplitHostPort(address string) (host, port string, err error) {
	host = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	if net.ParseIP(host) != nil || !strings.Contains(address, ":") {
		return host, "", nil
	}
	host, port, err = net.SplitHostPort(address)
	if port == "0" {
		port = ""
	}
	return host, port, err
}

// Listen calls fn with addr or, when addr is a range "host:min-max", with the
// range's addresses upward until fn succeeds. It returns fn's last error when
// none does.
func Listen(addr string, fn func(string) (net.Listener, error)) (net.Listener, error) {
	host, ports, err := net.SplitHostPort(addr)
	if err != nil {
		return fn(addr) // fn knows which addresses it takes
	}
	first, last, isRange := strings.Cut(ports, "-")
	if !isRange {
		return fn(addr)
	}
	low, high, err := portRange(first, last)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	for port := low; ; port++ {
		l, err := fn(net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil || port == high {
			return l, err
		}
	}
}

func portRange(first, last string) (low, high int, err error) {
	if low, err = portNumber(first); err != nil {
		return 0, 0, err
	}
	if high, err = portNumber(last); err != nil {
		return 0, 0, err
	}
	if low > high {
		return 0, 0, fmt.Errorf("port range ends before it begins: %d-%d", low, high)
	}
	return low, high, nil
}

func portNumber(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("port %q of the range: %w", s, errors.Unwrap(err))
	}
	return int(n), nil
}

// Proxy applies the environment to the choice of where a call goes: it returns
// the service to look up in place of the given one, the addresses to use
// without looking anything up, and whether any variable was set.
//
//   - MICRO_PROXY "service": the service go.micro.proxy, no fixed address.
//     Containing a colon: both service and only address. Otherwise: the
//     service's name. Nothing below counts then.
//   - MICRO_NETWORK "service": the service go.micro.network. Otherwise: the
//     service's name.
//   - MICRO_NETWORK_ADDRESS: the only address.
func Proxy(service string, address []string) (string, []string, bool) {
	if proxy := os.Getenv("MICRO_PROXY"); proxy != "" {
		switch {
		case proxy == "service":
			return "go.micro.proxy", nil, true
		case strings.Contains(proxy, ":"):
			return proxy, []string{proxy}, true
		}
		return proxy, address, true
	}
	network, at := os.Getenv("MICRO_NETWORK"), os.Getenv("MICRO_NETWORK_ADDRESS")
	if network == "service" {
		network = "go.micro.network"
	}
	if network != "" {
		service = network
	}
	if at != "" {
		address = []string{at}
	}
	return service, address, network != "" || at != ""
}
