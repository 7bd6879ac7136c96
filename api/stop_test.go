package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	"github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/api/server/cors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	microserver "github.com/justcy/go-micro/v4/server"
)

// Clock is a service whose stream does not end by itself.
type Clock struct{}

// Tick sends one message and waits.
func (*Clock) Tick(ctx context.Context, s microserver.Stream) error {
	if err := s.Send(&Response{"tick"}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// clock runs the service, and a site that sends events without end.
func clock(t *testing.T, w *apitest.World) {
	t.Helper()
	w.Serve("clock", new(Clock), api.WithEndpoint(&api.Endpoint{Name: "Clock.Tick", Path: []string{"/ticks"}, Method: []string{"GET"}, Handler: "rpc"}))
	site := w.Listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: tick\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	err := w.Registry.Register(&registry.Service{Name: "site", Version: "1",
		Nodes:     []*registry.Node{{Id: "1", Address: strings.TrimPrefix(site, "http://")}},
		Endpoints: []*registry.Endpoint{{Name: "/", Metadata: api.Encode(&api.Endpoint{Name: "/", Path: []string{"/site"}, Method: []string{"GET"}, Handler: "http"})}}})
	if err != nil {
		t.Fatal(err)
	}
}

// read reads events until they end, and tells of the first.
func read(t *testing.T, url string, first chan<- string) {
	defer close(first)
	r, _ := http.NewRequest("GET", url, nil)
	r.Header.Set("Accept", "text/event-stream")
	rsp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return
	}
	defer rsp.Body.Close()
	for lines := bufio.NewScanner(rsp.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data:") {
			first <- lines.Text()
		}
	}
}

func TestStreamsWithoutAnEndDoNotKeepAGatewayFromStopping(t *testing.T) {
	w := apitest.NewWorld(t)
	clock(t, w)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	url, ran := launch(ctx, w, api.WithServer(server.StopTimeout(testkit.Patience)))
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(url, "http", "ws", 1)+"/ticks", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow() //nolint:errcheck // the test is over
	if _, _, err := conn.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	events, proxied := make(chan string), make(chan string)
	go read(t, url+"/ticks", events)
	go read(t, url+"/site", proxied)
	<-events
	<-proxied

	cancel()
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the WebSocket ended with %v", err)
	}
	if err := <-ran; err != nil { // nothing was cut off
		t.Error(err)
	}
	<-events
	<-proxied
}

func TestOnlyOriginsThatCORSNamesOpenWebSockets(t *testing.T) {
	for allowed, want := range map[string]bool{"https://app.example.com": true, "*": false, "": false} {
		w := apitest.NewWorld(t)
		clock(t, w)
		url := run(t, w, api.WithServer(server.EnableCORS(true), server.CORSConfig(&cors.Config{AllowOrigin: allowed})))
		header := http.Header{"Origin": {"https://app.example.com"}}
		conn, _, err := websocket.Dial(t.Context(), strings.Replace(url, "http", "ws", 1)+"/ticks", &websocket.DialOptions{HTTPHeader: header})
		if (err == nil) != want {
			t.Errorf("%q: %v", allowed, err)
		}
		if err == nil {
			_ = conn.CloseNow()
		}
	}
}
