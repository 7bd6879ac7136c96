package transport

import (
	"crypto/tls"
	"errors"
	"strings"

	"github.com/justcy/go-micro/v4/internal/dial"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/tlssource"
	"github.com/justcy/go-micro/v4/logger"
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

// errNoCertificate says what a listener lacks for TLS.
var errNoCertificate = errors.New("there is no certificate: use transport.Secure(true), transport.MutualTLS or transport.TLSConfig")

// serverTLS returns the configuration of a listener on addr: a clone of the
// caller's, or what the source supplies.
func serverTLS(o *Options, addr, service string) (*tls.Config, error) {
	switch protocols := protocols(!o.DisableMux); {
	case o.TLSConfig != nil:
		config := o.TLSConfig.Clone()
		config.NextProtos = protocols
		return config, nil
	case o.Identity != nil:
		return tlssource.Server(o.Identity, mtls.Endpoint{Service: service, Addr: addr}, protocols)
	}
	return nil, errNoCertificate
}

// clientTLS returns the configuration of a dial to a service at addr.
func (t *httpTransport) clientTLS(o *Options, service, addr string, insecure, multiplexed bool) (*tls.Config, error) {
	config, protocols := o.TLSConfig, protocols(multiplexed)
	switch {
	case config != nil:
		insecure = config.InsecureSkipVerify && config.VerifyConnection == nil && config.VerifyPeerCertificate == nil
	case insecure:
		config = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // asked for
	case o.Identity != nil:
		return tlssource.Client(o.Identity, mtls.Endpoint{Service: service, Addr: addr}, protocols)
	}
	if insecure {
		t.insecure.Do(func() {
			o.logf(logger.WarnLevel, "transport: TLS to %s and others verifies nobody, as the options say", addr)
		})
	}
	return dial.TLSConfig(config, addr, protocols...), nil
}

// ServiceVerifier is optionally implemented by a Transport that can verify which
// service it has dialled.
type ServiceVerifier interface {
	// ServiceAddr returns what to Dial for a node of a service at addr, so that
	// the dial fails when another service answers there. It is addr itself when
	// the transport does not verify services.
	ServiceAddr(service, addr string) string
}

// serviceMark stands between the name of a service and the address in what
// ServiceAddr returns. It is part of no address.
const serviceMark = "@"

// ServiceAddr implements ServiceVerifier.
func (t *httpTransport) ServiceAddr(service, addr string) string {
	if o := t.settings.opts.Load(); o.Identity == nil || o.TLSConfig != nil || service == "" {
		return addr
	}
	return service + serviceMark + addr
}

// splitService takes what ServiceAddr returned apart.
func splitService(addr string) (service, at string) {
	if i := strings.LastIndex(addr, serviceMark); i >= 0 {
		return addr[:i], addr[i+1:]
	}
	return "", addr
}
