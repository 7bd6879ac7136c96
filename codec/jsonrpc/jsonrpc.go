// Package jsonrpc is JSON-RPC 1.0: every request and response is a JSON object
// with the id that connects them. Events are plain JSON.
package jsonrpc

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/jsonvalue"
	"github.com/justcy/go-micro/v4/codec/internal/stream"
)

const name = "json-rpc"

// jsonCodec is the codec of both sides of a connection.
type jsonCodec struct {
	conn    io.ReadWriteCloser
	values  *values
	pending pending

	// body is the body of the message whose header was read last, nil when it
	// has none.
	body json.RawMessage
}

var _ codec.Resetter = (*jsonCodec)(nil)

// NewCodec returns a JSON-RPC codec for the stream.
func NewCodec(rwc io.ReadWriteCloser) codec.Codec {
	c := new(jsonCodec)
	c.Reset(rwc)
	return c
}

// Reset makes the codec work on another stream and forgets the requests that
// were not answered.
func (c *jsonCodec) Reset(rwc io.ReadWriteCloser) {
	c.conn = rwc
	c.values = &values{stream: rwc}
	c.body = nil
	c.pending.clear()
}

// ReadHeader reads a message and keeps its body for ReadBody. A response gets
// the method of the request that it answers.
func (c *jsonCodec) ReadHeader(m *codec.Message, t codec.MessageType) error {
	c.body = nil
	switch t {
	case codec.Request:
		return c.readRequest(m)
	case codec.Response:
		return c.readResponse(m)
	case codec.Event:
		data, err := stream.Take(c.conn)
		c.body = data
		return err
	}
	return fmt.Errorf("Unrecognized message type: %v", t) //nolint:staticcheck // the text is v4's
}

// ReadBody decodes the body of the message whose header was read last. It
// leaves v as it is when there is no body.
func (c *jsonCodec) ReadBody(v any) error {
	if v == nil || len(c.body) == 0 {
		return nil
	}
	return jsonvalue.Unmarshal(c.body, v)
}

// Write writes a message with one Write of the stream.
func (c *jsonCodec) Write(m *codec.Message, v any) error {
	switch m.Type {
	case codec.Request:
		return c.writeRequest(m, v)
	case codec.Response, codec.Error:
		return c.writeResponse(m, v)
	case codec.Event:
		data, err := jsonvalue.Marshal(v)
		if err != nil {
			return err
		}
		return stream.Write(c.conn, data)
	}
	return fmt.Errorf("Unrecognized message type: %v", m.Type) //nolint:staticcheck // the text is v4's
}

// Close forgets the requests that were not answered and closes the stream.
func (c *jsonCodec) Close() error {
	c.pending.clear()
	return c.conn.Close()
}

// String returns "json-rpc".
func (c *jsonCodec) String() string {
	return name
}
