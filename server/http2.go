package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"strings"

	"github.com/justcy/go-micro/v4/codec/grpc"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport"
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
	broken bool
}

// piece takes a part of the body and dispatches the messages it completes. A
// gRPC body is a sequence of frames, any other is one message, except that the
// parts of a stream are taken for its messages.
func (c *conn) piece(m *incoming) {
	p := c.http2
	if p.header == nil {
		p.head, p.header = wire.ParseHeaders(&m.headers), m.headers.Map()
		p.grpc = strings.HasPrefix(p.head.ContentType, "application/grpc")
	}
	if p.broken {
		return
	}
	if !p.grpc && c.run.server.settings.Load().isStream(&p.head) {
		c.dispatch(m)
		return
	}
	p.body = append(p.body, m.body...)
	if p.grpc {
		c.frames(p)
	}
	if len(p.body) > transport.DefaultMaxMessageSize {
		p.broken, p.body = true, nil
		c.refuse(&p.head, microerrors.New(errorID, fmt.Sprintf("the body exceeds %d bytes", transport.DefaultMaxMessageSize), 413), p.head.ContentType, nil)
	}
}

// frames dispatches the complete frames. One that is too large is left to the
// codec, which refuses it.
func (c *conn) frames(p *pieces) {
	for len(p.body) >= frameHead {
		n := frameHead + int(binary.BigEndian.Uint32(p.body[1:frameHead]))
		if n > frameHead+grpc.MaxMessageSize {
			p.broken = true
			n = len(p.body)
		}
		if len(p.body) < n {
			return
		}
		body := p.body[:n:n]
		p.body, p.framed = p.body[n:], true
		c.dispatch(&incoming{mux.HeadersOf(maps.Clone(p.header)), body})
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
	c.dispatch(&incoming{mux.HeadersOf(p.header), p.body})
	p.body = nil
}
