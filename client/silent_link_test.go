package client_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
)

// proxy forwards connections until it is told to forget those that stand: nothing
// of them arrives any more, and nobody is told.
type proxy struct {
	addr string

	mu       sync.Mutex
	silenced chan struct{} // closed for the connections that stand
	dials    int
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), silenced: make(chan struct{})}
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, c, s)
			mu.Unlock()
			p.mu.Lock()
			silenced := p.silenced
			p.dials++
			p.mu.Unlock()
			all.Go(func() { forward(c, s, silenced) })
			all.Go(func() { forward(s, c, silenced) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return p
}

func forward(to, from net.Conn, silenced chan struct{}) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		select {
		case <-silenced:
			if err != nil {
				return
			}
			continue
		default:
		}
		if n > 0 {
			to.Write(b[:n])
		}
		if err != nil {
			if err == io.EOF {
				to.(*net.TCPConn).CloseWrite()
			}
			return
		}
	}
}

func (p *proxy) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.silenced)
	p.silenced = make(chan struct{})
}

func TestAConnectionThatFallsSilentFailsOneCallAndIsLeft(t *testing.T) {
	t.Parallel()
	for name, newTransport := range map[string]func() transport.Transport{
		"http":  func() transport.Transport { return transport.NewHTTPTransport() },
		"plain": func() transport.Transport { return transport.NewHTTPTransport(transport.DisableMux()) },
		"TLS":   func() transport.Transport { return transport.NewHTTPTransport(unverified(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTransport()
			p := newPeer(t, tr, echo)
			through := newProxy(t, p.addr)
			c := newClient(t, tr, client.Selector(nodesAt(through.addr)), client.RequestTimeout(2*time.Second))
			for range 3 {
				if _, err := call(context.Background(), c, ""); err != nil {
					t.Fatal(err)
				}
			}
			through.silence()
			if _, err := call(context.Background(), c, ""); err == nil {
				t.Error("a call over a silent connection succeeds")
			}
			began := time.Now()
			for range 10 {
				if _, err := call(context.Background(), c, ""); err != nil {
					t.Errorf("a call after the first one that failed: %v", err)
				}
			}
			if took := time.Since(began); took > testkit.Patience {
				t.Errorf("ten calls took %v", took)
			}
		})
	}
}
