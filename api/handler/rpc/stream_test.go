package rpc_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/handler/rpc"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/server"
)

// Talk is a service of streams.
type Talk struct{ ended chan error }

// Echo sends what it receives until there is no more, or fails when told to.
func (h *Talk) Echo(_ context.Context, s server.Stream) error {
	for {
		var q Query
		err := s.Recv(&q)
		if err == nil {
			switch q.Name {
			case "fail":
				return errors.NotFound("talk", "no such thing")
			case "done":
				return nil
			}
			err = s.Send(&q)
		}
		if err != nil {
			h.ended <- err
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// Count sends as many messages as it is asked for.
func (*Talk) Count(_ context.Context, s server.Stream) error {
	var q Query
	if err := s.Recv(&q); err != nil {
		return err
	}
	for i := range q.Count {
		if err := s.Send(&Query{Count: i}); err != nil {
			return err
		}
	}
	if q.Name == "fail" {
		return errors.Forbidden("talk", "enough")
	}
	return nil
}

// Forever sends nothing and waits for the end of its context.
func (h *Talk) Forever(ctx context.Context, s server.Stream) error {
	<-ctx.Done()
	h.ended <- ctx.Err()
	return ctx.Err()
}

func talk(t *testing.T, opts ...handler.Option) (string, *Talk) {
	t.Helper()
	w := apitest.NewWorld(t)
	h := &Talk{ended: make(chan error, 10)}
	w.Serve("talk", h,
		api.WithEndpoint(endpoint("Talk.Echo", "/echo", "GET")),
		api.WithEndpoint(endpoint("Talk.Count", "/count", "GET", "POST")),
		api.WithEndpoint(endpoint("Talk.Forever", "/forever", "GET")),
	)
	return w.Listen(rpc.NewHandler(append(w.Options(w.Router()), opts...)...)), h
}

func dial(t *testing.T, url string, opts *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	conn, rsp, err := websocket.Dial(t.Context(), strings.Replace(url, "http", "ws", 1), opts)
	if err != nil {
		t.Fatalf("%v, %v", err, rsp)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func exchange(t *testing.T, conn *websocket.Conn, frame string) (websocket.MessageType, string) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		t.Fatal(err)
	}
	kind, data, err := conn.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return kind, string(data)
}

func TestAWebSocketIsAStream(t *testing.T) {
	url, h := talk(t)
	for name, tc := range map[string]struct {
		header http.Header
		offer  []string
		kind   websocket.MessageType
		agreed string
	}{
		"plain":       {nil, nil, websocket.MessageBinary, ""},
		"json":        {http.Header{"Content-Type": {"application/json; charset=utf-8"}}, nil, websocket.MessageText, ""},
		"json, asked": {nil, []string{"json"}, websocket.MessageText, "json"},
		"binary":      {http.Header{"Content-Type": {"application/json"}}, []string{"other", "binary"}, websocket.MessageBinary, "binary"},
		"any":         {nil, []string{"anything"}, websocket.MessageBinary, "anything"},
	} {
		conn := dial(t, url+"/echo", &websocket.DialOptions{HTTPHeader: tc.header, Subprotocols: tc.offer})
		for _, n := range []string{"a", "b"} {
			kind, data := exchange(t, conn, `{"name":"`+n+`"}`)
			if kind != tc.kind || !strings.Contains(data, `"name":"`+n+`"`) || conn.Subprotocol() != tc.agreed {
				t.Errorf("%s: got %v %s %q", name, kind, data, conn.Subprotocol())
			}
		}
		if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		<-h.ended // the stream of the service ends with the WebSocket
	}
}

func TestAQueryIsTheFirstMessage(t *testing.T) {
	url, _ := talk(t)
	conn := dial(t, url+"/echo?name=first", nil)
	if _, data, err := conn.Read(t.Context()); err != nil || !strings.Contains(string(data), "first") {
		t.Errorf("got %s, %v", data, err)
	}
}

func TestTheEndOfAStreamClosesTheWebSocketWithACode(t *testing.T) {
	url, _ := talk(t)
	for name, want := range map[string]websocket.StatusCode{"done": websocket.StatusNormalClosure, "fail": websocket.StatusPolicyViolation} {
		conn := dial(t, url+"/echo?name="+name, nil)
		_, _, err := conn.Read(t.Context())
		var closed websocket.CloseError
		if websocket.CloseStatus(err) != want {
			t.Errorf("%s: %v", name, err)
		}
		if name == "fail" && (!asClose(err, &closed) || closed.Reason != "no such thing") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func asClose(err error, to *websocket.CloseError) bool {
	e, ok := err.(websocket.CloseError)
	for !ok && err != nil {
		u, can := err.(interface{ Unwrap() error })
		if !can {
			return false
		}
		err = u.Unwrap()
		e, ok = err.(websocket.CloseError)
	}
	*to = e
	return ok
}

func TestAWebSocketThatIsCutEndsTheStream(t *testing.T) {
	url, h := talk(t)
	conn := dial(t, url+"/forever", nil)
	_ = conn.CloseNow()
	<-h.ended
}

func TestPingsOfClientsAreAnswered(t *testing.T) {
	url, _ := talk(t)
	conn := dial(t, url+"/echo", nil)
	ctx := conn.CloseRead(t.Context())
	if err := conn.Ping(ctx); err != nil {
		t.Error(err)
	}
}

func TestAFrameOverTheLimitClosesTheWebSocket(t *testing.T) {
	url, _ := talk(t, handler.WithMaxRecvSize(100))
	conn := dial(t, url+"/echo", nil)
	_ = conn.Write(t.Context(), websocket.MessageText, make([]byte, 1000))
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("got %v", err)
	}
}

func TestOnlyPagesOfAllowedOriginsOpenWebSockets(t *testing.T) {
	url, _ := talk(t, handler.WithOrigins("https://app.example.com"))
	own := strings.TrimPrefix(url, "http://")
	for origin, want := range map[string]bool{"": true, "http://" + own: true, "https://app.example.com": true, "https://evil.example.com": false, "null": false} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		conn, rsp, err := websocket.Dial(t.Context(), "ws://"+own+"/echo", &websocket.DialOptions{HTTPHeader: header})
		if (err == nil) != want {
			t.Errorf("%q: %v", origin, err)
		}
		if err != nil && (rsp.StatusCode != 403 || rsp.Header.Get("Content-Type") != typeJSON) {
			t.Errorf("%q: %v", origin, rsp)
		}
		if conn != nil {
			_ = conn.CloseNow()
		}
	}
}

func TestABrokenUpgradeIsAnsweredInJSON(t *testing.T) {
	url, _ := talk(t)
	r, _ := http.NewRequest("GET", url+"/echo", nil)
	r.Header.Set("Connection", "keep-alive, Upgrade")
	r.Header.Set("Upgrade", "WebSocket")
	rsp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	body, _ := io.ReadAll(rsp.Body)
	if rsp.StatusCode < 400 || rsp.StatusCode >= 500 || rsp.Header.Get("Content-Type") != typeJSON {
		t.Errorf("got %d %v %s", rsp.StatusCode, rsp.Header, body)
	}
}

// events reads server-sent events to their end.
func events(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	r.Header.Set("Accept", "application/json;q=0.5, text/event-stream; charset=utf-8")
	rsp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rsp, string(body)
}

func TestAStreamIsServedAsEvents(t *testing.T) {
	url, _ := talk(t)
	rsp, body := events(t, url+"/count?count=2")
	if rsp.Header.Get("Content-Type") != "text/event-stream" || strings.Count(body, "data: {\"userId\"") != 2 || !strings.HasSuffix(body, "event: end\ndata: {}\n\n") {
		t.Errorf("got %v %s", rsp.Header, body)
	}
	if _, body := events(t, url+"/count?count=1&name=fail"); !strings.Contains(body, "event: error\ndata: {\"id\":\"talk\",\"code\":403") {
		t.Errorf("got %s", body)
	}
}

func TestEventsEndWithTheirClient(t *testing.T) {
	url, h := talk(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", url+"/forever", nil)
	r.Header.Set("Accept", "text/event-stream")
	rsp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = rsp.Body.Close()
	<-h.ended
}

func TestAUnaryEndpointIsNoStream(t *testing.T) {
	h, _ := gateway(t)
	r := request("GET", "/raw?a=1", "", "")
	r.Header.Set("Accept", "text/event-stream")
	if rec := apitest.Do(h, r); strings.TrimSpace(rec.Body.String()) != `{"a":1}` {
		t.Errorf("got %d %s", rec.Code, rec.Body)
	}
}
