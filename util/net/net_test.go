package net_test

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"
	"testing"

	mnet "github.com/justcy/go-micro/v4/util/net"
)

func ExampleHostPort() {
	fmt.Println(mnet.HostPort("::1", 80), mnet.HostPort("host", "80"), mnet.HostPort("host", ""))
	// Output: [::1]:80 host:80 host
}

func TestHostAndPortAreJoinedWithBrackets(t *testing.T) {
	for _, tt := range []struct {
		host string
		port any
		want string
	}{
		{"127.0.0.1", 8080, "127.0.0.1:8080"},
		{"127.0.0.1", 0, "127.0.0.1:0"},
		{"::1", 0, "[::1]:0"},
		{"host", 0, "host"},
		{"host", "0", "host:0"},
		{"::1", "", "[::1]"},
		{"", "80", ":80"},
		{"host", int64(80), "host:80"},
	} {
		if got := mnet.HostPort(tt.host, tt.port); got != tt.want {
			t.Errorf("HostPort(%q, %v) is %q, want %q", tt.host, tt.port, got, tt.want)
		}
	}
}

// listenerFor records which addresses are tried and succeeds from one on.
func listenerFor(tried *[]string, free string) func(string) (net.Listener, error) {
	return func(addr string) (net.Listener, error) {
		*tried = append(*tried, addr)
		if addr == free {
			return nil, nil
		}
		return nil, errors.New(addr + " is busy")
	}
}

func TestAnAddressWithoutAPortIsSplit(t *testing.T) {
	for address, want := range map[string]string{
		"host": "host|", "host:80": "host|80", "host:": "host|", "host:0": "host|", ":80": "|80", "": "|",
		"::1": "::1|", "[::1]": "::1|", "[::1]:80": "::1|80", "host:80-90": "host|80-90",
	} {
		if host, port, err := mnet.SplitHostPort(address); err != nil || host+"|"+port != want {
			t.Errorf("%q is %q and %q, %v, want %s", address, host, port, err, want)
		}
	}
	if _, _, err := mnet.SplitHostPort("a:b:c"); err == nil {
		t.Error("an address with two ports is no error")
	}
}

func TestListenTriesTheRangeUpward(t *testing.T) {
	for _, tt := range []struct{ addr, free, err, tried string }{
		{"host:80", "host:80", "", "host:80"},
		{"host:80", "", "host:80 is busy", "host:80"},
		{"no port", "no port", "", "no port"},
		{"host:80-83", "host:82", "", "host:80 host:81 host:82"},
		{"host:80-81", "", "host:81 is busy", "host:80 host:81"},
		{"host:80-80", "host:80", "", "host:80"},
		{"[::1]:80-81", "[::1]:80", "", "[::1]:80"},
		{":65534-65535", "", ":65535 is busy", ":65534 :65535"},
		{"host:81-80", "", "ends before it begins", ""},
		{"host:x-80", "", `port "x" of the range: invalid syntax`, ""},
		{"host:80-", "", "invalid syntax", ""},
		{"host:80-70000", "", "value out of range", ""},
	} {
		var tried []string
		_, err := mnet.Listen(tt.addr, listenerFor(&tried, tt.free))
		if got := strings.Join(tried, " "); got != tt.tried {
			t.Errorf("Listen(%s) tries %s, want %s", tt.addr, got, tt.tried)
		}
		if (err != nil) != (tt.err != "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("Listen(%s) returns %v, want %q", tt.addr, err, tt.err)
		}
	}
}

func TestListenSkipsABusyPort(t *testing.T) {
	listen := func(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
	busy, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	port := busy.Addr().(*net.TCPAddr).Port
	l, err := mnet.Listen("127.0.0.1:"+strconv.Itoa(port)+"-"+strconv.Itoa(min(port+50, 65535)), listen)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestTheEnvironmentNamesAProxy(t *testing.T) {
	given := []string{"a:1"}
	for _, tt := range []struct {
		proxy, network, address string
		service                 string
		addresses               []string
		redirected              bool
	}{
		{"", "", "", "greeter", given, false},
		{"service", "x", "y:1", "go.micro.proxy", nil, true},
		{"p:80", "x", "y:1", "p:80", []string{"p:80"}, true},
		{"p", "x", "y:1", "p", given, true},
		{"", "service", "", "go.micro.network", given, true},
		{"", "n", "", "n", given, true},
		{"", "", "n:1", "greeter", []string{"n:1"}, true},
		{"", "n", "n:1", "n", []string{"n:1"}, true},
	} {
		t.Setenv("MICRO_PROXY", tt.proxy)
		t.Setenv("MICRO_NETWORK", tt.network)
		t.Setenv("MICRO_NETWORK_ADDRESS", tt.address)
		service, addresses, redirected := mnet.Proxy("greeter", given)
		if service != tt.service || !reflect.DeepEqual(addresses, tt.addresses) || redirected != tt.redirected {
			t.Errorf("with %q %q %q: %s %v %v", tt.proxy, tt.network, tt.address, service, addresses, redirected)
		}
	}
}
