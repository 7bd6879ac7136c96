package socket

import "sync"

// Pool holds the open sockets of one connection by id. Its methods may be
// called concurrently; the embedded lock is held by them and not for others to
// take.
type Pool struct {
	sync.RWMutex
	sockets map[string]*Socket // guarded by RWMutex
}

// NewPool returns an empty pool.
func NewPool() *Pool {
	return &Pool{sockets: map[string]*Socket{}}
}

// Get returns the socket with an id, and true, or a new one, and false.
func (p *Pool) Get(id string) (*Socket, bool) {
	p.RLock()
	s, ok := p.sockets[id]
	p.RUnlock()
	if ok {
		return s, true
	}
	p.Lock()
	defer p.Unlock()
	if s, ok := p.sockets[id]; ok {
		return s, true
	}
	s = New(id)
	p.sockets[id] = s
	return s, false
}

// Release closes a socket and removes it, unless its id belongs to a newer
// socket by now.
func (p *Pool) Release(s *Socket) {
	p.Lock()
	if p.sockets[s.id] == s {
		delete(p.sockets, s.id)
	}
	p.Unlock()
	s.Close()
}

// Close closes all sockets and empties the pool.
func (p *Pool) Close() {
	p.Lock()
	sockets := p.sockets
	p.sockets = map[string]*Socket{}
	p.Unlock()
	for _, s := range sockets {
		s.Close()
	}
}
