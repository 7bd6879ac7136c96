package httpserve

import "sync"

// requests counts those that are in a handler. They may begin while somebody waits
// for the end of all, which a sync.WaitGroup does not allow: a handler of HTTP/2 may
// begin when its connection has ended already.
type requests struct {
	mu   sync.Mutex
	n    int           // guarded by mu
	none chan struct{} // guarded by mu; to be closed, nil when nobody waits
}

func (r *requests) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
}

func (r *requests) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n--
	if r.n == 0 && r.none != nil {
		close(r.none)
		r.none = nil
	}
}

// ended returns a channel that is closed when there are none. It must be called once.
func (r *requests) ended() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	none := make(chan struct{})
	if r.n == 0 {
		close(none)
	} else {
		r.none = none
	}
	return none
}
