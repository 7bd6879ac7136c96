package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	"github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/transport"
)

// BenchmarkGateway posts JSON to a service behind a gateway, and to a plain handler
// of net/http that does the same work, turn by turn, and reports how much of the
// second's throughput the first has.
func BenchmarkGateway(b *testing.B) {
	w := apitest.NewWorld(b)
	w.Transport = transport.NewHTTPTransport()
	if err := w.Client.Init(client.Transport(w.Transport)); err != nil {
		b.Fatal(err)
	}
	greeter(w)
	ctx, cancel := context.WithCancel(context.Background())
	gateway, ran := launch(ctx, w, api.WithServer(server.AccessLog(io.Discard)))
	defer func() { cancel(); <-ran }()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req Request
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(&Response{Greeting: "Hello " + req.Name})
	}))
	defer plain.Close()
	urls := [2]string{gateway + "/greeter/Greeter/Hello", plain.URL}
	for _, url := range urls { // until both answer
		for post(batchClient, url) != nil {
			time.Sleep(time.Millisecond)
		}
	}
	var spent [2]time.Duration
	for b.Loop() {
		for i, url := range urls {
			began := time.Now()
			if err := batch(url); err != nil {
				b.Fatal(err)
			}
			spent[i] += time.Since(began)
		}
	}
	batchClient.CloseIdleConnections()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(batchSize*b.N)/spent[0].Seconds(), "gateway-req/s")
	b.ReportMetric(float64(batchSize*b.N)/spent[1].Seconds(), "plain-req/s")
	b.ReportMetric(spent[1].Seconds()/spent[0].Seconds(), "ratio")
}

const (
	batchSize    = 1600
	batchCallers = 16
)

// batchClient keeps a connection for each caller.
var batchClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: batchCallers}}

// batch makes requests at a time.
func batch(url string) error {
	errs := make(chan error, batchCallers)
	for range batchCallers {
		go func() {
			for range batchSize / batchCallers {
				if err := post(batchClient, url); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var first error
	for range batchCallers {
		if err := <-errs; err != nil {
			first = err
		}
	}
	return first
}

func post(c *http.Client, url string) error {
	rsp, err := c.Post(url, "application/json", bytes.NewReader([]byte(`{"name":"Ada"}`)))
	if err != nil {
		return err
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err == nil && (rsp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("Hello Ada"))) {
		err = fmt.Errorf("%d %s", rsp.StatusCode, body)
	}
	return err
}
