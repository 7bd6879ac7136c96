package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/coder/websocket"
)

// Stream is a stream to an endpoint, over a WebSocket. One goroutine may send while
// another receives.
type Stream struct {
	conn *websocket.Conn
}

// Stream opens a stream to an endpoint and sends it the request. Close it in any
// case.
func (c *Client) Stream(service, endpoint string, request any) (*Stream, error) {
	o := c.options()
	ctx, cancel := context.WithCancel(context.Background())
	if o.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
	}
	defer cancel()
	url := o.url(service, endpoint)
	if rest, ok := strings.CutPrefix(url, "http"); ok {
		url = "ws" + rest
	}
	conn, rsp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: o.header(), CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		if rsp != nil && rsp.Body != nil {
			_ = rsp.Body.Close()
		}
		return nil, fmt.Errorf("stream %s %s: %w", service, endpoint, err)
	}
	conn.SetReadLimit(maxResponse)
	s := &Stream{conn}
	if err := s.Send(request); err != nil {
		_ = conn.CloseNow() // the error that counts is that of Send
		return nil, err
	}
	return s, nil
}

// Send sends a value as JSON.
func (s *Stream) Send(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("send on a stream: %w", err)
	}
	if err := s.conn.Write(context.Background(), websocket.MessageText, data); err != nil {
		return fmt.Errorf("send on a stream: %w", err)
	}
	return nil
}

// Recv waits for the next message and decodes it into v, a pointer. The error when
// the other side has ended the stream wraps a close frame with its code.
func (s *Stream) Recv(v any) error {
	_, data, err := s.conn.Read(context.Background())
	if err != nil {
		return fmt.Errorf("receive on a stream: %w", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("receive on a stream: %w", err)
	}
	return nil
}

// Close ends the stream, and a Recv that waits.
func (s *Stream) Close() error {
	return s.conn.Close(websocket.StatusNormalClosure, "")
}
