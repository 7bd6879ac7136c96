package server

import (
	"sync"

	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport"
)

// connection is what calls come over: a socket, or a connection that carries
// exchanges.
type connection interface {
	// addresses are those of this end and of the other one.
	addresses() (local, remote string)
	// sendFields sends a message of a call.
	sendFields(k *call, fields []wire.Field, body []byte) error
	// sendMap is sendFields with a map of headers, which is the caller's again
	// afterwards. Plain HTTP needs its pseudo headers.
	sendMap(k *call, h map[string]string, body []byte) error
	// needsMap reports whether messages are sent with a map of headers.
	needsMap() bool
	// speaksHTTP reports whether each message is one of HTTP.
	speaksHTTP() bool
	// postpones has a call that is about to be served wait until the peer takes
	// replies. If it is true the call is not the caller's any more.
	postpones(k *call) bool
	// failed is told that the context of a call was cancelled from outside.
	failed(k *call)
	// freed is told that the body of the message that opened a call is not held
	// any more, although the call goes on.
	freed(k *call)
	// ended is told that a call is over.
	ended(k *call)

	openCalls() []*call
	isLost() bool
	// lose cancels the open requests: nobody can be told how they end.
	lose(cause error)
	close()
}

// calls are the requests that are open on a connection.
type calls struct {
	all sync.WaitGroup // of them

	mu    sync.Mutex // guards what follows
	first *call
	open  int
	gone  bool // nobody can be answered any more
}

// add adds a call. The lock is held.
func (c *calls) add(k *call) {
	c.all.Add(1)
	c.open++
	if k.next = c.first; k.next != nil {
		k.next.prev = k
	}
	c.first = k
}

// remove removes a call. The lock is held.
func (c *calls) remove(k *call) {
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		c.first = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	}
	c.open--
}

func (c *calls) openCalls() (open []*call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := c.first; k != nil; k = k.next {
		open = append(open, k)
	}
	return open
}

func (c *calls) isLost() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

func (c *calls) lose(cause error) {
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	for _, k := range c.openCalls() {
		k.fail(cause)
	}
}

// exchangeListener is a listener whose multiplexed connections hand their
// exchanges to the server, rather than as sockets to the accept function.
type exchangeListener interface {
	AcceptExchanges(fn func(transport.Socket), s wire.Server) error
}
