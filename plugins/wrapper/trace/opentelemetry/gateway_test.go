package opentelemetry_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/handler/rpc"
	"github.com/justcy/go-micro/v4/api/router"
	routes "github.com/justcy/go-micro/v4/api/router/registry"
	"github.com/justcy/go-micro/v4/microtest"
)

// A browser's trace goes through the gateway, two services, a stream and the broker
// to a subscriber.
func TestATraceCrossesTheGatewayAsOneTree(t *testing.T) {
	tp, exporter := newProvider(t)
	net := microtest.New(t, microtest.Logger(quiet()))
	var received sync.WaitGroup
	received.Add(1)
	// Its client is traced, as that of a service is.
	gateway := runShop(t, inMemory{net}, tp, func(context.Context) { received.Done() },
		api.WithEndpoint(&api.Endpoint{Name: "Front.Sell", Path: []string{"/sell"}, Method: []string{"POST"}, Handler: rpc.Handler}))
	rtr := routes.NewRouter(router.WithRegistry(gateway.Options().Registry), router.WithLogger(quiet()))
	defer rtr.Stop() //nolint:errcheck // fails never
	web := httptest.NewServer(rpc.NewHandler(handler.WithRouter(rtr), handler.WithClient(gateway), handler.WithLogger(quiet())))
	defer web.Close()

	const browser = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/sell", bytes.NewBufferString(`{"Name":"lamp"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Traceparent", browser)
	rsp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer rsp.Body.Close()
	if body, err := io.ReadAll(rsp.Body); err != nil || rsp.StatusCode != http.StatusOK || !strings.Contains(string(body), "followed") {
		t.Fatalf("%d %s, %v", rsp.StatusCode, body, err)
	}
	received.Wait()
	eventually(t, func() bool { return len(exporter.GetSpans()) == 8 }, func() string { return tree(exporter.GetSpans()) })
	spans := exporter.GetSpans()
	for i := range spans {
		if id := spans[i].SpanContext.TraceID().String(); id != browser[3:35] {
			t.Errorf("%s is in trace %s", spans[i].Name, id)
		}
		if spans[i].Parent.SpanID().String() == browser[36:52] { // the browser's own span is exported elsewhere
			spans[i].Parent = spans[i].Parent.WithSpanID([8]byte{})
		}
	}
	if got := tree(spans); got != wholeTree {
		t.Errorf("got\n%swant\n%s", got, wholeTree)
	}
}
