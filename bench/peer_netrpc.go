package main

import (
	"context"
	"net"
	"net/rpc"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// netRPCPeer is the standard library's net/rpc: one client for all callers,
// and the same message in gob.
func netRPCPeer() peer {
	return peer{name: "net/rpc", cases: []string{caseUnary, caseTLS}, serve: serveNetRPC, dial: dialNetRPC}
}

type netRPCSession struct{ client *rpc.Client }

func serveNetRPC(s setup) (*endpoint, error) {
	server := rpc.NewServer()
	if err := server.RegisterName("Echo", &NetRPCEcho{}); err != nil {
		return nil, err
	}
	return s.accept(func(c net.Conn) { server.ServeConn(c) })
}

func dialNetRPC(s setup, address string) (session, error) {
	conn, err := s.dial(address)
	if err != nil {
		return nil, err
	}
	return &netRPCSession{rpc.NewClient(conn)}, nil
}

func (s *netRPCSession) call(_ context.Context, _ int, m *echopb.Message) (int, error) {
	reply := new(echopb.Message)
	err := s.client.Call("Echo.Call", m, reply)
	return len(reply.GetBody()), err
}

func (s *netRPCSession) close() error { return s.client.Close() }

// NetRPCEcho is exported because net/rpc serves exported types only.
type NetRPCEcho struct{}

// Call returns what it is given.
func (*NetRPCEcho) Call(m, reply *echopb.Message) error {
	reply.Body = m.Body
	return nil
}
