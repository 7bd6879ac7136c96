package client_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
)

// v4Server answers over plain HTTP/1.1 as a go-micro v4 server does: one HTTP
// message for each message, response headers that repeat those of the
// connection's first request, ids that it loses because HTTP changes their
// spelling, and streams on which it says nothing more once the client has
// announced its end.
type v4Server struct {
	addr   string
	stream func(*v4Stream) error // serves streams

	mu       sync.Mutex
	requests []*v4Request
}

// v4Request is one message as it arrived.
type v4Request struct {
	raw    string // the bytes
	header map[string]string
	body   string
	close  bool
}

// v4Reply is one message to send. Status is 200 OK if empty.
type v4Reply struct {
	status string
	header map[string]string
	body   string
}

// newV4Server starts a server that answers requests with handle. A nil reply
// closes the connection.
func newV4Server(t testing.TB, handle func(*v4Request) *v4Reply) *v4Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &v4Server{addr: l.Addr().String()}
	var running sync.WaitGroup
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[conn] = true
			mu.Unlock()
			running.Go(func() {
				(&v4Conn{Conn: conn, server: s, handle: handle}).run()
				conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for conn := range conns {
			conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return s
}

func (s *v4Server) received() []*v4Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// v4Conn is one connection.
type v4Conn struct {
	net.Conn
	server *v4Server
	handle func(*v4Request) *v4Reply
	first  map[string]string // headers of the first request

	mu sync.Mutex // held while writing
}

func (c *v4Conn) run() {
	var raw bytes.Buffer
	r := bufio.NewReaderSize(io.TeeReader(oneByte{c}, &raw), 16)
	streams := map[string]*v4Stream{}
	var running sync.WaitGroup
	defer running.Wait()
	defer func() {
		for _, s := range streams {
			close(s.in)
		}
	}()
	for {
		raw.Reset()
		req, err := readV4Request(r)
		if err != nil {
			return
		}
		req.raw = raw.String()
		c.server.mu.Lock()
		c.server.requests = append(c.server.requests, req)
		c.server.mu.Unlock()
		if c.first == nil {
			c.first = req.header
		}
		id := req.header["Micro-Stream"]
		if s, ok := streams[id]; ok && id != "" {
			s.in <- req
			continue
		}
		if id != "" && req.header["Micro-Error"] == "EOS" {
			continue
		}
		if id != "" {
			s := &v4Stream{conn: c, first: req, in: make(chan *v4Request, 128)}
			streams[id] = s
			running.Go(s.run)
			continue
		}
		reply := c.handle(req)
		if reply == nil || c.write(reply) != nil || req.close {
			return
		}
	}
}

// oneByte reads byte by byte, so that the bytes read are those of one message.
type oneByte struct{ io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.Reader.Read(p[:1]) }

func readV4Request(r *bufio.Reader) (*v4Request, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	header := map[string]string{}
	for k, v := range req.Header {
		header[k] = v[0]
	}
	return &v4Request{header: header, body: string(body), close: req.Close}, nil
}

func (c *v4Conn) write(reply *v4Reply) error {
	header := maps.Clone(c.first)
	maps.Copy(header, reply.header)
	delete(header, "Content-Length")
	status := reply.status
	if status == "" {
		status = "200 OK"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %s\r\n", status)
	for k, v := range header {
		fmt.Fprintf(&b, "%s: %s\r\n", http.CanonicalHeaderKey(k), v)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(reply.body), reply.body)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.Write(b.Bytes())
	return err
}

// v4Echo answers with the body.
func v4Echo(r *v4Request) *v4Reply {
	return &v4Reply{header: map[string]string{"Content-Type": r.header["Content-Type"]}, body: r.body}
}

// v4Fail answers as for a handler that returned an error with this text.
func v4Fail(text string) func(*v4Request) *v4Reply {
	return func(r *v4Request) *v4Reply {
		h := maps.Clone(r.header)
		h["Micro-Error"], h["X-Micro-Error"] = text, text
		return &v4Reply{header: h}
	}
}

// v4Stream is the server's side of a stream.
type v4Stream struct {
	conn  *v4Conn
	first *v4Request
	in    chan *v4Request
	eos   bool // the client has announced its end
}

func (s *v4Stream) run() {
	err := s.conn.server.stream(s)
	switch {
	case err != nil:
		_ = s.reply("", err.Error())
	case !s.eos:
		_ = s.reply("", "EOS")
	}
}

// recv returns the next body.
func (s *v4Stream) recv() (string, error) {
	r, ok := <-s.in
	if !ok {
		return "", io.ErrUnexpectedEOF
	}
	if r.header["Micro-Error"] == "EOS" {
		s.eos = true
		return "", io.EOF
	}
	return r.body, nil
}

func (s *v4Stream) send(body string) error { return s.reply(body, "") }

func (s *v4Stream) reply(body, failure string) error {
	h := map[string]string{}
	for _, name := range []string{"Micro-Service", "Micro-Method", "Micro-Endpoint", "Micro-Stream", "Content-Type"} {
		h[name] = s.first.header[name]
	}
	if failure != "" {
		h["Micro-Error"], h["X-Micro-Error"] = failure, failure
	}
	return s.conn.write(&v4Reply{header: h, body: body})
}
