package nats

import (
	"fmt"
	"io"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/transport"
)

// client is the end of a socket that dialled.
type client struct {
	*socket

	opened   bool // guarded by sending: something was sent
	outdated bool // guarded by mu: the listener is about to stop
}

func newClient(conn *sharedConn, addr string, o *transport.Options) *client {
	patient := o.Timeout
	if patient <= 0 {
		patient = clientTimeout
	}
	c := &client{socket: newSocket(conn, o, conn.address(), addr, patient)}
	conn.add(c)
	return c
}

// arrived takes what comes to the inbox.
func (c *client) arrived(m *nats.Msg) {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		c.end(notSent{fmt.Errorf("nobody listens on %s", c.remote)})
		return
	}
	switch m.Header.Get(socketHeader) {
	case ends:
		c.end(io.EOF)
		return
	case refuses:
		c.end(notSent{fmt.Errorf("%s is about to stop and takes no connections", c.remote)})
		return
	case isLast:
		c.mu.Lock()
		c.outdated = true
		c.mu.Unlock()
	}
	c.push(m)
}

// Send hands the message to the connection. Whether somebody listens is known when
// the reply is waited for.
func (c *client) Send(m *transport.Message) error {
	data, err := c.encode(m)
	if err != nil {
		return err
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	what := goesOn
	if !c.opened {
		what = opens
	}
	err = c.publish(&nats.Msg{Subject: c.remote, Reply: c.local, Data: data, Header: nats.Header{socketHeader: {what}}})
	c.opened = c.opened || err == nil
	return err
}

// Close ends the socket, and tells the other end.
func (c *client) Close() error {
	if !c.shut() {
		return nil
	}
	c.sending.Lock()
	opened := c.opened
	c.sending.Unlock()
	if opened {
		c.tell(c.local, ends)
	}
	c.conn.remove(c)
	c.conn.release()
	return nil
}

// Reusable reports whether the socket can carry another exchange.
func (c *client) Reusable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && c.ended == nil && len(c.queue) == 0 && !c.outdated && c.conn.IsConnected()
}
