package server

import (
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport"
)

// sendGrace is how long a stream whose context has ended may still take to send a
// message.
const sendGrace = time.Second

// speaksHTTP reports whether each message is one of HTTP.
func (c *conn) speaksHTTP() bool {
	return c.carrier == nil && c.run.server.settings.Load().options.Transport.String() == "http"
}

// sendMap sends a message of a call.
func (c *conn) sendMap(k *call, h map[string]string, body []byte) error {
	c.hold(len(body))
	defer c.give(len(body))
	k.place.await()
	c.beginSend(k)
	defer k.endSend()
	return c.send(h, body)
}

// beginSend bounds the sending of a stream whose context ends while its client
// does not receive; endSend has to follow. The caller holds writing.
func (c *conn) beginSend(k *call) {
	if !k.mayStream {
		return
	}
	k.sends.Add(1)
	switch {
	case !k.watched:
		k.watched = true
		k.ctx.AfterFunc(func() { c.closeStuck(k) })
	case k.ctx.Err() != nil:
		c.closeStuck(k)
	}
}

// endSend ends what beginSend began.
func (k *call) endSend() {
	if k.mayStream {
		k.sends.Add(1)
	}
}

// closeStuck closes the socket, on which a message was sent in part, unless k has
// sent what it is sending now within sendGrace.
func (c *conn) closeStuck(k *call) {
	n := k.sends.Load()
	if n%2 == 0 {
		return
	}
	time.AfterFunc(sendGrace, func() {
		if k.sends.Load() == n {
			c.close()
		}
	})
}

// send sends one message. Header and body are the caller's again afterwards.
func (c *conn) send(h map[string]string, body []byte) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.out = transport.Message{Header: h, Body: body}
	err := c.socket.Send(&c.out)
	c.out = transport.Message{}
	return err
}

// sendFields is sendMap for a socket that needs no map.
func (c *conn) sendFields(k *call, fields []wire.Field, body []byte) error {
	c.hold(len(body))
	defer c.give(len(body))
	c.beginSend(k)
	defer k.endSend()
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.carrier.SendFields(fields, body)
}
