package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// netHTTPPeer is a protobuf POST with the standard library's own HTTP/1.1
// client and server.
func netHTTPPeer() peer {
	return peer{name: "net/http", cases: []string{caseHTTP1}, serve: serveNetHTTP, dial: dialNetHTTP}
}

const protobufType = "application/protobuf"

type netHTTPSession struct {
	client *http.Client
	url    string
}

func serveNetHTTP(s setup) (*endpoint, error) {
	return serveWeb(s, http.HandlerFunc(netHTTPEcho), false)
}

func dialNetHTTP(s setup, url string) (session, error) {
	return &netHTTPSession{newWebClient(s, false), url}, nil
}

func netHTTPEcho(w http.ResponseWriter, r *http.Request) {
	m := new(echopb.Message)
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = proto.Unmarshal(body, m)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply, err := proto.Marshal(&echopb.Message{Body: m.Body})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", protobufType)
	_, _ = w.Write(reply) // the client reports a reply cut short
}

func (s *netHTTPSession) call(ctx context.Context, _ int, m *echopb.Message) (int, error) {
	body, err := proto.Marshal(m)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", protobufType)
	rsp, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rsp.Body.Close() }() // read to its end below
	if rsp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("net/http: status %s", rsp.Status)
	}
	encoded, err := io.ReadAll(rsp.Body)
	if err != nil {
		return 0, err
	}
	reply := new(echopb.Message)
	if err := proto.Unmarshal(encoded, reply); err != nil {
		return 0, err
	}
	return len(reply.GetBody()), nil
}

func (s *netHTTPSession) close() error {
	s.client.CloseIdleConnections()
	return nil
}
