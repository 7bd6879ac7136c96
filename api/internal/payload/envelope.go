package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/proto"
	"github.com/justcy/go-micro/v4/codec/protorpc"
)

// JSONRPC returns the first of the parameters of a request in JSON-RPC.
func JSONRPC(body []byte) ([]byte, error) {
	var request struct {
		Params []json.RawMessage `json:"params"`
	}
	if !json.Valid(body) {
		return nil, ErrNotJSON
	}
	if err := unique(body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, fmt.Errorf("json-rpc: %w", err)
	}
	if len(request.Params) == 0 {
		return nil, errors.New("json-rpc: the request has no params")
	}
	return request.Params[0], nil
}

// ProtoRPC returns the body of a request in proto-rpc.
func ProtoRPC(body []byte) ([]byte, error) {
	c := protorpc.NewCodec(stream{bytes.NewBuffer(body)})
	if err := c.ReadHeader(new(codec.Message), codec.Request); err != nil {
		return nil, fmt.Errorf("proto-rpc: %w", err)
	}
	var message proto.Message
	if err := c.ReadBody(&message); err != nil {
		return nil, fmt.Errorf("proto-rpc: %w", err)
	}
	return message.Data, nil
}

// OctetStream returns the body in the proto-rpc envelope around some bytes, and
// the bytes themselves when there is none.
func OctetStream(body []byte) []byte {
	if data, err := ProtoRPC(body); err == nil {
		return data
	}
	return body
}

// stream is a body as codecs read it.
type stream struct{ *bytes.Buffer }

func (stream) Close() error { return nil }
