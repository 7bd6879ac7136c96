package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"strings"

	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// frameHead is the length of what precedes each message of the gRPC codec.
const frameHead = 5

// emptyFrame is a message without a payload. The codec writes nothing at all
// for it, but gRPC clients wait for every message.
var emptyFrame = make([]byte, frameHead)

// pieces puts the messages of one HTTP/2 request together: its socket delivers
// the body as it arrives.
type pieces struct {
	ctx    context.Context // ends when the client is gone
	head   wire.Head
	header map[string]string
	body   []byte // what does not make a message yet
	grpc   bool
	framed bool // there was a frame
	broken bool // there was too much for a message
	limit  int  // of a message in bytes
	held   int  // bytes that are counted for body
}

// release gives back n bytes that were counted for a body.
func (c *conn) release(p *pieces, n int) {
	p.held -= n
	c.run.held.Give(n)
}

// dropPieces forgets what makes no message.
func (c *conn) dropPieces() {
	c.http2.body = nil
	c.release(c.http2, c.http2.held)
}

// piece takes a part of the body and dispatches the messages it completes. A
// gRPC body is a sequence of frames, any other is one message, except that the
// parts of a stream are taken for its messages.
func (c *conn) piece(m *incoming) {
	p := c.http2
	if p.header == nil {
		p.head, p.header = m.header.Head(), m.header.Map()
		p.grpc = strings.HasPrefix(p.head.ContentType, "application/grpc")
		p.limit = c.run.messageLimit()
	}
	if p.broken {
		return
	}
	if !p.grpc && c.run.server.settings.Load().isStream(&p.head) {
		c.dispatch(m)
		return
	}
	if !c.run.held.Take(len(m.body)) {
		c.refusePieces(p, overfull(c.run.held))
		return
	}
	p.held += len(m.body)
	p.body = append(p.body, m.body...)
	if p.grpc {
		c.frames(p)
	}
	if len(p.body) > p.limit {
		c.tooLarge(p)
	}
	c.release(p, p.held-len(p.body)) // of messages, which are counted again
}

// messageLimit is how long a message may be on every form of the transport. A
// transport whose messages arrive whole applies it itself.
func (r *run) messageLimit() int {
	if n := r.server.Options().Transport.Options().MaxMessageSize; n > 0 {
		return n
	}
	return transport.DefaultMaxMessageSize
}

// tooLarge ends a request with a message over the limit.
func (c *conn) tooLarge(p *pieces) {
	c.refusePieces(p, microerrors.New(errorID, fmt.Sprintf("message over the limit of %d bytes (transport.MaxMessageSize)", p.limit), http.StatusRequestEntityTooLarge))
}

// refusePieces ends a request of which too much has come. What follows of it is not
// looked at.
func (c *conn) refusePieces(p *pieces, err error) {
	p.broken = true
	c.dropPieces()
	if open := c.openCalls(); len(open) > 0 {
		for _, k := range open {
			k.source.abort(overflowError{err})
			k.ctx.cancel(context.Canceled, overflowError{err})
		}
		return
	}
	switch {
	case p.grpc:
		c.refuseGRPC(p, err)
	default:
		c.refuse(&p.head, err, p.head.ContentType, nil)
	}
	_ = c.socket.Close() // the rest would be read for nothing
}

// refuseGRPC answers a gRPC client whose message is too large.
func (c *conn) refuseGRPC(p *pieces, err error) {
	const status, message = "grpc-status", "grpc-message"
	_ = c.send(map[string]string{
		headers.ContentType: p.head.ContentType, "Trailer": status + ", " + message,
		status: "8", message: err.Error(), // RESOURCE_EXHAUSTED
	}, nil)
}

// frames dispatches the complete frames.
func (c *conn) frames(p *pieces) {
	for len(p.body) >= frameHead {
		n := frameHead + int(binary.BigEndian.Uint32(p.body[1:frameHead]))
		if n > p.limit {
			c.tooLarge(p)
			return
		}
		if len(p.body) < n {
			return
		}
		body := p.body[:n:n]
		p.body, p.framed = p.body[n:], true
		c.dispatch(&incoming{wire.MapHeader(maps.Clone(p.header)), body})
	}
}

// lastPiece dispatches what is left at the end of the body, and a gRPC request
// that has no message: its client may have none to send.
func (c *conn) lastPiece() {
	p := c.http2
	streaming := p.framed || !p.grpc && c.run.server.settings.Load().isStream(&p.head)
	if p.header == nil || p.broken || len(p.body) == 0 && streaming {
		return
	}
	body := p.body
	c.dropPieces()
	c.dispatch(&incoming{wire.MapHeader(p.header), body})
}
