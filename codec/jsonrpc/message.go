package jsonrpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/jsonvalue"
	"github.com/justcy/go-micro/v4/codec/internal/stream"
)

// noError is the text of an error without one, which would be none to the peer.
const noError = "unspecified error"

// request is a call as it is written.
type request struct {
	Method string             `json:"method"`
	Params [1]json.RawMessage `json:"params"`
	ID     string             `json:"id"`
}

// response is an answer as it is written.
type response struct {
	ID     string          `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  any             `json:"error"`
}

// incoming is a message as it is read, a call or an answer.
type incoming struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

func (c *jsonCodec) writeRequest(m *codec.Message, v any) error {
	body, err := jsonvalue.Marshal(v)
	if err != nil {
		return err
	}
	c.pending.add(m.Id, m.Method) // first: the response may be quicker than Write
	err = c.writeLine(request{Method: m.Method, Params: [1]json.RawMessage{body}, ID: m.Id})
	if err != nil {
		c.pending.take(m.Id)
	}
	return err
}

func (c *jsonCodec) writeResponse(m *codec.Message, v any) error {
	if m.Error != "" {
		return c.writeLine(response{ID: m.Id, Error: m.Error})
	}
	if m.Type == codec.Error && v == nil {
		return c.writeLine(response{ID: m.Id, Error: noError})
	}
	body, err := jsonvalue.Marshal(v)
	if err != nil {
		return err
	}
	return c.writeLine(response{ID: m.Id, Result: body})
}

func (c *jsonCodec) writeLine(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return stream.Write(c.conn, append(data, '\n'))
}

func (c *jsonCodec) readRequest(m *codec.Message) error {
	var in incoming
	if err := c.values.next(&in); err != nil {
		return err
	}
	body, err := firstParam(in.Params)
	if err != nil {
		return err
	}
	m.Method = in.Method
	m.Id = idText(in.ID)
	c.body = body
	return nil
}

// firstParam returns the only parameter that a method has here, nil when it is
// missing or null.
func firstParam(params json.RawMessage) (json.RawMessage, error) {
	if isNull(params) {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(params, &list); err != nil {
		return nil, fmt.Errorf("params of a json-rpc request: %w", err)
	}
	if len(list) == 0 || isNull(list[0]) {
		return nil, nil
	}
	return list[0], nil
}

func (c *jsonCodec) readResponse(m *codec.Message) error {
	var in incoming
	if err := c.values.next(&in); err != nil {
		return err
	}
	m.Id = idText(in.ID)
	if method, ok := c.pending.take(m.Id); ok {
		m.Method = method
	}
	text, err := errorText(in.Error)
	if err != nil {
		return err
	}
	m.Error = text
	if !isNull(in.Result) {
		c.body = in.Result
	}
	return nil
}

// errorText returns the text of a response's error, empty when it has none.
func errorText(raw json.RawMessage) (string, error) {
	if isNull(raw) {
		return "", nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", fmt.Errorf("error of a json-rpc response is not a string: %.200s", raw)
	}
	if text == "" {
		text = noError
	}
	return text, nil
}

// idText prints an id: a string as its text, null as nothing, a number as it
// was sent.
func idText(raw json.RawMessage) string {
	var text string
	if isNull(raw) || json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null"))
}

// pending knows the methods of the requests that have no response yet. One
// goroutine may write requests while another one reads responses.
type pending struct {
	mu      sync.Mutex
	methods map[string]string
}

func (p *pending) add(id, method string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.methods == nil {
		p.methods = make(map[string]string)
	}
	p.methods[id] = method
}

func (p *pending) take(id string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	method, ok := p.methods[id]
	delete(p.methods, id)
	return method, ok
}

func (p *pending) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.methods)
}
