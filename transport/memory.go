package transport

import (
	"context"
	"errors"
	"fmt"
	"github.com/justcy/go-micro/v4/internal/wire"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"

	maddr "github.com/justcy/go-micro/v4/util/addr"
	mnet "github.com/justcy/go-micro/v4/util/net"
)

// The range of ports from which port 0 picks, and how often it tries.
const (
	memoryFirstPort = 10000
	memoryPorts     = 20000
	memoryTries     = 100
)

// memoryTransport connects the parts of one process.
type memoryTransport struct {
	settings settings

	mu        sync.Mutex
	listeners map[string]*memoryListener // guarded by mu
}

// NewMemoryTransport returns the transport named "memory". Its listeners are
// reached by Dials of the same transport value alone, at exactly the address
// that Addr returns; no port of the machine is used. Both ends of a connection
// have that address as their Local and Remote.
//
// A socket holds up to 64 messages that the other end has not received; a Send
// beyond that waits.
func NewMemoryTransport(opts ...Option) Transport {
	t := &memoryTransport{listeners: map[string]*memoryListener{}}
	t.settings.init(opts)
	return t
}

// Init applies options to what is dialled and listened on afterwards.
func (t *memoryTransport) Init(opts ...Option) error {
	t.settings.init(opts)
	return nil
}

// Options returns the options in force.
func (t *memoryTransport) Options() Options { return t.settings.get() }

// String returns "memory".
func (t *memoryTransport) String() string { return "memory" }

// Dial connects to the listener at addr. It waits while the listener has too
// many connections that Accept has not taken yet.
func (t *memoryTransport) Dial(addr string, opts ...DialOption) (Client, error) {
	o, dial := t.settings.get(), newDialOptions(opts)
	t.mu.Lock()
	l := t.listeners[addr]
	t.mu.Unlock()
	if l == nil {
		return nil, wire.NotSent(fmt.Errorf("could not dial %s", addr))
	}
	ctx := dial.Context
	if dial.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, dial.Timeout)
		defer cancel()
	}
	c, err := l.connect(ctx, &o)
	if err != nil {
		return nil, wire.NotSent(err)
	}
	return c, nil
}

// Listen reserves addr, a host and a port. An empty or wildcard host stands
// for an address of this machine, port 0 for a free port.
func (t *memoryTransport) Listen(addr string, _ ...ListenOption) (Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if host, err = maddr.Extract(host); err != nil {
		return nil, err
	}
	if port != "0" {
		return t.listen(mnet.HostPort(host, port))
	}
	for range memoryTries {
		port := memoryFirstPort + rand.IntN(memoryPorts)
		var l Listener
		if l, err = t.listen(mnet.HostPort(host, strconv.Itoa(port))); err == nil {
			return l, nil
		}
	}
	return nil, err
}

func (t *memoryTransport) listen(addr string) (Listener, error) {
	o := t.settings.get()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listeners[addr] != nil {
		return nil, errors.New("already listening on " + addr)
	}
	l := newMemoryListener(t, addr, o)
	t.listeners[addr] = l
	return l, nil
}

// forget frees l's address.
func (t *memoryTransport) forget(l *memoryListener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listeners[l.addr] == l {
		delete(t.listeners, l.addr)
	}
}
