package grpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/jsonvalue"
	"github.com/justcy/go-micro/v4/codec/internal/protobuf"
	"github.com/justcy/go-micro/v4/codec/internal/stream"
)

// prefixSize is the length of what comes before a payload: a flag that says
// whether it is compressed, and its length in four bytes.
const prefixSize = 5

var errCompressed = errors.New("grpc message is compressed, which is not supported: send grpc-encoding identity")

// ReadBody decodes the payload of the next frame into v, and discards the frame
// when v is nil. It returns io.EOF when there is no frame left.
func (c *Codec) ReadBody(v any) error {
	payload, err := readFrame(c.Conn)
	if err != nil {
		if v == nil && err == io.EOF {
			return nil
		}
		return err
	}
	if v == nil {
		return nil
	}
	switch payloadType(c.follow(nil)) {
	case typeJSON:
		return jsonvalue.Unmarshal(payload, v)
	case typeDefault, typeProto:
		return protobuf.Unmarshal(payload, v)
	}
	return errContentType
}

// Opens reports whether the body of a first message has nothing to say: it is
// empty, or one frame with an empty message. Generated clients open a stream with
// such a body, and send their first message after it.
func Opens(body []byte) bool {
	if len(body) < prefixSize {
		return len(body) == 0
	}
	payload := body[prefixSize:]
	return uint64(binary.BigEndian.Uint32(body[1:])) == uint64(len(payload)) && (len(payload) == 0 || string(payload) == "{}")
}

// payloadType returns a content type without parameters.
func payloadType(contentType string) string {
	switch contentType {
	case typeDefault, typeProto, typeJSON:
		return contentType
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return contentType
	}
	return t
}

// readFrame returns the payload of the next frame, valid until r is used again.
func readFrame(r io.Reader) ([]byte, error) {
	prefix, err := stream.Fixed(r, prefixSize)
	if err != nil {
		return nil, err
	}
	if prefix[0] != 0 {
		return nil, errCompressed
	}
	n := binary.BigEndian.Uint32(prefix[1:])
	if uint64(n) > uint64(max(MaxMessageSize, 0)) && (MaxMessageSize != defaultMaxMessageSize || !stream.Holds(r, int64(n))) {
		return nil, fmt.Errorf("grpc message of %d bytes exceeds the limit of %d, see MaxMessageSize", n, MaxMessageSize)
	}
	payload, err := stream.Fixed(r, int(n))
	if err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	}
	return payload, err
}

// writePayload writes v as a frame, and nothing when its encoding is empty.
func (c *Codec) writePayload(contentType string, v any) error {
	switch payloadType(contentType) {
	case typeJSON:
		data, err := jsonvalue.Marshal(v)
		if err != nil {
			return err
		}
		return c.writeFrame(append(c.startFrame(len(data)), data...))
	case typeDefault, typeProto:
		return c.writeProto(v)
	}
	return errContentType
}

func (c *Codec) writeProto(v any) error {
	m, ok := protobuf.Message(v)
	if !ok {
		return codec.ErrInvalidMessage
	}
	frame, err := protobuf.AppendSized(c.startFrame(protobuf.Size(m)), m)
	if err != nil {
		return err
	}
	return c.writeFrame(frame)
}

// startFrame returns a frame that lacks its payload of the given size.
func (c *Codec) startFrame(size int) []byte {
	return append(stream.Space(c.Conn, prefixSize+size), make([]byte, prefixSize)...)
}

// writeFrame completes the prefix and writes the frame with one Write.
func (c *Codec) writeFrame(frame []byte) error {
	size := len(frame) - prefixSize
	if size == 0 {
		return nil
	}
	if uint64(size) > 1<<32-1 {
		return fmt.Errorf("grpc message of %d bytes does not fit into a frame", size)
	}
	binary.BigEndian.PutUint32(frame[1:], uint32(size))
	return stream.Write(c.Conn, frame)
}
