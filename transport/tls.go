package transport

import (
	"crypto/tls"
	"net"

	"github.com/justcy/go-micro/v4/internal/dial"
	"github.com/justcy/go-micro/v4/internal/mux"
	maddr "github.com/justcy/go-micro/v4/util/addr"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// What is offered and accepted by ALPN.
var (
	plainProtocols = []string{"http/1.1"}
	muxProtocols   = []string{mux.Protocol, "http/1.1"}
)

// protocols returns the protocols for ALPN.
func protocols(multiplexed bool) []string {
	if multiplexed {
		return muxProtocols
	}
	return plainProtocols
}

// serverTLS returns the configuration of a listener on addr: a clone of the
// caller's, or one with a fresh self-signed certificate.
func serverTLS(config *tls.Config, addr string, multiplexed bool) (*tls.Config, error) {
	if config == nil {
		cert, err := mtls.Certificate(certificateHosts(addr)...)
		if err != nil {
			return nil, err
		}
		config = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	} else {
		config = config.Clone()
	}
	config.NextProtos = protocols(multiplexed)
	return config, nil
}

// certificateHosts returns the hosts under which a listener on addr is dialled.
func certificateHosts(addr string) []string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return []string{addr}
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		return maddr.IPs()
	}
	return []string{host}
}

// clientTLS returns the configuration of a dial to addr.
func clientTLS(config *tls.Config, addr string, insecure, multiplexed bool) *tls.Config {
	if config == nil && insecure {
		config = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	}
	return dial.TLSConfig(config, addr, protocols(multiplexed)...)
}
