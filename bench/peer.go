package main

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// ours is the name of this project among its peers.
const ours = "micro"

// before is the name of this project as it was.
const before = "micro-before"

// A peer is a framework under measurement: this project, or one beside it.
type peer struct {
	name string
	// ceiling marks plain TCP, which shows what the machine can do and is no
	// framework to compare with.
	ceiling bool
	// cases are those it takes part in.
	cases []string
	// serve starts a server on a loopback port.
	serve func(setup) (*endpoint, error)
	// dial makes a client for the server at an endpoint's address, which may
	// be in another process.
	dial func(s setup, address string) (session, error)
	// binary, when it is set, is another build of this benchmark, which stands
	// for this project as it was at the time.
	binary string
}

func (p peer) runs(name string) bool { return slices.Contains(p.cases, name) }

// peers are all that take part, this project first.
func peers() []peer {
	return []peer{
		microPeer(), grpcPeer(), connectH2Peer(), connectHTTP1Peer(), drpcPeer(),
		netRPCPeer(), ttrpcPeer(), netHTTPPeer(), tcpEchoPeer(), tcpMuxPeer(),
	}
}

// A setup is what a case asks of a peer.
type setup struct {
	callers int
	// tls is the certificate of both ends; nil is plain text.
	tls *identity
	// http1 asks for HTTP/1.1 without an upgrade.
	http1 bool
}

// An endpoint is a running server.
type endpoint struct {
	// address is what dial finds it by.
	address string
	// close ends the server and waits for it. Its clients are closed before.
	close func() error
}

// A session is a client connected to a server.
type session interface {
	// call sends the message, and returns the length of the body that comes
	// back. It is safe for concurrent use by different callers, who are
	// numbered from 0.
	call(ctx context.Context, caller int, m *echopb.Message) (int, error)
	close() error
}

// A streamer is a session with bidirectional streams.
type streamer interface {
	stream(ctx context.Context) (stream, error)
}

// A stream returns each message it is sent. One goroutine may send while
// another receives.
type stream interface {
	Send(*echopb.Message) error
	Recv() (*echopb.Message, error)
	// CloseSend tells the other side that no more will come.
	CloseSend() error
}

// listen opens a loopback port, under TLS if the setup has it.
func (s setup) listen() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil || s.tls == nil {
		return l, err
	}
	return tls.NewListener(l, s.tls.server), nil
}

// accept serves each connection to a loopback port in a goroutine of its own.
func (s setup) accept(serve func(net.Conn)) (*endpoint, error) {
	l, err := s.listen()
	if err != nil {
		return nil, err
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serve(c) })
		}
	})
	return &endpoint{l.Addr().String(), func() error {
		err := l.Close()
		serving.Wait()
		return err
	}}, nil
}

// dial connects to what listen opened.
func (s setup) dial(addr string) (net.Conn, error) {
	if s.tls == nil {
		return net.Dial("tcp", addr)
	}
	return tls.Dial("tcp", addr, s.tls.client)
}
