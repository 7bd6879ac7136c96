package server

import (
	"errors"
	"strings"

	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// Messages may be published straight to a server, without a broker.

// event handles a message published straight to the socket and answers it.
// Messages of one socket are handled one after the other, in their order.
func (c *conn) event(head *wire.Head, m *incoming) {
	handled := false
	defer func() {
		if !handled { // a subscriber has ended the goroutine, and nobody else reads
			_ = c.socket.Close()
			c.lose(errConnectionLost)
		}
	}()
	header := m.header.Map()
	err := c.run.server.accept(c.run, nil, head.Topic, header, m.body, c)
	handled = true
	what := *head
	c.inTurn(head, func() { c.answerEvent(&what, header, err) })
}

// answerEvent tells the publisher how the handling of its message has ended.
func (c *conn) answerEvent(head *wire.Head, header map[string]string, err error) {
	h := borrowHeader()
	defer returnHeader(h)
	echoHeader(h, header)
	if err != nil {
		h[headers.Error] = errorText(err)
	}
	sent := c.send(h, nil)
	if errors.Is(sent, transport.ErrMessageTooLarge) && err != nil {
		clear(h)
		setBoth(h, headers.ID, "X-"+headers.ID, head.ID[:min(len(head.ID), maxName)])
		h[headers.Error] = shortened(err).Error()
		sent = c.send(h, nil)
	}
	if sent != nil {
		logger.LoggerOrDefault(c.run.logger()).Logf(logger.ErrorLevel, "server: answer a message on topic %s of %s: %v", head.Topic, c.remote, sent)
	}
	if head.Closes() {
		c.closeWhenIdle()
	}
}

// closeWhenIdle takes no more requests and closes the socket after those that
// are open.
func (c *conn) closeWhenIdle() {
	c.mu.Lock()
	c.closing = true
	idle := c.open == 0
	c.mu.Unlock()
	if idle {
		_ = c.socket.Close() // everything was answered
	}
}

// echoHeader copies headers except those that are the business of the sender
// or of one connection alone.
func echoHeader(dst, src map[string]string) {
	for name, value := range src {
		if !notEchoed[strings.ToLower(name)] && !strings.HasPrefix(name, ":") {
			dst[name] = value
		}
	}
}

var notEchoed = map[string]bool{
	"authorization": true, "cookie": true, "connection": true, "content-length": true,
	"expect": true, "host": true, "keep-alive": true, "micro-error": true, "te": true,
	"trailer": true, "transfer-encoding": true, "upgrade": true,
}

// later handles a message published straight to the server in a goroutine of its
// own: subscribers must not hold up the one that reads.
func (c *exchangeConn) later(x wire.Exchange, topic string, h wire.Header, body []byte) {
	c.run.serving.Go(func() { c.event(x, topic, h.Map(), body) })
}

// event handles a message published straight to the server and answers it.
func (c *exchangeConn) event(x wire.Exchange, topic string, header map[string]string, body []byte) {
	defer x.Close()
	err := c.run.server.accept(c.run, nil, topic, header, body, c)
	reply := map[string]string{}
	echoHeader(reply, header)
	if err != nil {
		reply[headers.Error] = errorText(err)
	}
	sent := x.SendFields(wire.AppendMap(nil, reply), nil)
	if errors.Is(sent, wire.ErrTooLarge) && err != nil {
		sent = x.SendFields([]wire.Field{{Name: headers.Error, Value: shortened(err).Error()}}, nil)
	}
	if sent != nil {
		logger.LoggerOrDefault(c.run.logger()).Logf(logger.DebugLevel, "server: answer a message on topic %s of %s: %v", topic, c.remote, sent)
	}
}
