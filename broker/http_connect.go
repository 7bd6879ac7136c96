package broker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/justcy/go-micro/v4/internal/tlssource"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/util/addr"
	mnet "github.com/justcy/go-micro/v4/util/net"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// Connect listens, and registers the subscriptions made before. A registration
// that fails is logged and tried again soon.
func (b *httpBroker) Connect() error {
	b.lifecycle <- struct{}{}
	defer func() { <-b.lifecycle }()
	b.mu.RLock()
	connected := b.session != nil
	b.mu.RUnlock()
	if connected {
		return nil
	}
	s, err := b.newSession()
	if err != nil {
		return fmt.Errorf("connecting the http broker: %w", err)
	}

	b.turn <- struct{}{}
	b.mu.Lock()
	b.session, b.address = s, s.listener.Addr().String()
	b.mu.Unlock()
	registered := b.registerAll(s)
	<-b.turn

	s.running.Go(func() { b.serve(s) })
	s.running.Go(func() { b.refresh(s, registered) })
	s.running.Go(func() { b.routes.follow(s.ctx, s.registry) })
	b.outbox.resume()
	return nil
}

// newSession opens the listener.
func (b *httpBroker) newSession() (*httpSession, error) {
	o := b.snapshot()
	address := configuredAddress(&o)
	config, err := serverTLS(&o, address)
	if err != nil {
		return nil, err
	}
	l, err := mnet.Listen(address, func(a string) (net.Listener, error) { return net.Listen("tcp", a) })
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	l = netutil.LimitListener(l, b.conns)
	if config != nil {
		l = tls.NewListener(l, config)
	}
	node, err := nodeAddress(l.Addr().String(), settingsOf(o.Context).advertise)
	if err != nil {
		l.Close()
		return nil, err
	}
	unused := new(unusedConns)
	ctx, end := context.WithCancel(context.Background())
	return &httpSession{
		listener: l,
		unused:   unused,
		node:     node,
		secure:   config != nil,
		registry: o.Registry,
		ctx:      ctx,
		end:      end,
		server: &http.Server{
			Handler:           b.mux,
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       5 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ConnState:         unused.follow,
			ErrorLog:          log.New(debugWriter{o.Logger}, "", 0),
		},
	}, nil
}

// nodeAddress returns the address under which others reach a listener: what is
// advertised comes first, and a wildcard host is replaced by an address of this
// machine.
func nodeAddress(listening, advertised string) (string, error) {
	host, port, err := net.SplitHostPort(listening)
	if err != nil {
		return "", err
	}
	if advertised != "" {
		h, p, err := mnet.SplitHostPort(advertised)
		if err != nil {
			return "", fmt.Errorf("advertising %s: %w", advertised, err)
		}
		host, port = h, cmp.Or(p, port)
	}
	ip, err := addr.Extract(host)
	if err != nil {
		return "", fmt.Errorf("finding an address of this machine for %s: %w", listening, err)
	}
	return net.JoinHostPort(ip, port), nil
}

// plainProtocols is what is spoken, for ALPN.
var plainProtocols = []string{"http/1.1"}

// errNoCertificate says what a broker lacks for TLS.
var errNoCertificate = errors.New("there is no certificate: use broker.Secure(true), broker.MutualTLS or a broker.TLSConfig with one")

// serverTLS returns the configuration to listen with, nil for plain HTTP.
func serverTLS(o *Options, address string) (*tls.Config, error) {
	if c := o.TLSConfig; c != nil && (len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil) {
		c = c.Clone()
		c.NextProtos = plainProtocols
		return c, nil
	}
	if o.Identity != nil {
		return tlssource.Server(o.Identity, mtls.Endpoint{Service: brokerService, Addr: address}, plainProtocols)
	}
	if !o.Secure && o.TLSConfig == nil {
		return nil, nil
	}
	if o.TLSConfig == nil || o.selfSigned == nil {
		return nil, errNoCertificate
	}
	hosts := addr.IPs()
	if host, _, err := net.SplitHostPort(address); err == nil && host != "" {
		hosts = []string{host}
	}
	cert, err := o.selfSigned(hosts...)
	if err != nil {
		return nil, fmt.Errorf("making a self-signed certificate: %w", err)
	}
	config := o.TLSConfig.Clone()
	config.NextProtos, config.Certificates = plainProtocols, []tls.Certificate{cert}
	return config, nil
}

// brokerService names brokers whose certificate is issued when it is needed.
const brokerService = "broker"

func (b *httpBroker) serve(s *httpSession) {
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		logger.LoggerOrDefault(b.snapshot().Logger).Logf(logger.ErrorLevel, "http broker: serving on %s: %v", s.listener.Addr(), err)
	}
}

// Disconnect gives messages on their way out the time of [DisconnectTimeout], in
// which it goes on trying to deliver them, but does not wait for subscribers where
// there are none. Then it leaves the registry, stops listening, and waits for
// handlers at work until the same time. The error says which topics have messages
// that were not delivered ([UndeliveredError]) and whether handlers go on. These
// messages stay in the outbox, and subscriptions stay known, for another Connect.
func (b *httpBroker) Disconnect() error {
	b.lifecycle <- struct{}{}
	defer func() { <-b.lifecycle }()
	b.mu.RLock()
	s := b.session
	b.mu.RUnlock()
	if s == nil && b.outbox.idle() {
		return nil
	}
	deadline := time.Now().Add(b.settings().disconnectTimeout)
	// Own handlers may be among the receivers: they are served until the end.
	undelivered := b.outbox.drain(deadline)
	b.currentPoster().client.CloseIdle()
	if s == nil {
		return undelivered
	}

	b.turn <- struct{}{}
	b.mu.Lock()
	b.session = nil
	b.address = configuredAddress(&b.opts)
	b.mu.Unlock()
	s.end()
	left := b.deregisterAll(s)
	<-b.turn

	busy := s.stopServing(deadline)
	s.running.Wait()
	return errors.Join(undelivered, left, busy)
}

// stopServing closes the listener, waits for handlers until the deadline, and
// then closes their connections.
func (s *httpSession) stopServing(deadline time.Time) error {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	s.unused.close()
	if err := s.server.Shutdown(ctx); err != nil {
		s.server.Close()
		return fmt.Errorf("disconnecting the http broker: handlers are still at work: %w", err)
	}
	return nil
}

// unusedConns are the connections without a request yet. A server that shuts
// down would wait seconds for one.
type unusedConns struct {
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

func (u *unusedConns) follow(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(u.conns, c)
	case u.closed:
		c.Close()
	default:
		if u.conns == nil {
			u.conns = map[net.Conn]struct{}{}
		}
		u.conns[c] = struct{}{}
	}
}

func (u *unusedConns) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	for c := range u.conns {
		c.Close()
	}
}

func (b *httpBroker) settings() httpSettings { return settingsOf(b.snapshot().Context) }

// debugWriter passes the http server's complaints about its peers to the log.
type debugWriter struct{ log logger.Logger }

func (w debugWriter) Write(p []byte) (int, error) {
	logger.LoggerOrDefault(w.log).Logf(logger.DebugLevel, "http broker: %s", strings.TrimSpace(string(p)))
	return len(p), nil
}
