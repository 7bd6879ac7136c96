package prometheus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/justcy/go-micro/plugins/v4/wrapper/monitoring/prometheus"
	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/microtest"
	"github.com/justcy/go-micro/v4/server"
)

type Request struct{ Fail bool }
type Response struct{}

// Shop sells.
type Shop struct{}

func (Shop) Sell(_ context.Context, req *Request, _ *Response) error {
	if req.Fail {
		return errors.New("sold out")
	}
	return nil
}

func (Shop) Follow(_ context.Context, s server.Stream) error { return s.Send(&Response{}) }

func TestTheContractedSeriesAreShown(t *testing.T) {
	reg := prom.NewRegistry()
	net := microtest.New(t, microtest.Logger(logger.NewLogger(logger.WithOutput(io.Discard))))
	opts := func(name string) []prometheus.Option {
		return []prometheus.Option{nil, prometheus.WithRegisterer(reg), prometheus.ServiceName(name), prometheus.ServiceVersion("1.0.0"), prometheus.ServiceID("n1")}
	}
	shop := net.Service("shop", micro.WrapHandler(prometheus.NewHandlerWrapper(opts("shop")...)),
		micro.WrapSubscriber(prometheus.NewSubscriberWrapper(opts("shop")...)))
	if err := micro.RegisterHandler(shop.Server(), Shop{}); err != nil {
		t.Fatal(err)
	}
	if err := micro.RegisterSubscriber("orders", shop.Server(), func(context.Context, *Request) error { return nil }); err != nil {
		t.Fatal(err)
	}
	net.Start(shop)
	c := prometheus.NewClientWrapper(opts("cli")...)(net.Client("cli", client.ContentType("application/json"),
		client.WrapCall(prometheus.NewCallWrapper(opts("attempt")...))))
	if err := c.Options().Broker.Connect(); err != nil {
		t.Fatal(err)
	}
	use(t, c)
	want := `
# HELP micro_request_total Requests processed, partitioned by endpoint and status
# TYPE micro_request_total counter
micro_request_total{micro_endpoint="Shop.Follow",micro_id="n1",micro_name="shop",micro_status="success",micro_version="1.0.0"} 1
micro_request_total{micro_endpoint="Shop.Sell",micro_id="n1",micro_name="shop",micro_status="failure",micro_version="1.0.0"} 1
micro_request_total{micro_endpoint="Shop.Sell",micro_id="n1",micro_name="shop",micro_status="success",micro_version="1.0.0"} 2
micro_request_total{micro_endpoint="orders",micro_id="n1",micro_name="cli",micro_status="success",micro_version="1.0.0"} 1
micro_request_total{micro_endpoint="orders",micro_id="n1",micro_name="shop",micro_status="success",micro_version="1.0.0"} 1
micro_request_total{micro_endpoint="shop.Shop.Follow",micro_id="n1",micro_name="cli",micro_status="success",micro_version="1.0.0"} 1
micro_request_total{micro_endpoint="shop.Shop.Sell",micro_id="n1",micro_name="attempt",micro_status="failure",micro_version="1.0.0"} 1
micro_request_total{micro_endpoint="shop.Shop.Sell",micro_id="n1",micro_name="attempt",micro_status="success",micro_version="1.0.0"} 2
micro_request_total{micro_endpoint="shop.Shop.Sell",micro_id="n1",micro_name="cli",micro_status="failure",micro_version="1.0.0"} 1
micro_request_total{micro_endpoint="shop.Shop.Sell",micro_id="n1",micro_name="cli",micro_status="success",micro_version="1.0.0"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "micro_request_total"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"micro_latency_microseconds", "micro_request_duration_seconds"} {
		if n, err := testutil.GatherAndCount(reg, name); err != nil || n != 7 {
			t.Errorf("%s has %d series, %v", name, n, err)
		}
	}
}

// use sells twice, fails once, follows, and publishes.
func use(t *testing.T, c client.Client) {
	t.Helper()
	for _, fail := range []bool{false, false, true} {
		err := c.Call(t.Context(), c.NewRequest("shop", "Shop.Sell", &Request{fail}), new(Response))
		if (err != nil) != fail {
			t.Fatal(err)
		}
	}
	s, err := c.Stream(t.Context(), c.NewRequest("shop", "Shop.Follow", &Request{}))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // to its end, after which it has been counted
		err = s.Recv(new(Response))
	}
	if err := errors.Join(s.Close(), c.Publish(t.Context(), c.NewMessage("orders", &Request{}))); err != nil {
		t.Fatal(err)
	}
}

func TestPrefixesTakeEffect(t *testing.T) {
	prometheus.DefaultMetricPrefix, prometheus.DefaultLabelPrefix = "acme_", "a_"
	defer func() { prometheus.DefaultMetricPrefix, prometheus.DefaultLabelPrefix = "micro_", "micro_" }()
	reg := prom.NewRegistry()
	handle(t, prometheus.NewHandlerWrapper(prometheus.WithRegisterer(reg)))
	want := `
# HELP acme_request_total Requests processed, partitioned by endpoint and status
# TYPE acme_request_total counter
acme_request_total{a_endpoint="Shop.Sell",a_id="",a_name="",a_status="success",a_version=""} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "acme_request_total"); err != nil {
		t.Error(err)
	}
}

type request struct{ server.Request }

func (request) Endpoint() string { return "Shop.Sell" }

// called is a request of a client.
type called struct {
	client.Request
	endpoint string
}

func (called) Service() string    { return "shop" }
func (c called) Endpoint() string { return c.endpoint }

// unanswered is a client whose calls reach nobody.
type unanswered struct{ client.Client }

func (unanswered) Call(context.Context, client.Request, any, ...client.CallOption) error {
	return errors.New("not found")
}

// endpoints are the endpoints that have a counter, and how much was counted.
func endpoints(t *testing.T, reg *prom.Registry) (labels map[string]bool, counted float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	labels = map[string]bool{}
	for _, f := range families {
		if f.GetName() != "micro_request_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "micro_endpoint" {
					labels[l.GetValue()] = true
				}
			}
			counted += m.GetCounter().GetValue()
		}
	}
	return labels, counted
}

func TestStrangersCannotAddSeriesWithoutEnd(t *testing.T) {
	reg := prom.NewRegistry()
	c := prometheus.NewClientWrapper(prometheus.WithRegisterer(reg))(unanswered{})
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 1000 {
				_ = c.Call(t.Context(), called{endpoint: fmt.Sprint("Guess.", worker, ".", i)}, nil)
			}
		})
	}
	wg.Wait()
	labels, counted := endpoints(t, reg)
	if len(labels) != 1001 || !labels["other"] || counted != 4000 {
		t.Errorf("%d endpoints, %v calls", len(labels), counted)
	}
}

func TestAnEndpointThatIsNoTextIsCounted(t *testing.T) {
	reg := prom.NewRegistry()
	c := prometheus.NewClientWrapper(prometheus.WithRegisterer(reg))(unanswered{})
	if err := c.Call(t.Context(), called{endpoint: "Odd.\xff"}, nil); err == nil {
		t.Error("the error of the call is lost")
	}
	if labels, counted := endpoints(t, reg); !labels["shop.Odd.\uFFFD"] || counted != 1 {
		t.Errorf("%v, %v calls", labels, counted)
	}
}

func handle(t *testing.T, w server.HandlerWrapper) {
	t.Helper()
	if err := w(func(context.Context, server.Request, any) error { return nil })(t.Context(), request{}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestWrappersShareTheCollectorsThatAreRegistered(t *testing.T) {
	reg := prom.NewRegistry()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { handle(t, prometheus.NewHandlerWrapper(prometheus.WithRegisterer(reg))) })
	}
	wg.Wait()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "micro_request_total" && f.GetMetric()[0].GetCounter().GetValue() != 8 {
			t.Errorf("counted %v of 8", f.GetMetric()[0].GetCounter().GetValue())
		}
	}
}

func TestANameThatIsTakenIsTold(t *testing.T) {
	reg := prom.NewRegistry()
	reg.MustRegister(prom.NewGauge(prom.GaugeOpts{Name: "micro_request_total", Help: "mine"}))
	var out bytes.Buffer
	l := logger.NewLogger(logger.WithOutput(&out))
	handle(t, prometheus.NewHandlerWrapper(prometheus.WithRegisterer(reg), prometheus.WithLogger(l)))
	if text := out.String(); !strings.Contains(text, "is not registered") {
		t.Errorf("the log says %q", text)
	}
}

func TestAHandlerThatPanicsIsAFailure(t *testing.T) {
	reg := prom.NewRegistry()
	w := prometheus.NewHandlerWrapper(prometheus.WithRegisterer(reg))
	func() {
		defer func() { _ = recover() }()
		_ = w(func(context.Context, server.Request, any) error { panic("no") })(t.Context(), request{}, nil)
	}()
	want := `
# HELP micro_request_total Requests processed, partitioned by endpoint and status
# TYPE micro_request_total counter
micro_request_total{micro_endpoint="Shop.Sell",micro_id="",micro_name="",micro_status="failure",micro_version=""} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "micro_request_total"); err != nil {
		t.Error(err)
	}
}

func Example() {
	reg := prom.NewRegistry()
	w := prometheus.NewHandlerWrapper(prometheus.WithRegisterer(reg), prometheus.ServiceName("shop"))
	_ = w(func(context.Context, server.Request, any) error { return nil })(context.Background(), request{}, nil)
	families, _ := reg.Gather()
	for _, f := range families {
		fmt.Println(f.GetName(), f.GetType())
	}
	// Output:
	// micro_latency_microseconds SUMMARY
	// micro_request_duration_seconds HISTOGRAM
	// micro_request_total COUNTER
}
