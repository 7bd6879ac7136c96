package main

import (
	"context"
	"errors"
	"net"
	"net/rpc"
	"sync"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// netRPCPeer is the standard library's net/rpc: one client for all callers,
// and the same message in gob.
func netRPCPeer() peer {
	return peer{name: "net/rpc", cases: []string{caseUnary, caseTLS}, open: openNetRPC}
}

type netRPCSession struct {
	listener net.Listener
	client   *rpc.Client
	serving  *sync.WaitGroup
}

func openNetRPC(s setup) (session, error) {
	server := rpc.NewServer()
	if err := server.RegisterName("Echo", &NetRPCEcho{}); err != nil {
		return nil, err
	}
	l, err := s.listen()
	if err != nil {
		return nil, err
	}
	serving := new(sync.WaitGroup)
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { server.ServeConn(c) })
		}
	})
	conn, err := s.dial(l.Addr().String())
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &netRPCSession{listener: l, client: rpc.NewClient(conn), serving: serving}, nil
}

func (s *netRPCSession) call(_ context.Context, _ int, m *echopb.Message) (int, error) {
	reply := new(echopb.Message)
	err := s.client.Call("Echo.Call", m, reply)
	return len(reply.GetBody()), err
}

func (s *netRPCSession) close() error {
	err := errors.Join(s.client.Close(), s.listener.Close())
	s.serving.Wait()
	return err
}

// NetRPCEcho is exported because net/rpc serves exported types only.
type NetRPCEcho struct{}

// Call returns what it is given.
func (*NetRPCEcho) Call(m, reply *echopb.Message) error {
	reply.Body = m.Body
	return nil
}
