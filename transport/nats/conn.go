package nats

import (
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
)

// sharedConn is a connection that is closed with the last of its users. All its
// clients listen below one subject, so that one goroutine takes what comes to them.
type sharedConn struct {
	*nats.Conn
	transport *natsTransport
	users     int // guarded by the transport's mu
	inbox     string

	mu      sync.Mutex
	made    uint64
	clients map[string]*client // by the subject that they listen on
}

// share returns a connection with one user.
func (t *natsTransport) share(conn *nats.Conn) (*sharedConn, error) {
	c := &sharedConn{Conn: conn, transport: t, users: 1, inbox: conn.NewInbox() + ".", clients: map[string]*client{}}
	sub, err := conn.Subscribe(c.inbox+"*", c.arrived)
	if err != nil {
		return nil, err
	}
	return c, sub.SetPendingLimits(-1, 8*maxBehind)
}

// arrived gives a message to the client that it is for, if that is still there.
func (c *sharedConn) arrived(m *nats.Msg) {
	c.mu.Lock()
	to := c.clients[m.Subject]
	c.mu.Unlock()
	if to != nil {
		to.arrived(m)
	}
}

// address returns a subject for a client, which nobody had before.
func (c *sharedConn) address() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made++
	return c.inbox + strconv.FormatUint(c.made, 36)
}

// add has a client get what comes to its subject.
func (c *sharedConn) add(to *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients[to.local] = to
}

func (c *sharedConn) remove(from *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.clients, from.local)
}

// release says that one user is done.
func (c *sharedConn) release() {
	t := c.transport
	t.mu.Lock()
	c.users--
	last := c.users == 0
	if last && t.conn == c {
		t.conn = nil
	}
	t.mu.Unlock()
	if !last {
		return
	}
	if c.IsConnected() {
		_ = c.FlushTimeout(closeWait) // what says that sockets are closed
	}
	c.Close()
}
