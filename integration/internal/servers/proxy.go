package servers

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy stands between a client and a server, and can take the server away.
type Proxy struct {
	// URL is the server's, but for the address.
	URL string

	target   string
	listener net.Listener
	work     sync.WaitGroup

	mu       sync.Mutex
	state    state
	moved    chan struct{} // closed when state changes
	conns    map[net.Conn]bool
	stranded map[net.Conn]bool // those of conns over which nothing passes
}

type state int

const (
	open   state = iota
	cut          // connections end, new ones end at once
	frozen       // connections stay, and nothing passes
)

// NewProxy starts a proxy in front of the server at the URL.
func NewProxy(t testing.TB, server string) *Proxy {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: u.Host, listener: l, conns: map[net.Conn]bool{}, stranded: map[net.Conn]bool{}, moved: make(chan struct{})}
	u.Host = l.Addr().String()
	p.URL = u.String()
	p.work.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Cut ends all connections, and refuses new ones, until Restore.
func (p *Proxy) Cut() { p.move(cut) }

// Freeze lets nothing pass any more until Restore: the server is unreachable,
// and nobody is told.
func (p *Proxy) Freeze() { p.move(frozen) }

// Strand lets nothing pass any more over the connections that there are, without a
// word, as when a router forgets them. New ones work.
func (p *Proxy) Strand() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		p.stranded[c] = true
	}
}

// Restore lets everything pass again.
func (p *Proxy) Restore() { p.move(open) }

func (p *Proxy) move(to state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = to
	close(p.moved)
	p.moved = make(chan struct{})
	if to == cut {
		p.closeConns()
	}
}

func (p *Proxy) close() {
	p.listener.Close()
	p.Cut()
	p.work.Wait()
}

// closeConns ends the connections; mu must be held.
func (p *Proxy) closeConns() {
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
	clear(p.stranded)
}

func (p *Proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.keep(from) {
			continue
		}
		p.work.Go(func() { p.serve(from) })
	}
}

// keep notes a connection, or ends it when there may be none.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == cut {
		c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *Proxy) forget(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	delete(p.stranded, c)
}

func (p *Proxy) serve(from net.Conn) {
	defer p.forget(from)
	to, err := net.Dial("tcp", p.target)
	if err != nil || !p.keep(to) {
		return
	}
	defer p.forget(to)
	var back sync.WaitGroup
	back.Go(func() { p.copy(from, to) })
	p.copy(to, from)
	back.Wait()
}

// copy copies until either side ends, and ends both.
func (p *Proxy) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.await(from)
		if _, werr := to.Write(buf[:n]); werr != nil || err != nil {
			return
		}
	}
}

// await returns when something may pass that came over a connection.
func (p *Proxy) await(from net.Conn) {
	for {
		p.mu.Lock()
		held, moved := p.state == frozen || p.stranded[from], p.moved
		p.mu.Unlock()
		if !held {
			return
		}
		<-moved
	}
}
