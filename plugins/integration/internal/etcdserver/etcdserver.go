// Package etcdserver runs etcd in the process, for tests.
package etcdserver

import (
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// patience is how long a server may take to come up on a machine that stalls.
const patience = time.Minute

// Server is a server of one test, at an address that stays.
type Server struct {
	// Addr is host and port for clients.
	Addr string

	t       testing.TB
	dir     string
	peer    string
	running *embed.Etcd
}

// New starts a server, which ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir()}
	var err error
	for range 5 { // somebody else may take the ports
		s.Addr, s.peer = freeAddr(t), freeAddr(t)
		if err = s.start(); err == nil {
			t.Cleanup(s.Stop)
			return s
		}
	}
	t.Fatal(err)
	return nil
}

// Stop ends the server, and its connections with it.
func (s *Server) Stop() {
	if s.running != nil {
		s.running.Close()
		s.running = nil
	}
}

// Start starts the server again, with the data it had.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) start() error {
	config := embed.NewConfig()
	config.Dir = s.dir
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	config.UnsafeNoFsync = true
	config.BcryptCost = 4 // the least: with the race detector a login takes seconds otherwise
	config.ListenClientUrls, config.AdvertiseClientUrls = urls(s.Addr), urls(s.Addr)
	config.ListenPeerUrls, config.AdvertisePeerUrls = urls(s.peer), urls(s.peer)
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	e, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("starting etcd: %w", err)
	}
	select {
	case <-e.Server.ReadyNotify():
		s.running = e
		return nil
	case <-time.After(patience):
		e.Close()
		return fmt.Errorf("etcd is not ready after %v", patience)
	}
}

func urls(addr string) []url.URL { return []url.URL{{Scheme: "http", Host: addr}} }

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
