// Package protorpc is a protobuf protocol with an envelope: a frame with the
// method, the sequence number and the error, and a frame with the body. Events
// are the bare body.
package protorpc

import (
	"fmt"
	"io"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/protobuf"
	"github.com/justcy/go-micro/v4/codec/internal/stream"
)

const name = "proto-rpc"

// noError is the text of an error without one, which would be none to the peer.
const noError = "unspecified error"

// protoCodec is the codec of both sides of a connection.
type protoCodec struct {
	conn io.ReadWriteCloser
	// kind is the type of the message whose header was read last. An event has
	// its body in event then.
	kind  codec.MessageType
	event []byte
}

var _ codec.Resetter = (*protoCodec)(nil)

// NewCodec returns a protobuf RPC codec for the stream.
func NewCodec(rwc io.ReadWriteCloser) codec.Codec {
	return &protoCodec{conn: rwc}
}

// Reset makes the codec work on another stream.
func (c *protoCodec) Reset(rwc io.ReadWriteCloser) {
	*c = protoCodec{conn: rwc}
}

// ReadHeader reads the envelope of a message; of an event, which has none, the
// body.
func (c *protoCodec) ReadHeader(m *codec.Message, t codec.MessageType) error {
	c.kind, c.event = t, nil
	switch t {
	case codec.Request:
		var r Request
		if err := c.readEnvelope(&r); err != nil {
			return err
		}
		m.Method, m.Id = r.ServiceMethod, strconv.FormatUint(r.Seq, 10)
	case codec.Response:
		var r Response
		if err := c.readEnvelope(&r); err != nil {
			return err
		}
		m.Method, m.Id, m.Error = r.ServiceMethod, strconv.FormatUint(r.Seq, 10), r.Error
	case codec.Event:
		data, err := stream.Take(c.conn)
		c.event = data
		return err
	default:
		return unrecognized(t)
	}
	return nil
}

func (c *protoCodec) readEnvelope(m proto.Message) error {
	data, err := stream.Frame(c.conn, maxFrame)
	if err != nil {
		return err
	}
	return proto.Unmarshal(data, m)
}

// ReadBody decodes the body of the message whose header was read last, and
// discards it when v is nil.
func (c *protoCodec) ReadBody(v any) error {
	data, err := c.readBody()
	if err != nil || v == nil {
		return err
	}
	return protobuf.Unmarshal(data, v)
}

func (c *protoCodec) readBody() ([]byte, error) {
	switch c.kind {
	case codec.Request, codec.Response:
		return stream.Frame(c.conn, maxFrame)
	case codec.Event:
		return c.event, nil
	}
	return nil, unrecognized(c.kind)
}

// Write writes a message with one Write of the stream. Nothing is written when
// the body is neither protobuf nor nil, unless the message is an error: then
// such a body is left out.
func (c *protoCodec) Write(m *codec.Message, v any) error {
	body, err := messageOf(v)
	if err != nil && m.Type != codec.Error {
		return err
	}
	switch m.Type {
	case codec.Request:
		return c.writeFrames(&Request{ServiceMethod: m.Method, Seq: sequence(m.Id)}, body)
	case codec.Response, codec.Error:
		text := m.Error
		if text == "" && m.Type == codec.Error && v == nil {
			text = noError
		}
		return c.writeFrames(&Response{ServiceMethod: m.Method, Seq: sequence(m.Id), Error: text}, body)
	case codec.Event:
		return c.writeEvent(body)
	}
	return unrecognized(m.Type)
}

// messageOf returns v as a protobuf message, nil for nil.
func messageOf(v any) (proto.Message, error) {
	if v == nil {
		return nil, nil
	}
	m, ok := protobuf.Message(v)
	if !ok {
		return nil, codec.ErrInvalidMessage
	}
	return m, nil
}

func (c *protoCodec) writeFrames(envelope, body proto.Message) error {
	b := stream.Space(c.conn, 2*prefixSize+proto.Size(envelope)+proto.Size(body))
	b, err := appendFrame(b, envelope)
	if err != nil {
		return err
	}
	if b, err = appendFrame(b, body); err != nil {
		return err
	}
	return stream.Write(c.conn, b)
}

func (c *protoCodec) writeEvent(body proto.Message) error {
	b, err := proto.MarshalOptions{}.MarshalAppend(stream.Space(c.conn, proto.Size(body)), body)
	if err != nil {
		return err
	}
	return stream.Write(c.conn, b)
}

// sequence returns an id as a number, 0 when it is none.
func sequence(id string) uint64 {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func unrecognized(t codec.MessageType) error {
	return fmt.Errorf("Unrecognized message type: %v", t) //nolint:staticcheck // the text is v4's
}

// Close closes the stream.
func (c *protoCodec) Close() error {
	return c.conn.Close()
}

// String returns "proto-rpc".
func (c *protoCodec) String() string {
	return name
}
